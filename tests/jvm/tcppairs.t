#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# TCP connections with both ends in the process continue, with their addresses, what was on its way,
# their options and half-closed directions; and nothing else gets into them.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile TcpSelf
SOCKETS=$TOP/tests/lib/tcp-sockets.py
STATES=(simple closed v6 dual mapped half halfserver shutread deaf full small urgent urgentinline
    urgentfirst itself timeouts noreuse group copies)

# Clients from outside, which a server that is back at its port meets at once.
cat >"$TMP/strangers.py" <<'PYTHON'
import socket, sys, time
end = time.monotonic() + 100
print("strangers", flush=True)
while time.monotonic() < end:
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1) as s:
            s.sendall(b"\xff" * 8)
    except OSError:
        pass
PYTHON

# going WHAT: the numbers go on, and none was wrong.
going() {
    ok "$V: $1: the process still talks to itself" wait_more "$log" 3
    is "$(grep WRONG "$log")" "" "$V: $1: nothing was lost or came from elsewhere"
}

# A restore that another process with the connection's addresses prevents.
second() {
    RUN_SECONDS=60 run "$CKPT" restore "$1"
    refused "$V: $2" "$3"
}

talks() {
    local i port strangers image=$DIR/self
    start "self-$V" "$CKPT" run -- "$JAVA" -cp "$CP" TcpSelf
    wait_line "$log" 1000 || return
    port=$(port_of "$log" port)
    run "$CKPT" checkpoint --leave-running "$pid" "$image-kept"
    is "$status$out$err" 0 "$V: checkpoint: a process that talks to itself can be frozen by its PID"
    going "checkpoint --leave-running"
    port='' freeze "$pid" "$image-1" "$V: of a process that talks to itself" || return
    for i in 2 3; do
        restore "self-$V" "$image-$((i - 1))"
        going "restore: generation $i"
        port='' freeze "$pid" "$image-$i" "$V: generation $i" || return
    done
    start "strangers-$V" python3 "$TMP/strangers.py" "$port"
    strangers=$pid
    wait_line "$log" strangers || return
    for i in 1 2 3; do
        restore "self-$V" "$image-3"
        going "restore: clone $i, which follows at once after one that was killed"
        [ "$i" != 3 ] || second "$image-3" "restore: a second clone on the same host is refused" "in use"
        kill -KILL "$pid"
        wait_exit "$pid"
    done
    stop "$strangers"
    namespaces "$image-3"
}

# In network namespaces of their own, clones are not in each other's way.
namespaces() {
    local one
    if ! unshare --user --map-root-user --net true 2>/dev/null || ! command -v ip >/dev/null; then
        cannot "$V: restore: clones in network namespaces of their own" "no namespaces here"
        return
    fi
    RUN_SECONDS=60 run unshare --user --map-root-user --net \
        "$CKPT" restore "$1"
    refused "$V: restore: without a loopback interface it is refused" "loopback interface"
    for one in 1 2; do
        start "namespace-$one-$V" unshare --user --map-root-user --net bash -c \
            'ip link set lo up && exec "$@"' - "$CKPT" restore "$1"
    done
    for one in 1 2; do
        log=$TMP/namespace-$one-$V.log
        going "restore: clone $one, in a network namespace of its own"
    done
    for one in 1 2; do
        pid=${tap_pid_of[$TMP/namespace-$one-$V.log]}
        kill -KILL "$pid"
        wait_exit "$pid"
    done
}

# The machine's own address of another interface, where TIME_WAIT lasts for a minute.
address() {
    local image=$DIR/address
    if ! unshare --user --map-root-user --net true 2>/dev/null || ! command -v ip >/dev/null; then
        cannot "$V: restore: connections over an address that is not loopback" "no namespaces here"
        return
    fi
    CHECKPOINTER=$CKPT IMAGE=$image LOG=$TMP/address-$V.log WAIT=$WAITFOR \
        start "address-$V" unshare --user --map-root-user --net bash -c 'ip link set lo up
        ip address add 192.0.2.1/32 dev lo
        "$@" || exit
        for i in 1 2 3; do
            "$CHECKPOINTER" restore "$IMAGE" &
            "$WAIT" --timeout 120 number "$LOG" --count 3 --from "$(stat -c %s "$LOG")"
            kill -KILL $!
            wait
            echo "clone $i"
        done' - bash -c '"$@" & "$WAIT" --timeout 120 line "$LOG" 1000
        "$CHECKPOINTER" checkpoint $! "$IMAGE"
        wait; true' - "$JAVA" "-agentpath:$AGENT=addr=none" -cp "$CP" TcpSelf 192.0.2.1
    wait_exit "$pid"
    is "$(grep -E 'clone|checkpointer|WRONG' "$log")" "clone 1
clone 2
clone 3" "$V: restore: clones follow at once after one that was killed, over an address that is not loopback"
}

