#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Where the HTTP endpoint listens, and how it lives: POST /checkpoint and the restored process, undo
# and shutdown, late attach. Ports are chosen free; one test takes the default one, if it is free.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
need curl python3
compile Endpoint Hooks

# --- freeze and restore

# The answer comes before the end, and the endpoint not at all after it.
frozen_by_request() {
    serve frozen -
    client keep keep
    wait_line "$heard" kept 10
    checkpoint '{}'
    is "$code" 400 "$V: no directory, here or in the options"
    checkpoint "{\"directory\": \"$DIR/own\", \"gc\": false}"
    is "$code/$(member state directory)" "200/written $DIR/own" "$V: POST /checkpoint is answered"
    wait_exit "$pid"
    is "$status" 137 "$V: and the JVM has ended as it should"
    ok "$V: the image is there" test -s "$DIR/own/image"
    unlike "$(<"$log")" 'Pause Full.*Jvmti' "$V: no collection was asked for"
    exec 8>&-
    restore "frozen-$V" "$DIR/own"
    wait_line "$log" after || fail "$V: the afterRestore hook runs"
    ok "$V: the restored process has no endpoint" nobody_listens "$port"
    ok "$V: and no thread for it" no_thread "$pid" "ckpt http"
    is "$(find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' | sort -u | wc -l)" 1 \
        "$V: one socket is left, for control"
    freeze "$pid" "$DIR/again" "$V: and can be frozen again"
}

# shutdown=false: the same address again, in every generation; an open connection does not matter.
serves_on() {
    local generation
    serve on "$DIR/on" shutdown=false
    for generation in 1 2; do
        client keep keep
        wait_line "$heard" kept 10
        if [ "$generation" = 1 ]; then
            post /checkpoint
            is "$code/$(member directory)" "200/$DIR/on" "$V: to the directory of the option"
            wait_exit "$pid"
        else
            port='' freeze "$pid" "$DIR/on" "$V: by PID, with connections open"
        fi
        hang_up
        is "$(cat "$heard")" kept "$V: an idle client was no obstacle"
        restore "on-$V" "$DIR/on"
        wait_line "$log" after 30 --count "$generation"
        retry
        is "$code/$(member generation pid)" "200/$generation $pid" "$V: shutdown=false: it serves on"
        like "$(member restored)" '^20..-..-..T..:..:..Z$' "$V: and tells since when"
    done
    checkpoint "{\"directory\": \"$DIR/left\", \"leaveRunning\": true}"
    is "$code/$(member state)" 200/written "$V: leaveRunning is answered"
    ask /status
    is "$code/$(member pid)" "200/$pid" "$V: by a process that goes on"
    restore "clone-$V" "$DIR/left"
    wait_line "$log" "the port is busy" || fail "$V: a clone says that the port is taken"
    ok "$V: and runs" kill -0 "$pid"
    stop "$pid"
    pid=${tap_pid_of[$TMP/on-$V.log]}
    stop "$pid"
}

# GET /status until there is an answer; ten seconds at most.
retry() {
    ask /status --retry 100 --retry-connrefused --retry-delay 0 --retry-max-time 10
}

refused_freeze() {
    touch "$DIR/socket"
    serve refused -
    rm "$DIR/socket"
    checkpoint "{\"directory\": \"$DIR/refused\"}"
    is "$code" 500 "$V: what cannot be frozen"
    contains "$(member reasons)" "TCP connection" "$V: is named"
    is "$(grep -cx before "$log")/$(grep -cx after "$log")" 1/1 "$V: and the hooks were called"
    post /before-checkpoint
    is "$code" 204 "$V: it goes on as before"
    stop "$pid"
}

# --- undo and shutdown

undone() {
    serve undo - undo_timeout=2
    post /before-checkpoint
    kill -STOP "$pid"
    timeout 4 tail -f /dev/null || true # what is tested is that this time does not count
    kill -CONT "$pid"
    ask /status
    is "$(member state)" before-checkpoint "$V: time for which the process stood still does not count"
    ok "$V: a before without an after is undone" wait_line "$log" \
        "warning: nobody asked for /after-restore within 2 seconds of /before-checkpoint: undone" 15
    is "$(grep -cx after "$log")" 1 "$V: the hooks have been called"
    post /after-restore
    is "$code" 409 "$V: then there is nothing to come back from"
    post /before-checkpoint
    is "$code" 204 "$V: and the next one is welcome"
    stop "$pid"
    serve never - undo_timeout=0
    post /before-checkpoint
    is "$(cut -d' ' -f 1,4 "/proc/$pid/task/$(thread_of "$pid" "ckpt http")/syscall" | cut -c 1-12)" \
        "7 0xffffffff" "$V: undo_timeout=0: it waits for ever" || diag "$(<"$log")"
    stop "$pid"
}

