# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the tests of JMX share, on top of jvm.sh: a JVM with a remote connector, and a client that stays
# connected. Both are the program Jmx.

# serve_remote NAME: a JVM with a connector at a free port; sets port.
serve_remote() {
    port=$(free_port)
    start_jvm "$1-$V" - -Djava.rmi.server.hostname=127.0.0.1 \
        -Dcom.sun.management.jmxremote.host=127.0.0.1 \
        "-Dcom.sun.management.jmxremote.port=$port" \
        "-Dcom.sun.management.jmxremote.rmi.port=$port" \
        -Dcom.sun.management.jmxremote.authenticate=false \
        -Dcom.sun.management.jmxremote.ssl=false -cp "$CLASSES" Jmx served
    wait_line "$log" ready
}

# client WHICH MODE TARGET: a client that stays, until end_client; it reads once for each look. In a
# session of its own: it is none of the JVM's.
client() {
    client_log=$DIR/client-$1
    rm -f "$DIR/talk" "$client_log" && mkfifo "$DIR/talk"
    exec 8<>"$DIR/talk"
    setsid "$JAVA" -Xshare:auto -cp "$CLASSES" Jmx "$2" "$3" <"$DIR/talk" >"$client_log" 2>&1 8>&- &
    client=$!
    tap_started+=("$client")
    "$WAITFOR" --timeout "$PATIENCE" --pid "$client" line "$client_log" RestoreTime || true
}

look() { # TEXT N NAME: the client looks, and has then printed N lines with the text
    local size
    size=$(stat -c %s "$client_log")
    printf . >&8
    "$WAITFOR" --timeout "$PATIENCE" --pid "$client" --from "$size" line "$client_log" RestoreTime || true
    is "$(grep -c "^RestoreTime $1" "$client_log")" "$2" "$3" ||
        sed 's/^/# client: /' "$client_log" | head -n 20
}

end_client() {
    kill "$client" 2>/dev/null
    exec 8>&-
}
