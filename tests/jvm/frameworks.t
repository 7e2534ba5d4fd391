#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The frameworks that use org.crac, unmodified from Maven Central, one small web server each
# (tests/frameworks). A framework that finds a real implementation stops its server before the
# checkpoint, so that there is no TCP socket in the image (without an implementation the listening
# socket would be in it), and starts it again after the restore.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
FRAMEWORKS=$TOP/tests/frameworks

get() {
    curl -sS --max-time 60 "http://127.0.0.1:$port/" 2>&1
}

# round NAME GENERATION: freezes and restores the server that answers at $port.
round() {
    local what="$V: $1, generation $2"
    is "$(get)" hello "$what: the server answers before the checkpoint"
    freeze "$pid" "$DIR/$1" "$what" || return
    run "$CKPT" inspect "$DIR/$1"
    unlike "$out" "TCP socket" "$what: the framework stops its server before the checkpoint"
    restore "$1-$V" "$DIR/$1"
    ok "$what: the framework starts its server after the restore" answers "$port"
}

# logged NAME LINE COUNT: the log has had this line that often by now.
logged() {
    is "$(count_lines "$log" "$2")" "$3" "$V: $1: the log has '$2' $3 times"
}

begin() { # NAME JAR JAVA-ARGUMENT...
    port=$(free_port)
    start_jvm "$1-$V" "$DIR/$1" "-Dport=$port" "-Dquarkus.http.port=$port" "${@:3}" \
        -jar "$FRAMEWORKS/$1/target/$2"
}

twice() { # NAME
    round "$1" 1 && is "$(get)" hello \
        "$V: $1, generation 1: the server answers a second request" && round "$1" 2
}

spring() {
    begin spring spring.jar
    wait_line "$log" ready
    twice spring
    logged spring "bean stopped" 2
    logged spring "bean started" 3
    logged spring "Restarting Spring-managed lifecycle beans after JVM restore" 2
    stop "$pid"
}

# Spring asks for the checkpoint itself, before its beans are started.
spring_on_refresh() {
    begin spring spring.jar -Dspring.context.checkpoint=onRefresh
    wait_exit "$pid"
    is "$status/$(count_lines "$log" "bean started")" 137/3 \
        "$V: spring: onRefresh freezes the JVM before any bean is started"
    restore "spring-$V" "$DIR/spring"
    ok "$V: spring: a JVM frozen by onRefresh starts its server after the restore" answers "$port"
    stop "$pid"
}

micronaut() {
    begin micronaut micronaut.jar
    wait_line "$log" ready
    twice micronaut
    logged micronaut "before NettyEmbeddedServerResource" 2
    logged micronaut "after NettyEmbeddedServerResource" 2
    stop "$pid"
}

# The log has no line for a checkpoint: the missing socket in the image is the only evidence.
quarkus() {
    begin quarkus quarkus-app/quarkus-run.jar
    wait_line "$log" "Listening on"
    twice quarkus
    stop "$pid"
}

helidon() {
    begin helidon helidon.jar
    wait_line "$log" ready
    twice helidon
    logged helidon "suspended, resumed before: false" 1
    logged helidon "resumed, resumed before: true" 2
    stop "$pid"
}

# The property by which Helidon asks for the checkpoint itself, when its server is up.
helidon_on_start() {
    begin helidon helidon.jar -Dio.helidon.resumable.checkpoint=onStart
    wait_exit "$pid"
    is "$status" 137 "$V: helidon: onStart freezes the JVM"
    restore "helidon-$V" "$DIR/helidon"
    ok "$V: helidon: a JVM frozen by onStart answers after the restore" answers "$port"
    stop "$pid"
}

body() {
    spring
    spring_on_refresh
    micronaut
    quarkus
    needs_jdk java_21 "$V: helidon: the framework starts its server after the restore" || return 0
    helidon
    helidon_on_start
}

jars=(spring/target/spring.jar micronaut/target/micronaut.jar
    quarkus/target/quarkus-app/quarkus-run.jar)
! JAVA_HOME=${JDKS[-1]} jdk_has java_21 || jars+=(helidon/target/helidon.jar)
for jar in "${jars[@]}"; do
    [ -f "$FRAMEWORKS/$jar" ] ||
        bail_out "tests/frameworks/$jar is not built, run tools/build --frameworks"
done
each_jdk body
done_testing
