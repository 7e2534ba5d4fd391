#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM that is traced by uprobes, as by bpftrace and eBPF agents: their breakpoints in the code of
# libraries are not in the image, where they would end the restored JVM by SIGTRAP. A thread that would
# return to the tracer is refused.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc python3
compile Opened
gcc -O1 -shared -fPIC -pthread -o "$TMP/traced.so" "$TOP/tests/jvm/java/traced.c"

# trace LIBRARY PID return|entry FUNCTION...: prints "set" when each function is traced, or "no: WHY" if
# that is impossible.
cat >"$TMP/trace" <<'PYTHON'
import ctypes, os, signal, struct, subprocess, sys, time

PERF_EVENT_OPEN = 298
path, pid, kind, names = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
libc = ctypes.CDLL(None, use_errno=True)
symbols = {words[7]: int(words[1], 16) for words in map(str.split, subprocess.check_output(
    ["readelf", "-sW", path], text=True).splitlines()) if len(words) > 7 and words[3] == "FUNC"}
sections = [words for words in map(str.split, subprocess.check_output(
    ["readelf", "-lW", path], text=True).splitlines()) if words[:1] == ["LOAD"]]


def offset(name):
    for words in sections:
        start, address, size = (int(words[i], 16) for i in (1, 2, 4))
        if address <= symbols[name] < address + size:
            return symbols[name] - address + start
    sys.exit(f"no: {name} is in no segment")


try:
    with open("/sys/bus/event_source/devices/uprobe/type", encoding="ascii") as file:
        number = int(file.read())
except OSError as error:
    sys.exit(print(f"no: {error}", flush=True))
files = []
for name in names:
    where = ctypes.create_string_buffer(path.encode())
    attributes = bytearray(128)
    struct.pack_into("IIQQ", attributes, 0, number, 128, kind == "return", 0)
    struct.pack_into("QQ", attributes, 56, ctypes.addressof(where), offset(name))
    buffer = (ctypes.c_char * 128).from_buffer(attributes)
    found = libc.syscall(PERF_EVENT_OPEN, buffer, pid, -1, -1, 8)
    if found < 0:
        sys.exit(print(f"no: {os.strerror(ctypes.get_errno())}", flush=True))
    files.append(found)
print("set", flush=True)
signal.pause()
PYTHON

# traced KIND FUNCTION...: a JVM with the library, and a tracer; false if there can be no tracer.
traced() {
    mkfifo "$DIR/go-$1"
    CONFINE=(env "LD_PRELOAD=$TMP/traced.so" "TRACED_GO=$DIR/go-$1")
    start_jvm "$1-$V" - -cp "$CP" Opened
    CONFINE=()
    jvm=$pid jvm_log=$log
    start "tracer-$1-$V" python3 "$TMP/trace" "$TMP/traced.so" "$jvm" "$@"
    tracer=$pid
    if ! wait_line "$log" set 60; then
        cannot "$V: a JVM that was traced continues without its tracer" "$(tail -n 1 "$log")"
        stop "$jvm"
        return 1
    fi
    wait_line "$jvm_log" ready
    : >"$DIR/go-$1"
}

body() {
    local jvm jvm_log tracer
    traced entry traced_plain traced_nop || return 0
    wait_more "$jvm_log" 20
    freeze "$jvm" "$DIR/image" "$V: a traced JVM"
    stop "$tracer"
    restore "back-$V" "$DIR/image"
    ok "$V: a JVM that was traced continues without its tracer" wait_more "$log" 10
    stop "$pid"

    traced return traced_wait || return 0
    ok "$V: the traced JVM has the kernel's area for uprobes" has_area "$jvm"
    run "$CKPT" checkpoint "$jvm" "$DIR/refused"
    like "$status $err" "^1 .*a tracer watches functions that 1 threads are in, such as thread [0-9]+ \(" \
        "$V: checkpoint: a thread that would return to the tracer is refused"
    stop "$tracer"
    stop "$jvm"
}

has_area() {
    local end=$((SECONDS + 30))
    until grep -q '\[uprobes\]' "/proc/$1/maps"; do
        [ "$SECONDS" -lt "$end" ] || return 1
    done
}

if [ "$(id -u)" = 0 ]; then
    each_jdk body
else
    cannot "a JVM that was traced continues without its tracer" "only root may set uprobes"
fi
done_testing
