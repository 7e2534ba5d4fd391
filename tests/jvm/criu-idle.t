#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Clients that are connected to the endpoint or the control socket without a request, around the first
# half of a checkpoint by CRIU, which cannot dump a connection: they are closed.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
. "$TOP/tests/lib/criu-by-hand.sh"
need curl
compile Endpoint

begin() { # NAME
    OPTIONS=("addr=localhost:$port" "${@:2}")
    start_jvm "$1-$V" - -XX:-UsePerfData -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready
}

# connect ADDRESS [REQUEST]: a client that sends the request, if any, and keeps the connection, which it
# reports in the file $DIR/connected; "closed" in there when the JVM has closed it.
connect() {
    rm -f "$DIR/connected"
    start client python3 -c '
import socket, sys
address, request = sys.argv[2], sys.argv[3]
if address.startswith("/"):
    s = socket.socket(socket.AF_UNIX)
    s.connect(address)
else:
    s = socket.create_connection(("localhost", int(address)))
if request:
    s.sendall(f"GET {request} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    s.recv(65536)
with open(sys.argv[1], "w", buffering=1) as out:
    out.write("connected\n")
    while s.recv(4096):
        pass
    out.write("closed\n")' "$DIR/connected" "$1" "${2:-}"
    wait_line "$DIR/connected" connected
}

# dumped WHAT: criu dumps the JVM $jvm at once, which continues.
dumped() {
    criu_dump "$jvm" "$DIR/dump" --leave-running
    is "$status$err" 0 "$1"
    rm -r "$DIR/dump"
}

before_first_half() { # by HTTP and by the control socket, each closes the clients of both
    local way address client
    begin before shutdown=false
    jvm=$pid
    for way in http control; do
        for address in "$port" "$port /status" "$(control_socket "$jvm")"; do
            client=${address/$port/the endpoint}
            # shellcheck disable=SC2086 # the address, and a request
            connect $address
            if [ "$way" = http ]; then
                post /before-checkpoint
                is "$code" 204 "$V: /before-checkpoint is answered while a client is idle"
            else
                control "$jvm" prepare
                is "$answer" "done|" "$V: prepare is answered while a client is idle"
            fi
            dumped "$V: $way: an idle client of $client from before does not prevent the dump"
            ok "$V: $way: an idle client of $client from before is closed" \
                wait_line "$DIR/connected" closed
            control "$jvm" resume
            is "$answer" "done|" "$V: $way: the second half is carried out after that"
        done
    done
    stop "$jvm"
}

between_halves() {
    local address client
    begin between shutdown=false
    jvm=$pid
    post /before-checkpoint
    for address in "$port" "$port /status" "$(control_socket "$jvm")"; do
        client=${address/$port/the endpoint}
        # shellcheck disable=SC2086
        connect $address
        ok "$V: a client of $client that is idle between the halves is closed" \
            wait_line "$DIR/connected" closed
        dumped "$V: an idle client of $client between the halves does not prevent the dump"
    done
    post /after-restore
    is "$code" 204 "$V: the second half is requested at the endpoint after dumps"
    # Afterwards a connection may be idle again.
    connect "$port"
    control "$jvm" resume
    is "$(cat "$DIR/connected")" connected "$V: after the second half, an idle client is not closed at once"
    stop "$jvm"
}

# The connection is closed when the client has its answer, so criu may start at once.
at_once() {
    local i failed=0
    begin once shutdown=false
    jvm=$pid
    for i in 1 2 3 4 5; do
        post /before-checkpoint --next -s -o /dev/null -X GET "http://localhost:$port/status"
        criu_dump "$jvm" "$DIR/dump" --leave-running
        [ "$status" = 0 ] || failed=$((failed + 1))
        rm -r "$DIR/dump"
        post /after-restore
    done
    is "$failed" 0 "$V: criu dumps the JVM as soon as a client has its answer"
    stop "$jvm"
}

body() {
    port=$(free_port)
    before_first_half
    between_halves
    at_once
}
each_jdk body
done_testing
