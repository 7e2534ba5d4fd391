# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
#
# For tests of failed dumps, after tap.sh and jvm.sh: a peer to which the program Rounds keeps a
# connection, and what shows that it continues. Sets peer to the port of the peer.

need python3
compile Rounds

# Sends everything back.
cat >"$TMP/echo.py" <<'PYTHON'
import socket, threading
def serve(connection):
    while data := connection.recv(4096):
        connection.sendall(data)
    connection.close()
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
PYTHON
start echo python3 "$TMP/echo.py"
wait_line "$log" port
peer=$(port_of "$log" port)

# rounds: the number of the last round.
rounds() {
    sed -n 's/^round //p' "$log" | tail -n 1
}

# continues WHAT HOOKS: the JVM continues with its connection, after so many calls of both hooks.
continues() {
    [ "$2" = 0 ] || wait_line "$log" after --count "$2"
    ok "$1: the JVM continues with its connection" wait_line "$log" "round $(($(rounds) + 5))"
    not_ok "$1: the connection was not lost" grep lost "$log"
    is "$(count_lines "$log" before)/$(count_lines "$log" after)" "$2/$2" "$1: the hooks were called in pairs"
}
