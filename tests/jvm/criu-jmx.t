#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM with connected clients of JMX is dumped by criu, which refuses connections: they are no
# obstacle, they stay if the JVM continues, and a restored JVM serves new ones.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
compile Jmx

# look TEXT COUNT NAME: the client looks, and has then printed so many lines with the text.
look() {
    local size
    size=$(stat -c %s "$client_log")
    printf . >&8
    "$WAITFOR" --timeout 60 --pid "$client" --from "$size" line "$client_log" RestoreTime || true
    is "$(grep -c "^RestoreTime $1" "$client_log")" "$2" "$3"
}

remote() {
    local port client client_log=$DIR/client jvm
    port=$(free_port)
    start_jvm "jmx-$V" - -Djava.rmi.server.hostname=127.0.0.1 \
        -Dcom.sun.management.jmxremote.host=127.0.0.1 \
        "-Dcom.sun.management.jmxremote.port=$port" \
        "-Dcom.sun.management.jmxremote.rmi.port=$port" \
        -Dcom.sun.management.jmxremote.authenticate=false \
        -Dcom.sun.management.jmxremote.ssl=false -cp "$CLASSES" Jmx served
    jvm=$pid
    wait_line "$log" ready
    rm -f "$DIR/talk" && mkfifo "$DIR/talk"
    exec 8<>"$DIR/talk"
    setsid "$JAVA" -Xshare:auto -cp "$CLASSES" Jmx stay "$port" <"$DIR/talk" >"$client_log" 2>&1 8>&- &
    client=$!
    tap_started+=("$client")
    wait_line "$client_log" RestoreTime || fail "$V: a client is connected"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --leave-running "$jvm" "$DIR/left"
    is "$status$out$err" 0 "$V: a JVM with a connected client is dumped and continues"
    look -1 2 "$V: the client is served after it"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/image"
    is "$status$out$err" 0 "$V: a JVM with a connected client is dumped and ends"
    wait_exit "$jvm" || true
    restore "jmx-$V" "--criu=$CRIU" "$DIR/image"
    wait_line "$log" "it beats" --from "$(stat -c %s "$log")"
    look '[0-9]' 1 "$V: the connected client continues with the restored JVM"
    exec 8>&-
    wait_exit "$client" || true
    stop "$pid"
}

each_jdk remote
done_testing
