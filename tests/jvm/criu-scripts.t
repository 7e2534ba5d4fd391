#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Scripts as those of the first system: they POST to the endpoint before `criu dump` and after
# `criu restore`, or do so in an action script, with the agent as -javaagent. Three generations of the
# simple example and of Spring Boot. Such scripts also call an endpoint twice.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-by-hand.sh"
need curl
compile
SPRING=$TOP/examples/spring-boot/target/spring-boot.jar
[ -f "$SPRING" ] || bail_out "examples/spring-boot is not built, run tools/build --examples"

# The scripts use CRIU, PORT and DIR of their environment, and LOCK, options that not every criu has.
cat >"$TMP/dump.sh" <<'SCRIPT'
#!/bin/sh
set -e
curl -sS -f -X POST "http://localhost:$PORT/before-checkpoint"
mkdir -p "$2"
"$CRIU" dump -t "$1" -D "$2" -o dump.log $LOCK
SCRIPT
cat >"$TMP/restore.sh" <<'SCRIPT'
#!/bin/sh
set -e
"$CRIU" restore -d -D "$1" -o restore.log
curl -sS -f -X POST "http://localhost:$PORT/after-restore"
SCRIPT
cat >"$TMP/action.sh" <<'SCRIPT'
#!/bin/sh
case $CRTOOLS_SCRIPT_ACTION in
    pre-dump) curl -sS -f -X POST "http://localhost:$PORT/before-checkpoint" ;;
    post-resume) curl -sS -f -X POST "http://localhost:$PORT/after-restore" ;;
esac
SCRIPT
chmod +x "$TMP"/*.sh
LOCK=${CRIU_OPTIONS[*]}
export CRIU LOCK

begin() { # NAME JAVA-ARGUMENT...
    PORT=$(free_port)
    export PORT
    start "$1-$V" setsid "$JAVA" \
        "-javaagent:$BUILD/checkpointer.jar=addr=localhost:$PORT,shutdown=false" "${@:2}"
}

succeeds() { # NAME COMMAND...
    run "${@:2}"
    is "$status$err" 0 "$1" || diag "$(grep -ah Error "$DIR"/*/*.log | tail -n 5)"
}

simple() { # by the scripts, then by an action script
    local i
    begin simple -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    for i in 1 2 3; do
        succeeds "$V: simple: generation $i is dumped by a script" "$TMP/dump.sh" "$pid" "$DIR/simple-$i"
        wait_exit "$pid"
        tap_pid_of[$log]=
        succeeds "$V: simple: generation $i is restored by a script" "$TMP/restore.sh" "$DIR/simple-$i"
        is "$(count_lines "$log" "before checkpoint")/$(count_lines "$log" "after restore")" "$i/$i" \
            "$V: simple: generation $i: the hooks are called"
        ok "$V: simple: generation $i counts on" wait_more "$log" 3
    done
    for i in 4 5 6; do
        succeeds "$V: simple: generation $i is dumped with an action script" \
            "$CRIU" dump -t "$pid" -D "$(mkdir -p "$DIR/simple-$i" && echo "$DIR/simple-$i")" \
            -o dump.log "${CRIU_OPTIONS[@]}" --action-script "$TMP/action.sh"
        "$WAITFOR" --timeout 60 exit "$pid"
        succeeds "$V: simple: generation $i is restored with an action script" \
            "$CRIU" restore -d -D "$DIR/simple-$i" -o restore.log --action-script "$TMP/action.sh"
        is "$(count_lines "$log" "before checkpoint")/$(count_lines "$log" "after restore")" "$i/$i" \
            "$V: simple: generation $i: the hooks are called by an action script"
        ok "$V: simple: generation $i counts on" wait_more "$log" 3
    done
    in_sequence "$log" "$V: simple: the numbers are complete over six generations"
    end_restored "$pid"
}

spring() {
    local i port
    port=$(free_port)
    begin spring "-Djava.io.tmpdir=$TMP" -jar "$SPRING" "--server.port=$port"
    wait_line "$log" "Started Application in"
    is "$(curl -sS "http://127.0.0.1:$port/count")" 1 "$V: Spring: the first request is answered"
    for i in 1 2 3; do
        succeeds "$V: Spring: generation $i is dumped by a script" "$TMP/dump.sh" "$pid" "$DIR/spring-$i"
        wait_exit "$pid"
        tap_pid_of[$log]=
        succeeds "$V: Spring: generation $i is restored by a script" "$TMP/restore.sh" "$DIR/spring-$i"
        ok "$V: Spring: generation $i answers" answers "$port" /hello
        is "$(curl -sS "http://127.0.0.1:$port/count")" $((i + 1)) \
            "$V: Spring: generation $i continues to count requests"
    done
    end_restored "$pid"
    unlike "$(<"$log")" 'Exception|ERROR' "$V: Spring logs no exception and no error"
}

# A tool that requests the second half twice, or of an instance that has none.
twice() {
    local path codes=
    begin twice -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    for path in after-restore before-checkpoint before-checkpoint after-restore after-restore; do
        codes+=$(curl -sS -o /dev/null -w '%{http_code} ' -X POST "http://localhost:$PORT/$path")
    done
    is "$codes" "204 204 204 204 204 " "$V: each POST of a script is answered with 204, whatever came before"
    stop "$pid"
}

body() {
    simple
    spring
    twice
}
each_jdk body
done_testing
