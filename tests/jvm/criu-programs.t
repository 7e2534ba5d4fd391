#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Programs and JVMs that criu dumps and restores: with 200 threads, every collector, an HTTP server, Spring
# Boot, a child process, an established connection; requested over HTTP and by a signal.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
compile Rounds Many
HTTP=$TOP/examples/http/target/http.jar
SPRING=$TOP/examples/spring-boot/target/spring-boot.jar
[ -f "$SPRING" ] || bail_out "examples/spring-boot is not built, run tools/build --examples"
WITH_CRIU=(engine=criu "criu=$CRIU")

# dump WHAT JVM DIR [OPTION...]: pid is what this shell started, the JVM or its `restore`.
dump() {
    local what=$1 jvm=$2 directory=$3
    shift 3
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$@" "$jvm" "$directory"
    is "$status$out$err" 0 "$what: the JVM is dumped" || return
    wait_exit "$pid"
}

collectors() {
    local collector jvm
    for collector in Serial Parallel G1 Z Shenandoah; do
        "$JAVA" -XX:+UnlockExperimentalVMOptions "-XX:+Use${collector}GC" -version >/dev/null 2>&1 ||
            { cannot "$V: $collector: a JVM is dumped and restored" "this JDK does not have it" && continue; }
        start_jvm "$collector-$V" - -Xmx256m -XX:+UnlockExperimentalVMOptions "-XX:+Use${collector}GC" \
            -jar "$SIMPLE" --period 20
        jvm=$pid
        wait_line "$log" 3
        dump "$V: $collector" "$jvm" "$DIR/$collector" || continue
        restore "$collector-$V" "--criu=$CRIU" "$DIR/$collector"
        ok "$V: $collector: the restored JVM continues to count" wait_more "$log" 3
        run "$JAVA_HOME/bin/jcmd" "$jvm" GC.run
        is "$status" 0 "$V: $collector: the restored JVM collects garbage"
        wait_more "$log" 3
        stop "$pid"
        in_sequence "$log" "$V: $collector: no number is lost or printed twice"
    done
}

child() {
    local jvm
    start_jvm "child-$V" - -cp "$CP" Rounds child
    jvm=$pid
    wait_line "$log" "round 3"
    dump "$V: child" "$jvm" "$DIR/child" || return
    not_ok "$V: child: it is dumped with the JVM" pgrep -x cat
    restore "child-$V" "--criu=$CRIU" "$DIR/child"
    wait_line "$log" after
    ok "$V: child: it answers the restored JVM" \
        wait_line "$log" "round $(($(sed -n 's/^round //p' "$log" | tail -n 1) + 5))"
    stop "$pid"
}

connection() {
    local jvm peer
    cat >"$TMP/echo.py" <<'PYTHON'
import socket
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1], flush=True)
connection = listener.accept()[0]
while data := connection.recv(4096):
    connection.sendall(data)
PYTHON
    start "echo-$V" python3 "$TMP/echo.py"
    wait_line "$log" port
    peer=$(port_of "$log" port)
    start_jvm "connection-$V" - -cp "$CP" Rounds "$peer"
    jvm=$pid
    wait_line "$log" "round 3"
    dump "$V: connection" "$jvm" "$DIR/connection" --tcp-established || return
    restore "connection-$V" "--criu=$CRIU" "$DIR/connection"
    wait_line "$log" after
    ok "$V: connection: it continues after the restore" \
        wait_line "$log" "round $(($(sed -n 's/^round //p' "$log" | tail -n 1) + 5))"
    stop "$pid"
}

http() {
    local jvm port
    port=$(free_port)
    start_jvm "http-$V" - -jar "$HTTP" --port "$port"
    jvm=$pid
    answers "$port" || fail "$V: http: the server starts"
    dump "$V: http" "$jvm" "$DIR/http" || return
    restore "http-$V" "--criu=$CRIU" "$DIR/http"
    ok "$V: http: the restored server answers" answers "$port"
    stop "$pid"
}