# shown WHAT: addresses, states and options are those of before, of all sockets.
shown() {
    run python3 "$SOCKETS" show "$pid"
    is "$out$err" "$before" "$V: $1: addresses, states and options are as before"
}

# of KIND N: the number of its socket N.
of() {
    sed -n "s/^$1 //p" "$made" | cut -d' ' -f"$2"
}

drained() { # KIND N WANT WHAT
    run python3 "$SOCKETS" drain "$pid" "$(of "$1" "$2")"
    is "$out$err" "$3" "$V: restore: $4"
}

# Sockets that a Java program does not make, in each state.
states() {
    local image=$DIR/states made before
    start "states-$V" python3 "$SOCKETS" make "${STATES[@]}" -- \
        "$JAVA" "-agentpath:$AGENT=addr=none" -jar "$SIMPLE"
    made=$log
    wait_line "$log" 3 || return
    run python3 "$SOCKETS" show "$pid"
    if [ "$status" != 0 ]; then
        cannot "$V: restore: connections in each state" "pidfd_getfd is not allowed"
        return
    fi
    before=$out
    run "$CKPT" checkpoint --leave-running "$pid" "$image-kept"
    is "$status" 0 "$V: checkpoint: connections in each state are no obstacle" || diag "$err"
    shown "checkpoint --leave-running"
    port='' freeze "$pid" "$image" "$V: with connections in each state" || return
    restore "states-$V" "$image"
    wait_more "$log" 1 || return
    shown restore
    port='' freeze "$pid" "$image-2" "$V: with connections in each state, the second generation" || return
    run "$CKPT" inspect "$image-2"
    contains "$out" "in the same process, 13 bytes to read" "$V: inspect: shows the connections"
    restore "states-$V" "$image-2"
    wait_more "$log" 1 || return
    shown "restore, the second generation"
    received
    kill -KILL "$pid"
    wait_exit "$pid"
}

received() {
    local kind
    for kind in simple timeouts noreuse copies; do
        drained "$kind" 1 "13 $(summed 'to the client') open" "$kind: the client reads what was sent"
        drained "$kind" 2 "13 $(summed 'to the server') open" "$kind: the server reads what was sent"
    done
    drained half 2 "13 $(summed 'to the server') end" "half closed: the server reads to the end"
    drained half 1 "13 $(summed 'to the client') open" "half closed: the client still receives"
    drained halfserver 1 "13 $(summed 'to the client') end" \
        "half closed by the server: the client reads to the end"
    drained shutread 2 "13 $(summed 'to the server') end" "shut for reading: reads what had arrived"
    drained itself 1 "9 $(summed 'to itself') open" "a socket that is connected to itself reads what it sent"
    drained urgent 2 "urgent !
6 $(summed before) open" "the urgent byte is one"
    drained urgentinline 2 "7 $(summed 'before!') open" "the urgent byte is in line"
    drained urgentfirst 2 "urgent !
5 $(summed after) open" "what follows an urgent byte is kept"
    for kind in full small; do
        run python3 "$SOCKETS" drain "$pid" "$(of "$kind" 1)"
        isnt "$out" "${out/ open/}" "$V: restore: $kind: one that was full can be read"
        is "$out" "$(python3 "$SOCKETS" filled "${out%% *}")" "$V: restore: $kind: nothing is lost"
    done
    for kind in closed v6 dual mapped full group copies; do
        run python3 "$SOCKETS" use "$pid" "$(of "$kind" 2)" "$(of "$kind" 1)"
        is "$out" more "$V: restore: $kind: works on"
    done
    run python3 "$SOCKETS" use "$pid" "$(of half 2)" "$(of half 1)"
    is "$out" more "$V: restore: half closed: the other direction works on"
}

summed() { # TEXT
    printf %s "$1" | sha256sum | cut -c1-16
}

body() {
    talks
    address
    states
}
each_jdk body
done_testing