on_their_way() { # SECONDS
    serve "shut-$1" - "shutdown_timeout=$1"
    client slow slow
    wait_line "$heard" half 10
    post /before-checkpoint
    post /after-restore
    is "$code" 204 "$V: shutdown_timeout=$1: the restore is answered"
    ok "$V: nothing new is taken" nobody_listens "$port"
}

shut_down() {
    on_their_way 30
    echo >&8
    hang_up
    is "$(tail -n 1 "$heard")" "HTTP/1.1 200 OK" "$V: a request on its way is served"
    ok "$V: then that was all" no_thread "$pid" "ckpt http"
    stop "$pid"
    on_their_way 1
    ok "$V: a request that does not come is not waited for" no_thread "$pid" "ckpt http"
    echo >&8
    hang_up
    unlike "$(cat "$heard")" HTTP "$V: and its connection is closed"
    stop "$pid"
}

# --- where it listens

# jvm_with ADDR: the program with this endpoint.
jvms=0
jvm_with() {
    OPTIONS=("addr=$1")
    jvms=$((jvms + 1)) # a log of its own, or the one before's last words are taken for its
    start_jvm "with-$jvms-$V" - -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready || fail "$V: starts with addr=$1"
}

# wrong WHAT ADDR PATTERN: the application is not started.
wrong() {
    run "$CKPT" run --option "addr=$2" -- "$JAVA" -cp "$CP" Endpoint "$DIR"
    isnt "$status" 0 "$V: addr=$1: the JVM does not start"
    unlike "$out" ready "$V: nor the application"
    like "$err" "checkpointer: error: $3" "$V: and it is said why"
}

addresses() {
    port=$(free_port)
    jvm_with "localhost:$port"
    is "$(awk -v port="$(printf ':%04X' "$port")" '$4 == "0A" && index($2, port) { print $2 }' \
        "/proc/$pid/net/tcp" | cut -d: -f 1)" 0100007F "$V: localhost is the loopback"
    if [ -e /proc/sys/net/ipv6 ] && [ "$(cat /proc/sys/net/ipv6/conf/lo/disable_ipv6)" = 0 ]; then
        is "$(curl -s -g -o "$TMP/.body" -w '%{http_code}' "http://[::1]:$port/status")" 200 "$V: of IPv6 too"
    else
        cannot "$V: of IPv6 too" "there is no IPv6 here"
    fi
    wrong "a port that somebody has" "127.0.0.1:$port" \
        "cannot listen at '127.0.0.1:$port' for HTTP: the port is busy; choose another address"
    stop "$pid"
    wrong "port 0" localhost:0 "agent option 'addr=localhost:0': expected a port from 1 to 65535"
    wrong "no brackets" ::1 "agent option 'addr=::1': an IPv6 address stands in brackets"
    wrong "a name of nobody" nobody.invalid:80 \
        "cannot listen at 'nobody.invalid:80' for HTTP: the name has no address"
    wrong "a long path" "unix:/$(printf 'x%.0s' {1..150})" ".*the path of a Unix socket has at most 103 bytes"
    wrong "an address of another machine" 192.0.2.1:80 "cannot listen at '192.0.2.1:80' for HTTP: "
    jvm_with none
    is "$(thread_of "$pid" "ckpt http")" "" "$V: none is none"
    stop "$pid"
}

# Bound to all addresses, it takes any of them for its name, and no name.
everywhere() {
    port=$(free_port)
    jvm_with "0.0.0.0:$port"
    ask /status -H 'Host: 192.0.2.1'
    is "$code" 200 "$V: 0.0.0.0 may be asked for by any address"
    ask /status -H 'Host: evil.example'
    is "$code" 403 "$V: and by no name"
    if [ "$(id -u)" -eq 0 ]; then
        is "$(as_user curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/status")" 403 \
            "$V: another user of this machine is refused there too"
    fi
    stop "$pid"
}

unix_socket() {
    local path=$DIR/endpoint.sock first
    cd "$DIR" || return
    jvm_with unix:endpoint.sock
    cd "$TOP" || return
    first=$pid
    is "$(stat -c '%F %a' "$path")" "socket 600" "$V: a Unix socket is its owner's alone"
    is "$(curl -s --unix-socket "$path" -o "$TMP/.body" -w '%{http_code}' http://anything/status)" 200 \
        "$V: and serves"
    wrong "a Unix socket that somebody has" "unix:$path" \
        "cannot listen at 'unix:$path' for HTTP: another process does"
    ok "$V: whose name stays" test -S "$path"
    kill -KILL "$first"
    wait_exit "$first"
    jvm_with "unix:$path"
    is "$(curl -s --unix-socket "$path" -o "$TMP/.body" -w '%{http_code}' http://localhost/status)" 200 \
        "$V: a dead one's is replaced"
    if [ "$(id -u)" -eq 0 ]; then
        chmod 777 "$path" "$DIR"
        is "$(as_user curl -s --unix-socket "$path" -o /dev/null -w '%{http_code}' \
            http://localhost/status)" 403 "$V: another user is refused whatever the mode"
        chmod 755 "$DIR"
    fi
    stop "$pid"
    not_ok "$V: the name goes with the JVM" test -e "$path"
    touch "$DIR/file"
    wrong "no socket" "unix:$DIR/file" \
        "cannot listen at 'unix:$DIR/file' for HTTP: there is a file, and no socket"
    is "$(stat -c %F "$DIR/file")" "regular empty file" "$V: which stays"
    wrong "no directory" "unix:$DIR/nowhere/s" "cannot listen at 'unix:$DIR/nowhere/s' for HTTP: "
}

