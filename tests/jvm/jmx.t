#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The MXBean as JConsole sees it, from another process over JMX: remote (com.sun.management.jmxremote)
# and local (by PID, through the attach protocol), before a checkpoint and after restores of the
# JVM whose JMX agent was running when it was frozen.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
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

# The client has ended, but the JVM's threads may not have noticed it yet.
freeze_idle() { # WHICH GENERATION
    local deadline=$((SECONDS + 10))
    while :; do
        run "$CKPT" checkpoint "$pid" "$DIR/$1"
        [[ $err == *"is a TCP connection"* ]] && [ "$SECONDS" -lt "$deadline" ] || break
    done
    is "$status$err" 0 "$V: $1: checkpoint $2 succeeds"
    wait_exit "$pid"
}

twice() { # WHICH
    local generation target=$pid
    for generation in 1 2; do
        freeze_idle "$1" "$generation"
        since=$(date +%s%3N)
        restore "$1-$V" "$DIR/$1"
        wait_line "$log" "it beats" 30 --from "$(stat -c %s "$log")"
        [ "$1" = remote ] && target=$port || target=$pid
        restored_now "$(client_sees "$1" "$target")" "$V: $1: a client sees the time of restore $generation"
    done
}

# A client that stays prevents the checkpoint, and the attempt does not affect it.
connected() {
    local served=$pid client
    mkfifo "$DIR/talk"
    exec 8<>"$DIR/talk"
    "$JAVA" -cp "$CLASSES" Jmx stay "$port" <"$DIR/talk" >"$DIR/stay" 2>&1 8>&- &
    client=$!
    tap_started+=("$client")
    "$WAITFOR" --pid "$client" line "$DIR/stay" RestoreTime
    run "$CKPT" checkpoint "$served" "$DIR/remote"
    like "$status$err" "^1.*is a TCP connection from 127.0.0.1:$port to " \
        "$V: remote: a checkpoint with a connected client is refused by name"
    echo >&8
    wait_exit "$client" 10
    is "$status/$(grep -c "RestoreTime -1" "$DIR/stay")" 0/2 \
        "$V: remote: the connected client is served after the refusal"
    exec 8>&-
}

remote() {
    port=$(free_port)
    start_jvm "remote-$V" - -Djava.rmi.server.hostname=127.0.0.1 \
        -Dcom.sun.management.jmxremote.host=127.0.0.1 \
        "-Dcom.sun.management.jmxremote.port=$port" \
        "-Dcom.sun.management.jmxremote.rmi.port=$port" \
        -Dcom.sun.management.jmxremote.authenticate=false \
        -Dcom.sun.management.jmxremote.ssl=false -cp "$CLASSES" Jmx served
    wait_line "$log" ready
    is "$(client_sees remote "$port")" "RestoreTime -1 UptimeSinceRestore -1" \
        "$V: remote: a client of a JVM that was not restored sees -1"
    connected
    twice remote
    stop "$pid"
}

locally() {
    start_jvm "local-$V" - -cp "$CLASSES" Jmx served
    wait_line "$log" ready
    is "$(client_sees local "$pid")" "RestoreTime -1 UptimeSinceRestore -1" \
        "$V: local: a client of a JVM that was not restored sees -1"
    twice local
    stop "$pid"
}

body() {
    remote
    locally
}
each_jdk body
done_testing
