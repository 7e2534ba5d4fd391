#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The JDK's HTTP server answers its first request after a restore, at the port it had: frozen by PID
# after it has answered before, and by its own request when it has never answered anybody.
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
    is "$(get /count)" 1 "$V: the first request"
    for generation in 1 2; do
        freeze "$pid" "$DIR/pid" "$V: generation $generation" || return
        not_ok "$V: nobody answers in between" get /
        restore "http-$V" "$DIR/pid"
        ok "$V: the first request after restore $generation" answers "$port"
        is "$(get /)/$(get /count)" "hello/$((1 + generation))" "$V: it goes on where it was"
    done
    stop "$pid"
}

by_itself() {
    start_jvm "own-$V" "$DIR/own" -jar "$HTTP_JAR" --checkpoint
    wait_exit "$pid"
    is "$status" 137 "$V: a server that freezes itself"
    port=$(port_of "$log" "listening on port")
    restore "own-$V" "$DIR/own"
    ok "$V: the first request of all comes after restore" answers "$port"
    is "$(get /count)" 1 "$V: and others too"
    ok "$V: its main thread has gone on" wait_line "$log" restored
    stop "$pid"
}

# Somebody else has the port: no half-restored server, and a line that says so.
taken() {
    start "taken-$V" python3 -u -m http.server --bind 127.0.0.1 --directory "$DIR" "$port"
    wait_line "$log" Serving
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/own"
    is "$status/$out" 1/ "$V: a port that somebody else has: refused"
    contains "$err" "127.0.0.1:$port" "$V: and named"
    stop "$pid"
}

body() {
    by_pid
    by_itself
    taken
}
each_jdk body
done_testing
