#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# JVMs with large numbers of objects: 1,000 threads, thousands of descriptors, 30,000 mappings. No work
# that grows with the square of their number while threads are parked; no need for twice the limit of
# descriptors; a rehearsal whose sockets conflict neither with each other nor with those of others.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Many

# receiver PORT: shares the port, sends itself datagrams, and prints how many it did not get.
cat >"$TMP/receiver" <<'PYTHON'
import select, signal, socket, sys, time

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
receiver.bind(("127.0.0.1", int(sys.argv[1])))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
print("up", flush=True)
lost = 0
while not ended:
    sender.sendto(b"x", receiver.getsockname())
    if select.select([receiver], [], [], 0.2)[0]:
        receiver.recv(1)
    elif not ended:
        lost += 1
print("lost", lost, flush=True)
PYTHON

# many NAME MOST ARGUMENT...: a JVM that may have that many descriptors.
many() {
    local name=$1 most=$2
    shift 2
    if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt "$most" ]; then
        skip "$V: $name: the JVM is restored" "the limit on descriptors is below $most"
        return 1
    fi
    CONFINE=(bash -c "ulimit -n $most && exec \"\$@\"" -)
    start_jvm "$name-$V" - -Xmx256m -cp "$CP" Many "$DIR/files" "$@"
    CONFINE=()
    wait_line "$log" ready
}

# restore_all NAME MOST: the restored JVM, with the same limit, has all its objects.
restore_all() {
    CONFINE=(bash -c "ulimit -n $2 && exec \"\$@\"" -)
    run "${CONFINE[@]}" "$CKPT" restore --dry-run "$DIR/$1"
    is "$status$err" 0 "$V: $1: restore --dry-run succeeds"
    restore "$1-back-$V" "$DIR/$1"
    CONFINE=()
    ok "$V: $1: the JVM is restored" wait_line "$log" "tick"
    is "$(grep -c 'tick [0-9]*:' "$log")" 0 "$V: $1: the restored JVM has all its objects"
    stop "$pid"
}

# Anonymous files share one inode, and only the kernel knows which descriptors are one open file.
comparisons() {
    local tracer process calls
    many compared 2000 selectors:300 || return 0
    process=$pid
    start "tracer-$V" strace -f -p "$process" -e trace=kcmp -o "$DIR/kcmp"
    tracer=$pid
    wait_line "$log" attached
    freeze "$process" "$DIR/compared" "$V: 300 selectors"
    wait_exit "$tracer"
    calls=$(grep -c 'kcmp(' "$DIR/kcmp")
    ok "$V: 300 selectors are compared in fewer than 60000 calls ($calls)" test "$calls" -lt 60000
    restore_all compared 2000
}

# Two thirds of the limit are in use: a restore needs only a few numbers more than the JVM had.
near_the_limit() {
    many limit 1000 files:650 || return 0
    freeze "$pid" "$DIR/limit" "$V: 650 of 1000 descriptors"
    restore_all limit 1000
}

# Ports that the kernel chose, as it does for other sockets that a rehearsal binds.
ports() {
    many ports 4000 ports:1000 || return 0
    freeze "$pid" "$DIR/ports" "$V: 1000 ports"
    restore_all ports 4000
}

# A rehearsal takes no datagrams from the process that shares the port.
datagrams() {
    local port rules=$DIR/rules receiver
    port=$(free_port)
    printf 'type: socket\nlocalPort: %s\naction: reopen\n' "$port" >"$rules"
    OPTIONS=(addr=none "policies=$rules")
    start_jvm "udp-$V" - -Djava.net.preferIPv4Stack=true -cp "$CP" Many "$DIR/files" "udp:$port"
    OPTIONS=(addr=none)
    wait_line "$log" ready
    freeze "$pid" "$DIR/udp" "$V: a UDP socket that shares its port"
    start "receiver-$V" python3 "$TMP/receiver" "$port"
    receiver=$pid
    wait_line "$log" up
    for _ in {1..20}; do
        run "$CKPT" restore --dry-run "$DIR/udp"
        [ "$status$err" = 0 ] || fail "$V: --dry-run succeeds next to a process that shares the port" "$err"
    done
    kill "$receiver"
    wait_line "$log" "lost"
    is "$(tail -n 1 "$log")" "lost 0" "$V: --dry-run takes no datagrams from a process that shares the port"
    wait_exit "$receiver"
}

# Many open temporary files are in the same folder, which is younger than the JVM.
temporaries() {
    many young 1000 files:400 outside:3 || return 0
    freeze "$pid" "$DIR/young" "$V: 403 temporary files"
    rm -r "$DIR/files" "$DIR/files-outside"-*
    restore_all young 1000
    rm -rf "$DIR/files" "$DIR/files-outside"-*
}

everything() {
    many everything 15000 threads:1000 same:2000 files:2000 pipes:1000 mapped:2000 deleted:1000 || return 0
    freeze "$pid" "$DIR/everything" "$V: 1000 threads, 7000 descriptors, 2000 mapped files"
    restore_all everything 15000
    many maps 1000 maps:30000 || return 0
    freeze "$pid" "$DIR/maps" "$V: 30000 mappings"
    restore_all maps 1000
}

body() {
    temporaries
    if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
        comparisons
    elif command -v strace >/dev/null; then
        cannot "$V: 300 selectors are compared in fewer than 60000 calls" "ptrace is not allowed here"
    else
        skip "$V: 300 selectors are compared in fewer than 60000 calls" "strace is not installed"
    fi
    near_the_limit
    ports
    datagrams
    everything
}
each_jdk body
done_testing
