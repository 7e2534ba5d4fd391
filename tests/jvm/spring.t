#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Spring Boot, unmodified: frozen by PID after its first request, and by Spring itself
# (spring.context.checkpoint=onRefresh) before its web server starts. Both answer after restore.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
SPRING=$TOP/examples/spring-boot/target/spring-boot.jar
[ -f "$SPRING" ] || bail_out "examples/spring-boot is not built, run tools/build --examples"

get() { # PATH
    curl -sS --max-time 10 "http://127.0.0.1:$port$1" 2>&1
}

by_pid() {
    local generation
    port=$(free_port)
    start_jvm "spring-$V" - "-Djava.io.tmpdir=$TMP" -jar "$SPRING" "--server.port=$port"
    wait_line "$log" "Started Application in"
    is "$(get /hello)/$(get /count)" hello/1 \
        "$V: by PID: the first requests are answered before the checkpoint"
    for generation in 1 2; do
        freeze "$pid" "$DIR/pid" "$V: by PID: generation $generation" || return
        restore "spring-$V" "$DIR/pid"
        ok "$V: by PID: the first request after restore $generation is answered" answers "$port" /hello
        is "$(get /count)" $((1 + generation)) \
            "$V: by PID: the count of requests continues after restore $generation"
    done
    is "$(count_lines "$log" "Restarting Spring-managed lifecycle beans")" 2 \
        "$V: by PID: Spring restarts its beans in each generation"
    stop "$pid"
    is "$status" 143 "$V: by PID: SIGTERM ends the JVM with 143"
    unlike "$(<"$log")" 'Exception|ERROR' "$V: by PID: Spring logs no exception and no error"
}

on_refresh() {
    port=$(free_port)
    start_jvm "refresh-$V" "$DIR/refresh" -Dspring.context.checkpoint=onRefresh \
        "-Djava.io.tmpdir=$TMP" -jar "$SPRING" \
        "--server.port=$port"
    wait_exit "$pid"
    is "$status" 137 \
        "$V: onRefresh: Spring freezes the JVM when its context is refreshed" || tail -n 20 "$log" >&2
    unlike "$(<"$log")" 'Restored|Started Application' \
        "$V: onRefresh: the JVM is frozen before the application has started"
    restore "refresh-$V" "$DIR/refresh"
    ok "$V: onRefresh: the very first request is answered after the restore" answers "$port" /hello
    like "$(grep Restored "$log")" 'Restored Application in [0-9.]+ seconds' \
        "$V: onRefresh: Spring logs the restore"
    is "$(get /count)" 1 "$V: onRefresh: the second request is answered after the restore"
    stop "$pid"
    is "$status" 143 "$V: onRefresh: SIGTERM ends the JVM with 143"
    unlike "$(<"$log")" 'Exception|ERROR' "$V: onRefresh: Spring logs no exception and no error"
}

# A refused checkpoint ends Spring's main by an exception; the JVM must end too.
refused_on_refresh() {
    port=$(free_port)
    start_jvm "refused-$V" /proc/none/image -Dspring.context.checkpoint=onRefresh \
        "-Djava.io.tmpdir=$TMP" -jar "$SPRING" "--server.port=$port"
    wait_exit "$pid" || fail "$V: onRefresh: the JVM ends after a refused checkpoint"
    is "$status" 1 "$V: onRefresh: a refused checkpoint ends the JVM with 1"
    contains "$(<"$log")" "cannot make the image directory '/proc/none/image'" \
        "$V: onRefresh: the reason of a refused checkpoint is reported"
}

body() {
    needs_jdk java_17 "$V: onRefresh: Spring freezes the JVM when its context is refreshed" || return 0
    by_pid
    on_refresh
    refused_on_refresh
}
each_jdk body
done_testing
