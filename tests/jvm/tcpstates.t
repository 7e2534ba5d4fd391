#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# TCP sockets in every state: a connection to a peer is refused by name, and a connection that has
# ended, whose descriptor the application still has, is restored as one that has ended in the same way.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile TcpStates
SOCKETS=$TOP/tests/lib/tcp-sockets.py

cat >"$TMP/peer.py" <<'PYTHON'
import os, socket, struct, sys
busy = socket.socket()
busy.bind(("127.0.0.1", 0))
busy.listen(0)
fill = []
for _ in range(2):  # a backlog of 0 takes one
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(busy.getsockname())
    fill.append(s)
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(50)
print("peer", server.getsockname()[1], busy.getsockname()[1], flush=True)
held = []
while True:
    s, _ = server.accept()
    try:
        what = s.recv(1) or b"c"
    except ConnectionResetError:
        what = b"c"
    if what in b"de":
        s.sendall(b"data")
    if what in b"mn":
        s.sendall(b"x" * (1 << 20))
    if what in b"rdm":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if what == b"w":
        s.shutdown(socket.SHUT_WR)
    if what in b"hw":
        held.append(s)
    else:
        s.close()
PYTHON

# Opens sockets as descriptors 7 and up, prints what they are, and becomes the command of its arguments.
cat >"$TMP/inherit.py" <<'PYTHON'
import os, socket, sys
at = 7
def give(name, s):
    global at
    os.dup2(s.fileno(), at)
    print(name, s.getsockname()[1], flush=True)
    at += 1
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    with socket.socket(family) as closed:
        closed.bind((address, 0))
        s = socket.socket(family)
        s.connect_ex((address, closed.getsockname()[1]))
        give("failed", s)
    with socket.socket(family) as closed:
        closed.bind((address, 0))
        port = closed.getsockname()[1]
    s = socket.socket(family)
    s.bind((address, port))  # one that the kernel chose would be given back at the end of listening
    s.listen(5)
    s.shutdown(socket.SHUT_RD)
    give("stopped", s)
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    s.bind(("127.0.0.1", 0))
    s.listen(5)
    give("mptcp", s)
except OSError:
    print("no mptcp", flush=True)
print("inherits", flush=True)
os.execv(sys.argv[1], sys.argv[1:])
PYTHON

states() {
    local ports output which
    start "peer-$V" python3 "$TMP/peer.py"
    wait_line "$log" peer || return
    ports=$(sed -n 's/^peer //p' "$log")
    # shellcheck disable=SC2086
    start_jvm "states-$V" "$DIR/states" -cp "$CP" TcpStates $ports
    wait_exit "$pid"
    output=$(cat "$log")
    like "$output" "established: descriptor [0-9]+ is a TCP connection from [^,;]*; use --connections=close" \
        "$V: checkpoint: an established connection is refused"
    like "$output" "half closed: descriptor [0-9]+ is a TCP [^;]*, which the JVM has closed for writing" \
        "$V: checkpoint: a connection closed for writing only is refused"
    like "$output" "by the peer: descriptor [0-9]+ is a TCP [^;]*, whose peer has closed its side" \
        "$V: checkpoint: a connection whose peer has closed its side, and may read, is refused"
    like "$output" "connecting: descriptor [0-9]+ is a TCP [^;]*, which is not established yet" \
        "$V: checkpoint: a connection that is not established yet is refused"
    is "$(grep -c ': descriptor' "$log")$(grep -c NOT "$log")" 40 \
        "$V: checkpoint: each connection is refused with one reason"
    is "$status" 137 "$V: checkpoint: connections that have ended are no obstacle"
    [ "$status" = 137 ] || { diag "$output" && return; }
    for which in first second; do
        : >"$log"
        restore "states-$V" "$DIR/states"
        wait_exit "$pid"
        is "$(cat "$log")" "reset: error, cannot write
known to be reset: error, cannot write
reset after data: 'data' error, cannot write
closed by both: end, cannot write
closed by both after data: 'data' end, cannot write
closed by the peer: end, cannot write after a byte
closed by the peer after data: 'data' end, cannot write after a byte
closed by the peer after much data: 1048576 bytes end, cannot write after a byte
reset after much data: 1048576 bytes error, cannot write
closed by a peer of before: end, cannot write after a byte
closed by a peer at another address: end, cannot write after a byte
shut down: end, cannot write
accepted: error, cannot write
refused: as usual
bound: true
fresh: true" "$V: restore: the $which clone sees how its connections ended"
    done
}

