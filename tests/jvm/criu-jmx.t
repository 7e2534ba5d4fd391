#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM with connected clients of JMX is dumped by criu, which refuses connections: they are no
# obstacle, they stay if the JVM continues, and a restored JVM serves new ones.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/jmx.sh"
compile Jmx

remote() {
    local port client client_log jvm
    serve_remote jmx
    jvm=$pid
    client remote stay "$port"
    ok "$V: a client is connected" grep -q RestoreTime "$client_log"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --leave-running "$jvm" "$DIR/left"
    is "$status$out$err" 0 "$V: a JVM with a connected client is dumped and continues"
    look -1 2 "$V: the client is served after it"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/image"
    is "$status$out$err" 0 "$V: a JVM with a connected client is dumped and ends"
    wait_exit "$jvm" || true
    restore "jmx-$V" "--criu=$CRIU" "$DIR/image"
    wait_line "$log" "it beats" --from "$(stat -c %s "$log")"
    look '[0-9]' 1 "$V: the connected client continues with the restored JVM"
    end_client
    stop "$pid"
}

each_jdk remote
done_testing
