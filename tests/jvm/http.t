#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The JDK's HTTP server answers its first request after a restore at its old port: frozen by PID after
# it has answered requests, and by its own request when it has never answered one.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
HTTP_JAR=$TOP/examples/http/target/http.jar
[ -f "$HTTP_JAR" ] || bail_out "examples/http is not built, run tools/build --examples"

get() { # PATH
    curl -sS --max-time 10 "http://127.0.0.1:$port$1" 2>&1
}

by_pid() { # GENERATIONS
    local generation
    start_jvm "http-$V" - -jar "$HTTP_JAR"
    wait_line "$log" "listening on port"
    port=$(port_of "$log" "listening on port")
    is "$(get /count)" 1 "$V: by PID: the server answers before the checkpoint"
    for generation in 1 2; do
        freeze "$pid" "$DIR/pid" "$V: by PID: generation $generation" || return
        not_ok "$V: by PID: no process answers before restore $generation" get /
        restore "http-$V" "$DIR/pid"
        ok "$V: by PID: the first request after restore $generation is answered" answers "$port"
        is "$(get /)/$(get /count)" "hello/$((1 + generation))" \
            "$V: by PID: the count of requests continues after restore $generation"
    done
    stop "$pid"
}

by_itself() {
    start_jvm "own-$V" "$DIR/own" -jar "$HTTP_JAR" --checkpoint
    wait_exit "$pid"
    is "$status" 137 "$V: self-checkpoint: a server that freezes itself ends with 137"
    port=$(port_of "$log" "listening on port")
    restore "own-$V" "$DIR/own"
    ok "$V: self-checkpoint: the very first HTTP request is answered after the restore" answers "$port"
    is "$(get /count)" 1 "$V: self-checkpoint: the second HTTP request is answered after the restore"
    ok "$V: self-checkpoint: the main thread continues after the restore" wait_line "$log" restored
    stop "$pid"
}

# Another process has the port: no half-restored server, and one line with the reason.
taken() {
    start "taken-$V" python3 -u -m http.server --bind 127.0.0.1 --directory "$DIR" "$port"
    wait_line "$log" Serving
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/own"
    is "$status/$out" 1/ "$V: restore: a port that another process has is refused"
    contains "$err" "127.0.0.1:$port" "$V: restore: a port that another process has is named"
    stop "$pid"
}

body() {
    by_pid
    by_itself
    taken
}
each_jdk body
done_testing
