#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What a refused checkpoint reports besides the obstacles: the remedy that a known library has, and that
# hooks were not called because the agent was loaded too late. Each obstacle is named once.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Reasons
start_relay
mkdir -p "$TMP/pool/com/zaxxer/hikari/pool"
cat >"$TMP/pool/com/zaxxer/hikari/pool/HikariPool.java" <<'JAVA'
package com.zaxxer.hikari.pool;
public class HikariPool { }
JAVA
"${JDKS[0]}/bin/javac" --release 8 -Xlint:-options -d "$CLASSES" \
    "$TMP/pool/com/zaxxer/hikari/pool/HikariPool.java" || bail_out "javac failed"

late() {
    start "late-$V" "$JAVA" -XX:+IgnoreUnrecognizedVMOptions -XX:+EnableDynamicAgentLoading \
        "-Drelay=$relay" -cp "$CP" Reasons hooks
    wait_line "$log" ready || return
    run "$CKPT" checkpoint "$pid" "$DIR/late"
    is "$status" 1 "$V: loaded late: a connection that a hook would close is refused"
    contains "$err" "the beforeCheckpoint hooks were not called: org.crac was in use before the agent" \
        "$V: loaded late: the refusal reports that hooks were not called"
    kill -KILL "$pid"
    wait_exit "$pid"
    start_jvm "early-$V" - "-Drelay=$relay" -cp "$CP" Reasons hooks
    wait_line "$log" ready || return
    freeze "$pid" "$DIR/early" "$V: loaded at the start" &&
        pass "$V: loaded at the start: the hook closes the connection, the JVM is frozen"
}

pool() {
    start_jvm "pool-$V" - "-Drelay=$relay" -cp "$CP" Reasons pool
    wait_line "$log" ready || return
    run "$CKPT" checkpoint "$pid" "$DIR/pool"
    is "$status $(grep -c allow-pool-suspension=true <<<"$err")" "1 1" \
        "$V: connection pool: the remedy is named once"
    unlike "$err" "hooks were not called" "$V: connection pool: uncalled hooks are not reported"
    kill -KILL "$pid"
    wait_exit "$pid"
}

# A tool that is being answered is no obstacle of the application.
tool() {
    start_jvm "tool-$V" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$JAVA_HOME/bin/jcmd" "$pid" VM.version # makes the socket
    start "asks-$V" python3 -c "import signal, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.send(b'1')
print('connected', flush=True)
signal.pause()" "/tmp/.java_pid$pid"
    wait_line "$log" connected
    run "$CKPT" checkpoint "${tap_pid_of[$TMP/tool-$V.log]}" "$DIR/tool"
    like "$status$err" "^1.*descriptor [0-9]+ is the connection of a tool, such as jcmd" \
        "$V: tool: the connection of a tool that the JVM answers is named as such"
    stop "$pid"
    freeze "${tap_pid_of[$TMP/tool-$V.log]}" "$DIR/tool" "$V: tool: when it has ended" &&
        pass "$V: tool: the JVM is frozen when the tool has ended"
}

copies() {
    start "peer-$V" python3 -c "import socket
server = socket.create_server(('127.0.0.1', 0))
print('port', server.getsockname()[1], flush=True)
s, _ = server.accept()
s.recv(1)"
    wait_line "$log" port || return
    start "copies-$V" python3 -c "import os, socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
for number in (17, 18, 19):
    os.dup2(s.fileno(), number)
os.execv(sys.argv[2], sys.argv[2:])" "$(sed -n 's/^port //p' "$log")" \
        "$JAVA" -XX:+IgnoreUnrecognizedVMOptions -XX:+EnableDynamicAgentLoading -jar "$SIMPLE"
    wait_line "$log" 3 || return
    run "$CKPT" checkpoint "$pid" "$DIR/copies"
    is "$status $(grep -c 'is a TCP connection' <<<"$err")" "1 1" \
        "$V: copies: a connection with three descriptors is one obstacle"
    kill -KILL "$pid"
    wait_exit "$pid"
}

body() {
    late
    pool
    copies
    tool
}
each_jdk body
done_testing
