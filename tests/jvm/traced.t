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

# traced [as_user] NAME LIBRARY KIND FUNCTION...: a JVM with a copy of traced.so, $DIR/preloaded.so, and a
# tracer of the library's functions; false if there can be no tracer.
traced() {
    local user=() name library kind go
    [ "$1" != as_user ] || { user=(as_user) && shift; }
    name=$1 library=$2 kind=$3
    shift 3
    go=$DIR/go-$name
    mkfifo -m 666 "$go"
    cp "$TMP/traced.so" "$DIR/preloaded.so"
    chmod 755 "$DIR/preloaded.so"
    CONFINE=(env "LD_PRELOAD=$DIR/preloaded.so" "TRACED_GO=$go")
    start_jvm "$name-$V" "${user[@]}" - -cp "$CP" Opened
    CONFINE=()
    jvm=$pid jvm_log=$log
    start "tracer-$name-$V" python3 "$TMP/trace" "$library" "$jvm" "$kind" "$@"
    tracer=$pid
    if ! wait_line "$log" set; then
        cannot "$V: a JVM that was traced continues without its tracer" "$(tail -n 1 "$log")"
        stop "$jvm"
        return 1
    fi
    wait_line "$jvm_log" ready
    : >"$go"
}

# continues [as_user] IMAGE WHAT: the image is restored, runs, and ends by SIGTERM as without a tracer.
continues() {
    local user=()
    [ "$1" != as_user ] || { user=(as_user) && shift; }
    restore "back-${1##*/}-$V" "${user[@]}" "$1"
    ok "$V: $2 continues without its tracer" wait_more "$log" 10
    kill "$pid" || true
    wait_exit "$pid"
    is "$status" 143 "$V: $2: SIGTERM ends the restored JVM with 143"
}

body() {
    local jvm jvm_log tracer library=$DIR/preloaded.so
    traced plain "$library" entry traced_plain traced_nop || return 0
    wait_more "$jvm_log" 20
    freeze "$jvm" "$DIR/image" "$V: a traced JVM"
    stop "$tracer"
    continues "$DIR/image" "a JVM that was traced"

    traced agent "$BUILD/libcheckpointer.so" entry Agent_OnUnload || return 0
    freeze "$jvm" "$DIR/agent" "$V: a JVM with a traced agent"
    stop "$tracer"
    continues "$DIR/agent" "a JVM whose agent was traced"

    traced deleted "$library" entry traced_plain traced_nop || return 0
    rm "$library"
    wait_more "$jvm_log" 20
    freeze "$jvm" "$DIR/deleted" "$V: a JVM with a traced, deleted library"
    stop "$tracer"
    continues "$DIR/deleted" "a JVM of which a deleted library was traced"

    unknown_code

    traced return "$library" return traced_wait || return 0
    ok "$V: the traced JVM has the kernel's area for uprobes" has_area "$jvm"
    run "$CKPT" checkpoint "$jvm" "$DIR/refused"
    like "$status $err" "^1 .*a tracer watches functions that 1 threads are in, such as thread [0-9]+ \(" \
        "$V: checkpoint: a thread that would return to the tracer is refused"
    stop "$tracer"
    stop "$jvm"
}

# Without privileges, no one can read the file of a deleted library, so what the tracer changed is unknown.
unknown_code() {
    chmod 755 "$TMP"
    mkdir -m 777 "$DIR/user"
    traced as_user unknown "$library" entry traced_plain traced_nop || return 0
    rm "$library"
    wait_more "$jvm_log" 20
    run as_user "$CKPT" checkpoint "$jvm" "$DIR/user/unknown"
    like "$status $err" "^1 .*a tracer watches the JVM .*'$library \(deleted\)'.*detach it from the JVM" \
        "$V: checkpoint: traced code whose file cannot be read is refused"
    stop "$tracer"
    freeze as_user "$jvm" "$DIR/user/unknown" "$V: a JVM whose tracer was detached"
    continues as_user "$DIR/user/unknown" "a JVM whose tracer was detached before the checkpoint"
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