# Spring Boot with a web server that answers; and dumped by Spring itself before the server starts.
spring() {
    local jvm port
    port=$(free_port)
    start_jvm "spring-$V" - -jar "$SPRING" "--server.port=$port"
    jvm=$pid
    wait_line "$log" "Started Application in"
    dump "$V: Spring Boot" "$jvm" "$DIR/spring" || return
    restore "spring-$V" "--criu=$CRIU" "$DIR/spring"
    ok "$V: Spring Boot: the restored server answers" answers "$port" /hello
    stop "$pid"
    is "$status" 143 "$V: Spring Boot: SIGTERM ends the restored JVM with 143"
    unlike "$(<"$log")" 'Exception|ERROR' "$V: Spring Boot: it logs no exception and no error"

    OPTIONS=(addr=none "${WITH_CRIU[@]}")
    start_jvm "refresh-$V" "$DIR/refresh" -Dspring.context.checkpoint=onRefresh -jar "$SPRING" \
        "--server.port=$port"
    OPTIONS=(addr=none)
    wait_exit "$pid"
    is "$status" 137 "$V: Spring Boot: onRefresh: Spring has criu dump the JVM" || tail -n 20 "$log" >&2
    restore "refresh-$V" "--criu=$CRIU" "$DIR/refresh"
    ok "$V: Spring Boot: onRefresh: the restored server answers" answers "$port" /hello
    like "$(grep Restored "$log")" 'Restored Application in [0-9.]+ seconds' \
        "$V: Spring Boot: onRefresh: Spring logs the restore"
    stop "$pid"
}

threads() {
    local jvm
    start_jvm "many-$V" - -cp "$CP" Many "$DIR" threads:200
    jvm=$pid
    wait_line "$log" "tick 3"
    dump "$V: 200 threads" "$jvm" "$DIR/many" || return
    restore "many-$V" "--criu=$CRIU" "$DIR/many"
    ok "$V: 200 threads: the restored JVM continues" \
        wait_line "$log" "tick $(($(sed -n 's/^tick //p' "$log" | tail -n 1) + 3))"
    ok "$V: 200 threads: the restored JVM has them" test "$(ls "/proc/$jvm/task" | wc -l)" -gt 200
    stop "$pid"
}

# A request over the endpoint: the client is answered when the image is written.
endpoint() {
    local jvm port
    port=$(free_port)
    OPTIONS=("addr=localhost:$port" "criu=$CRIU" shutdown=false)
    start_jvm "endpoint-$V" "$DIR/endpoint" -jar "$SIMPLE" --period 20
    OPTIONS=(addr=none)
    jvm=$pid
    wait_line "$log" 3
    run curl -s -S -w '%{http_code}' --json '{"engine": "criu"}' "http://localhost:$port/checkpoint"
    like "$status$out$err" '^0.*200$' "$V: endpoint: the client is answered"
    wait_exit "$pid"
    restore "endpoint-$V" "--criu=$CRIU" "$DIR/endpoint"
    wait_line "$log" "after restore"
    ok "$V: endpoint: it is there again after the restore" answers "$port" /status
    dump "$V: endpoint" "$jvm" "$DIR/endpoint" || return
}

by_signal() {
    local jvm
    OPTIONS=(addr=none "${WITH_CRIU[@]}" signal=USR1)
    start_jvm "signal-$V" "$DIR/signal" -jar "$SIMPLE" --period 20
    OPTIONS=(addr=none)
    jvm=$pid
    wait_line "$log" 3
    kill -USR1 "$jvm"
    wait_exit "$pid"
    is "$status" 137 "$V: signal: the JVM is dumped and ended"
    restore "signal-$V" "--criu=$CRIU" "$DIR/signal"
    ok "$V: signal: the restored JVM continues to count" wait_more "$log" 3
    stop "$pid"
}

each_jdk collectors
each_jdk child
each_jdk connection
each_jdk http
each_jdk spring
each_jdk threads
each_jdk endpoint
each_jdk by_signal
done_testing
