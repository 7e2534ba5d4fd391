#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The MXBean as JConsole sees it, from another process over JMX: remote (com.sun.management.jmxremote)
# and local (by PID, through the attach protocol), before a checkpoint and after restores of the
# JVM whose JMX agent was running when it was frozen. A client that is connected is no obstacle.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/jmx.sh"
compile Jmx

client_sees() { # MODE PORT-OR-PID: prints what a client sees
    timeout 30 "$JAVA" -Xshare:auto -cp "$CLASSES" Jmx "$@" 2>&1
}

restored_now() { # TEXT NAME: a restore between $since and now, and the time since then
    local time uptime now
    now=$(date +%s%3N)
    read -r _ time _ uptime <<<"$1"
    if [[ $time$uptime =~ ^[0-9]+$ ]] && [ "$time" -ge "$since" ] && [ "$time" -le "$now" ] &&
        [ "$uptime" -ge 0 ] && [ "$uptime" -le $((now - since)) ]; then
        pass "$2"
    else
        fail "$2" "got '$1'; restored at $since or later, asked at $now"
    fi
}

twice() { # WHICH
    local generation target=$pid
    for generation in 1 2; do
        freeze "$pid" "$DIR/$1" "$V: $1: generation $generation" || return
        since=$(date +%s%3N)
        restore "$1-$V" "$DIR/$1"
        wait_line "$log" "it beats" --from "$(stat -c %s "$log")"
        [ "$1" = remote ] && target=$port || target=$pid
        restored_now "$(client_sees "$1" "$target")" "$V: $1: a client sees the time of restore $generation"
    done
}

# still_connected WHICH MODE TARGET: a client does not notice checkpoints after which the JVM continues.
still_connected() {
    local before
    client "$@"
    before=$(connections "$client")
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/left-$1"
    is "$status$err" 0 "$V: $1: a checkpoint with a connected client ($2) is no obstacle"
    look -1 2 "$V: $1: the client ($2) is served after a checkpoint with --leave-running"
    run "$CKPT" checkpoint "$pid" "$DIR/no/such/directory"
    like "$status$err" "^1[^:]*: checkpoint cancelled.*cannot make the image directory" \
        "$V: $1: a checkpoint that is refused for another reason"
    unlike "$err" "TCP" "$V: $1: a connected client ($2) is not among the reasons of a refusal"
    look -1 3 "$V: $1: the client ($2) is served after a checkpoint that was refused"
    is "$(connections "$client")" "$before" "$V: $1: the client ($2) has the same connections as before"
    end_client
}

connections() { # PID: the sockets that a process has
    find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | sort
}

# reconnects WHICH MODE TARGET: a connected client continues with the restored JVM.
reconnects() {
    client "$@"
    freeze "$pid" "$DIR/connected-$1" "$V: $1: with a connected client" || return
    contains "$("$CKPT" inspect "$DIR/connected-$1")" ", a connection" \
        "$V: $1: the image has the client's connection as a closed one"
    restore "$1-$V" "$DIR/connected-$1"
    wait_line "$log" "it beats" --from "$(stat -c %s "$log")"
    look '[0-9]' 1 "$V: $1: the connected client continues with the restored JVM"
    end_client
}

remote() {
    serve_remote remote
    is "$(client_sees remote "$port")" "RestoreTime -1 UptimeSinceRestore -1" \
        "$V: remote: a client of a JVM that was not restored sees -1"
    still_connected remote stay "$port"
    still_connected remote listen "$port"
    reconnects remote stay "$port"
    like "$(client_sees remote "$port")" "RestoreTime [0-9]" \
        "$V: remote: another client is accepted after a restore from an image with a client"
    twice remote
    stop "$pid"
}

locally() {
    start_jvm "local-$V" - -cp "$CLASSES" Jmx served
    wait_line "$log" ready
    is "$(client_sees local "$pid")" "RestoreTime -1 UptimeSinceRestore -1" \
        "$V: local: a client of a JVM that was not restored sees -1"
    still_connected local staylocal "$pid"
    reconnects local staylocal "$pid"
    twice local
    stop "$pid"
}

# A connector server that the application has made, with a port of its own choice.
programmed() {
    local port
    port=$(free_port)
    start_jvm "programmed-$V" - -Djava.rmi.server.hostname=127.0.0.1 -cp "$CLASSES" Jmx programmed "$port"
    wait_line "$log" "it beats"
    still_connected programmed stay "$port"
    reconnects programmed stay "$port"
    stop "$pid"
}

body() {
    remote
    programmed
    locally
}
each_jdk body
done_testing
