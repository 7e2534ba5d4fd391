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
    wait_line "$log" "Started Application in" 90
    is "$(get /hello)/$(get /count)" hello/1 "$V: the first requests"
    for generation in 1 2; do
        freeze "$pid" "$DIR/pid" "$V: generation $generation" || return
        restore "spring-$V" "$DIR/pid"
        ok "$V: the first request after restore $generation" answers "$port" /hello
        is "$(get /count)" $((1 + generation)) "$V: it goes on where it was"
    done
    is "$(count_lines "$log" "Restarting Spring-managed lifecycle beans")" 2 \
        "$V: Spring has started its beans again each time"
    stop "$pid"
    is "$status" 143 "$V: SIGTERM ends it"
    unlike "$(<"$log")" 'Exception|ERROR' "$V: Spring complains of nothing"
}

on_refresh() {
    port=$(free_port)
    start_jvm "refresh-$V" "$DIR/refresh" -Dspring.context.checkpoint=onRefresh \
        "-Djava.io.tmpdir=$TMP" -jar "$SPRING" \
        "--server.port=$port"
    wait_exit "$pid" 90
    is "$status" 137 "$V: Spring freezes itself when its context is refreshed" || tail -n 20 "$log" >&2
    unlike "$(<"$log")" 'Restored|Started Application' "$V: before it has started"
    restore "refresh-$V" "$DIR/refresh"
    ok "$V: the first request of all comes after restore" answers "$port" /hello
    like "$(grep Restored "$log")" 'Restored Application in [0-9.]+ seconds' "$V: Spring says Restored"
    is "$(get /count)" 1 "$V: it answers more"
    stop "$pid"
    is "$status" 143 "$V: SIGTERM ends it in good order"
    unlike "$(<"$log")" 'Exception|ERROR' "$V: Spring complains of nothing here either"
}

# A refused checkpoint ends Spring's main by an exception; the JVM must not stay for ever.
refused_on_refresh() {
    port=$(free_port)
    start_jvm "refused-$V" /proc/none/image -Dspring.context.checkpoint=onRefresh \
        "-Djava.io.tmpdir=$TMP" -jar "$SPRING" "--server.port=$port"
    wait_exit "$pid" 90 || fail "$V: it ends"
    is "$status" 1 "$V: the JVM ends with 1 when a checkpoint on refresh is refused"
    contains "$(<"$log")" "cannot make the image directory '/proc/none/image'" "$V: and with the reason"
}

body() {
    if [ "$V" -lt 17 ]; then
        cannot "$V: Spring Boot" "needs Java 17"
        return
    fi
    by_pid
    on_refresh
    refused_on_refresh
}
each_jdk body
done_testing