default_port() {
    local first second
    OPTIONS=()
    start_jvm "default-$V" - -cp "$CP" Endpoint "$DIR"
    first=$pid
    wait_line "$log" ready
    if grep -q 'cannot listen' "$log"; then
        cannot "$V: the default port" "another process has port 10095 on this machine"
    else
        port=10095
        ask /status
        is "$code/$(member pid)" "200/$first" "$V: the default is port 10095"
    fi
    start_jvm "second-$V" - -cp "$CP" Endpoint "$DIR"
    ok "$V: busy by default: the application runs" wait_line "$log" ready
    is "$(grep -c "^checkpointer: warning: cannot listen at 'localhost:10095' for HTTP: the port is busy" \
        "$log")/$(grep -c checkpointer: "$log")" 1/1 "$V: after one line of warning"
    stop "$pid"
    stop "$first"
}

# --- loaded late

late() {
    local taken=$1
    port=$(free_port)
    start "late-$V" "$JAVA" -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=localhost:$taken\""
    contains "$out" "return code: -1" "$V: loaded late: a busy port that was asked for fails the load"
    ok "$V: says why" grep -q "cannot listen at 'localhost:$taken' for HTTP: the port is busy" "$log"
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=none\""
    contains "$out" "return code: 0" "$V: none is no obstacle"
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=localhost:$port\""
    contains "$out" "return code: 0" "$V: and may become one later"
    ask /status
    is "$code" 200 "$V: which serves"
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=localhost:$taken\""
    contains "$out" "return code: -1" "$V: it does not move"
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=none,gc=false\""
    contains "$out" "return code: 0" "$V: nor does none take it away"
    ask /status
    is "$code/$(member gc)" "200/False" "$V: it has the other options"
    ok "$V: says so" grep -q 'the JVM has an HTTP endpoint elsewhere already' "$log"
    stop "$pid"
}

loaded_late() {
    local other
    port=$(free_port)
    jvm_with "127.0.0.1:$port"
    other=$pid
    late "$port"
    stop "$other"
}

# hanging MODE: Hooks with a limit of a second for each; sets hold, the file that lets them go.
hanging() {
    hold=$DIR/$1.go
    port=$(free_port)
    OPTIONS=("addr=localhost:$port" shutdown=false hook_timeout=1)
    start_jvm "$1-$V" "$DIR/$1" -cp "$CP" Hooks "$1" "$hold"
    wait_line "$log" ready || fail "$V: Hooks $1 starts"
}

let_go() {
    : >"$hold"
    wait_line "$log" released
}

HANGS='Hooks$Hanging.beforeCheckpoint of resource '

# A hook that hangs is interrupted and the checkpoint called off; the requester hears of it whether
# the hook reacts or not.
hook_hangs() {
    hanging interruptible
    post /before-checkpoint
    is "$code" 500 "$V: a hook that takes too long fails the request"
    contains "$(member reasons)" "$HANGS" "$V: with its name among the reasons"
    contains "$(member reasons)" 'did not return within 1 s (agent option hook_timeout)' "$V: and why"
    is "$(grep -c '^after' "$log")" 3 "$V: all hooks are undone"
    ask /status
    is "$code/$(member state)" 200/running "$V: the endpoint answers as before"
    let_go
    post /before-checkpoint
    is "$code" 204 "$V: and the next request is served"
    stop "$pid"

    hanging stubborn
    post /before-checkpoint
    is "$code/$(member error)" "500/a hook hangs" "$V: one that does not react is answered too"
    contains "$(member reasons)" "$HANGS" "$V: with its name"
    ask /status
    is "$code/$(member state)" 200/working "$V: the endpoint answers while it hangs"
    post /after-restore
    contains "$code $(member reasons)" "409 ['another checkpoint is on its way: $HANGS" \
        "$V: and says what is in the way"
    let_go
    wait_line "$log" 'after third'
    post /before-checkpoint
    is "$code" 204 "$V: and when it has returned, the next request is served"
    post /after-restore
    checkpoint '{}'
    is "$code" 200 "$V: also one for an image"
    stop "$pid"
}

body() {
    hook_hangs
    frozen_by_request
    serves_on
    refused_freeze
    undone
    loaded_late
    if [ "$JAVA_HOME" = "${JDKS[0]}" ]; then # these are the agent's alone
        shut_down
        addresses
        everywhere
        unix_socket
        default_port
    fi
}
each_jdk body
done_testing
