#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# An image by criu with established connections is restored twice: their peers are gone by then, and the
# kernel still keeps a connection of the first restore. What takes a port or a connection is named.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
need python3
compile Download

# A client of PORT that reads only the beginning of a download, or that is `idle`.
cat >"$TMP/client.py" <<'PYTHON'
import socket, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
if "idle" not in sys.argv:
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client.recv(16)
print("client", client.getsockname()[1], flush=True)
time.sleep(600)
PYTHON

# Listens at PORT, or has a connection from PORT to PEER. Both ports are of those that the kernel gives to
# any process, and what the JVM had there may still be ending: each step is tried until it succeeds.
cat >"$TMP/hold.py" <<'PYTHON'
import errno, socket, sys, time
ports = [("127.0.0.1", int(port)) for port in sys.argv[1:]]
deadline = time.monotonic() + 110
def hold(ports):
    listener = socket.create_server(ports[-1])
    if len(ports) == 1:
        return [listener]
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(ports[0])
    holder.connect(ports[1])
    return [listener, holder, listener.accept()[0]]
while True:
    try:
        held = hold(ports)
        break
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL) or time.monotonic() > deadline:
            raise
        print("not yet:", error, flush=True)
        time.sleep(0.1)
print("held", flush=True)
time.sleep(600)
PYTHON

# connection PORT PEER: the kernel's state of that connection: 01 established, 04 to 06 it ends.
connection() {
    local ends
    printf -v ends ':%04X [0-9A-F]*:%04X ' "$1" "$2"
    sed -n "s/^ *[0-9]*: [0-9A-F]*$ends\([0-9A-F]*\).*/\1/p" /proc/net/tcp /proc/net/tcp6
}

ticks() {
    sed -n 's/^tick //p' "$log" | tail -n 1
}

again() {
    local jvm port reader idle idle_port image=$DIR/connections
    start_jvm "server-$V" - -Xmx64m -cp "$CP" Download
    jvm=$pid
    wait_line "$log" "tick 1"
    port=$(port_of "$log" port)
    start "idle-$V" python3 "$TMP/client.py" "$port" idle
    idle=$pid
    wait_line "$log" client
    idle_port=$(port_of "$log" client)
    start "reader-$V" python3 "$TMP/client.py" "$port"
    reader=$pid
    wait_line "$log" client
    log=$TMP/server-$V.log
    wait_line "$log" "tick $(($(ticks) + 4))" # much of the download is in the send queue
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --tcp-established "$jvm" "$image"
    is "$status$out$err" 0 "$V: the JVM is dumped with its connections" || return
    wait_exit "$jvm"

    stop "$reader"
    restore "server-$V" "--criu=$CRIU" "$image"
    ok "$V: the restored server notices that the client of a download is gone" wait_line "$log" "lost: "
    is "$(connection "$port" "$idle_port")" 01 "$V: the restored server has its other connection"
    stop "$pid"
    like "$(connection "$port" "$idle_port")" '^0[456]$' \
        "$V: the kernel keeps that connection when the JVM has ended"
    stop "$idle"
    restore "server-$V" "--criu=$CRIU" "$image"
    # A kernel that cannot remove that connection keeps it for a minute.
    ok "$V: a server is restored again at once, and notices again that a client is gone" \
        wait_line "$log" "lost: " 180 --count 2
    stop "$pid"

    start "listener-$V" python3 "$TMP/hold.py" "$port"
    wait_line "$log" held || return
    run "$CKPT" restore --dry-run "--criu=$CRIU" "$image"
    refused "$V: restore --dry-run names a port that is in use" \
        "the JVM's port 127\.0\.0\.1:$port is in use; end the process"
    run "$CKPT" inspect "$image"
    contains "$out" "port 127.0.0.1:$port is in use" "$V: inspect names a port that is in use"
    stop "$pid"
    start "holder-$V" python3 "$TMP/hold.py" "$port" "$idle_port"
    wait_line "$log" held || return
    run "$CKPT" restore "--criu=$CRIU" "$image"
    refused "$V: a restore names a connection that another process has" \
        "connection from 127\.0\.0\.1:$port to 127\.0\.0\.1:$idle_port is there already"
    stop "$pid"
}

each_jdk again
done_testing