# Sockets that a Java program cannot make.
inherited() {
    local port4 port6 image=$DIR/inherited mptcp
    start "inherited-$V" python3 "$TMP/inherit.py" "$JAVA" "-agentpath:$AGENT=addr=none" \
        -jar "$SIMPLE"
    wait_line "$log" inherits && wait_line "$log" 3 || return
    mapfile -t failed < <(sed -n 's/^failed //p' "$log")
    mapfile -t stopped < <(sed -n 's/^stopped //p' "$log")
    mptcp=$(sed -n 's/^mptcp //p' "$log")
    freeze "$pid" "$image" "$V: with sockets that no Java program makes" || return
    # Another process takes the ports that the sockets no longer have.
    start "taker-$V" python3 -c "import socket, time
for family, address, port in ((2, '127.0.0.1', ${failed[0]}), (10, '::1', ${failed[1]})):
    s = socket.socket(family)
    s.bind((address, port))
    s.listen(1)
    globals()[str(family)] = s
print('taken', flush=True)
s.accept()"
    wait_line "$log" taken || return
    restore "inherited-$V" "$image"
    ok "$V: restore: the port of a connection that failed is not bound" wait_more "$log" 3
    not_ok "$V: restore: a listening socket that was shut down is bound" python3 -c "import socket
s = socket.socket()
s.bind(('127.0.0.1', ${stopped[0]}))"
    not_ok "$V: restore: a listening socket that was shut down does not listen" python3 -c "import socket
s = socket.create_connection(('127.0.0.1', ${stopped[0]}), 5)"
    if [ -n "$mptcp" ]; then
        ok "$V: restore: a listening MPTCP socket listens" python3 -c "import socket
s = socket.create_connection(('127.0.0.1', $mptcp), 5)"
    else
        cannot "$V: restore: a listening MPTCP socket listens" "this kernel has no MPTCP"
    fi
    kill -KILL "$pid"
    wait_exit "$pid"
}

# A network namespace in which the buffers of TCP connections are smaller than usual.
# shellcheck disable=SC2016
SMALL=(unshare --user --map-root-user --net bash -c 'ip link set lo up
    echo 4096 16384 32768 >/proc/sys/net/ipv4/tcp_rmem
    echo 4096 16384 262144 >/proc/sys/net/ipv4/tcp_wmem
    exec "$@"' -)

# not_remade WHAT KIND SCRIPT PATTERN: SCRIPT runs when the sockets are made.
not_remade() {
    local image=$DIR/$2
    # shellcheck disable=SC2016
    start "$2-$V" unshare --user --map-root-user --net bash -c 'ip link set lo up; exec "$@"' - \
        python3 "$SOCKETS" make "$2" -- bash -c "$3"' && exec "$@"' - \
        "$SECCOMP_RUN" -- "$JAVA" "-agentpath:$AGENT=addr=none" -jar "$SIMPLE"
    wait_line "$log" 3 || return
    run "$CKPT" checkpoint "$pid" "$image"
    like "$status$err" "^1checkpointer: checkpoint cancelled.*$4" "$V: checkpoint: $1"
    ok "$V: checkpoint: $1: the JVM continues" wait_more "$log" 3
    stop "$pid"
}

# What was not read needs the buffer that the application had chosen.
unread() {
    local made image=$DIR/unread kind ends='' one
    if ! "${SMALL[@]}" true 2>/dev/null || ! command -v ip >/dev/null; then
        cannot "$V: restore: much unread data of connections that have ended" "no namespaces here"
        return
    fi
    start "unread-$V" "${SMALL[@]}" python3 "$SOCKETS" make unreadreset unreadboth unreadpeer -- \
        "$JAVA" "-agentpath:$AGENT=addr=none" -jar "$SIMPLE"
    made=$log
    wait_line "$log" 3 || return
    port='' freeze "$pid" "$image" "$V: with much unread data" || return
    start "unread-$V" "${SMALL[@]}" "$CKPT" restore "$image"
    wait_more "$log" 1 || return
    for kind in reset both peer; do
        run python3 "$SOCKETS" drain "$pid" "$(sed -n "s/^unread$kind //p" "$made")"
        one=$(python3 "$SOCKETS" filled 150000)
        ends=end
        [ "$kind" != reset ] || ends='Connection reset by peer'
        is "$out$err" "${one/open/$ends}" "$V: restore: all unread data of an ended connection ($kind)"
    done
    kill -KILL "$pid"
    wait_exit "$pid"
    not_remade "unread data for which there is no connection here is noticed in the rehearsal" unreadboth \
        'ip link set lo down' "with unread data: network is down; set it up"
    not_remade "unread data that does not fit is noticed in the rehearsal" unreadgrown \
        'echo 4096 16384 32768 >/proc/sys/net/ipv4/tcp_rmem' \
        "the 500000 unread bytes .* raise net\.ipv4\.tcp_rmem"
}

# Kernels before 5.14 do not say which buffers the application has set.
buffers() {
    local before image=$DIR/buffers
    start "buffers-$V" python3 "$SOCKETS" make buffers -- \
        "$SECCOMP_RUN" --bare --deny buf-lock=ENOPROTOOPT -- \
        "$JAVA" "-agentpath:$AGENT=addr=none" -jar "$SIMPLE"
    wait_line "$log" 3 || return
    run python3 "$SOCKETS" show "$pid"
    if [ "$status" != 0 ]; then
        cannot "$V: restore: sizes of buffers without SO_BUF_LOCK" "pidfd_getfd is not allowed"
        stop "$pid"
        return
    fi
    before=$out
    port='' freeze "$pid" "$image" "$V: without SO_BUF_LOCK" || return
    restore "buffers-$V" "$image"
    wait_more "$log" 1 || return
    run python3 "$SOCKETS" show "$pid"
    is "$out" "$before" "$V: restore: sizes of buffers without SO_BUF_LOCK"
    kill -KILL "$pid"
    wait_exit "$pid"
}

# All threads are stopped meanwhile: a second for each of many connections would be minutes.
stuck() {
    local kinds
    # shellcheck disable=SC2034
    mapfile -t kinds < <(yes full | head -n 60)
    if ! "${SMALL[@]}" true 2>/dev/null || ! command -v ip >/dev/null; then
        cannot "$V: checkpoint: connections whose data does not arrive" "no namespaces here"
        return
    fi
    start "stuck-$V" "${SMALL[@]}" python3 "$SOCKETS" make "${kinds[@]}" -- \
        "$JAVA" "-agentpath:$AGENT=addr=none" -jar "$SIMPLE"
    wait_line "$log" 3 || return
    RUN_SECONDS=60 run "$CKPT" checkpoint --leave-running "$pid" "$DIR/stuck"
    # The first ones are no obstacle, because the JVM has only inherited them.
    like "$status$err" "^(0|1checkpointer: checkpoint cancelled.*does not all arrive)" \
        "$V: checkpoint: many connections whose data does not arrive stop the JVM for a moment only"
    stop "$pid"
}

body() {
    states
    inherited
    unread
    buffers
    stuck
}
each_jdk body
done_testing
