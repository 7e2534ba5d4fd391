#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Where the HTTP endpoint listens, and how long it lives: POST /checkpoint and the restored process,
# undo and shutdown, late attach. Free ports are chosen; one test takes the default one, if it is free.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
need curl python3
compile Endpoint Hooks
start_relay

# --- freeze and restore

# The answer comes before the JVM ends, and the restored process has no endpoint.
frozen_by_request() {
    serve frozen -
    client keep keep
    wait_line "$heard" kept
    checkpoint '{}'
    is "$code" 400 "$V: POST /checkpoint without a directory gets 400"
    checkpoint "{\"directory\": \"$DIR/own\", \"gc\": false}"
    is "$code/$(member state directory)" "200/written $DIR/own" \
        "$V: POST /checkpoint gets 200 with the directory"
    wait_exit "$pid"
    is "$status" 137 "$V: POST /checkpoint: the JVM ends with 137"
    ok "$V: POST /checkpoint writes the image" test -s "$DIR/own/image"
    unlike "$(<"$log")" 'Pause Full.*Jvmti' "$V: POST /checkpoint with gc false makes no collection"
    exec 8>&-
    restore "frozen-$V" "$DIR/own"
    wait_line "$log" after || fail "$V: afterRestore runs after a checkpoint by HTTP"
    ok "$V: the restored process has no endpoint" port_is_closed "$port"
    ok "$V: the restored process has no thread of the endpoint" no_thread "$pid" "ckpt http"
    is "$(find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' | sort -u | wc -l)" 1 \
        "$V: the restored process has only the control socket"
    freeze "$pid" "$DIR/again" "$V: a process restored without its endpoint"
}

# shutdown=false: the same address in every generation; an open connection is no obstacle.
keeps_endpoint() {
    local generation
    serve on "$DIR/on" shutdown=false
    for generation in 1 2; do
        client keep keep
        wait_line "$heard" kept
        if [ "$generation" = 1 ]; then
            post /checkpoint
            is "$code/$(member directory)" "200/$DIR/on" \
                "$V: POST /checkpoint without a directory uses the option image"
            wait_exit "$pid"
        else
            port='' freeze "$pid" "$DIR/on" "$V: shutdown=false: a JVM with an open connection"
        fi
        hang_up
        is "$(cat "$heard")" kept "$V: shutdown=false: an idle client is no obstacle, generation $generation"
        restore "on-$V" "$DIR/on"
        wait_line "$log" after --count "$generation"
        retry
        is "$code/$(member generation pid)" "200/$generation $pid" \
            "$V: shutdown=false: the endpoint serves in generation $generation"
        like "$(member restored)" '^20..-..-..T..:..:..Z$' \
            "$V: shutdown=false: /status reports the time of restore $generation"
    done
    checkpoint "{\"directory\": \"$DIR/left\", \"leaveRunning\": true}"
    is "$code/$(member state)" 200/written "$V: POST /checkpoint with leaveRunning gets 200"
    ask /status
    is "$code/$(member pid)" "200/$pid" "$V: POST /checkpoint with leaveRunning: the process continues"
    restore "clone-$V" "$DIR/left"
    wait_line "$log" "the port is busy" || fail "$V: a clone reports that its port is busy"
    ok "$V: a clone whose port is busy runs" kill -0 "$pid"
    stop "$pid"
    pid=${tap_pid_of[$TMP/on-$V.log]}
    stop "$pid"
}

# GET /status until there is an answer; ten seconds at most.
retry() {
    ask /status --retry 100 --retry-connrefused --retry-delay 0 --retry-max-time 10
}

refused_freeze() {
    echo "$relay" >"$DIR/socket"
    serve refused -
    rm "$DIR/socket"
    checkpoint "{\"directory\": \"$DIR/refused\"}"
    is "$code" 500 "$V: POST /checkpoint: a refused checkpoint gets 500"
    contains "$(member reasons)" "TCP connection" \
        "$V: POST /checkpoint: a refused checkpoint names the obstacle"
    is "$(grep -cx before "$log")/$(grep -cx after "$log")" 1/1 \
        "$V: POST /checkpoint: a refused checkpoint calls both hooks"
    post /before-checkpoint
    is "$code" 204 "$V: POST /checkpoint: the endpoint serves after a refusal"
    stop "$pid"
}

# The endpoint's end of a connection is in no image.
connected_to_itself() {
    serve own -
    echo "$port" >"$DIR/itself"
    run "$CKPT" checkpoint "$pid" "$DIR/to-itself"
    like "$status$err" "^1.*TCP connection .*:$port.*use --connections=close" \
        "$V: the application's connection to its own endpoint is refused"
    run "$CKPT" checkpoint --connections=close "$pid" "$DIR/to-itself"
    is "$status$err" 0 "$V: --connections=close closes the application's connection to its own endpoint"
    wait_exit "$pid"
    rm "$DIR/itself"
    restore "own-$V" "$DIR/to-itself"
    ok "$V: it is restored without the connection to its endpoint" wait_line "$log" after --count 2
    stop "$pid"
}

# --- undo and shutdown

undone() {
    serve undo - undo_timeout=2
    post /before-checkpoint
    kill -STOP "$pid"
    timeout 4 tail -f /dev/null || true # the test is that this time does not count
    kill -CONT "$pid"
    ask /status
    is "$(member state)" before-checkpoint \
        "$V: undo_timeout: time for which the process was stopped does not count"
    ok "$V: undo_timeout: /before-checkpoint without /after-restore is undone" wait_line "$log" \
        "(/after-restore) was not requested within 2 seconds of the first: undone" 15
    is "$(grep -cx after "$log")" 1 "$V: undo_timeout: afterRestore hooks are called by the undo"
    post /after-restore
    is "$code" 409 "$V: undo_timeout: /after-restore after the undo gets 409"
    post /before-checkpoint
    is "$code" 204 "$V: undo_timeout: /before-checkpoint after the undo gets 204"
    stop "$pid"
    serve never - undo_timeout=0
    post /before-checkpoint
    is "$code$(thread_of "$pid" "ckpt undo")" 204 "$V: undo_timeout=0: no thread waits to undo it"
    stop "$pid"
}

# shut_down_with_request SECONDS: /after-restore while another request is incomplete. Without a first
# half, which closes connections.
shut_down_with_request() {
    serve "shut-$1" - "shutdown_timeout=$1" compatible=true
    client slow slow
    wait_line "$heard" half
    post /after-restore
    is "$code" 204 "$V: shutdown_timeout=$1: /after-restore gets 204"
    ok "$V: shutdown_timeout=$1: no new connection is accepted" port_is_closed "$port"
}

shut_down() {
    shut_down_with_request 30
    echo >&8
    hang_up
    is "$(tail -n 1 "$heard")" "HTTP/1.1 200 OK" \
        "$V: shutdown_timeout=30: a request that is being sent is served"
    ok "$V: shutdown_timeout=30: the endpoint's thread ends after the last request" \
        no_thread "$pid" "ckpt http"
    stop "$pid"
    shut_down_with_request 1
    ok "$V: shutdown_timeout=1: the endpoint's thread ends without an incomplete request" \
        no_thread "$pid" "ckpt http"
    echo >&8
    hang_up
    unlike "$(cat "$heard")" HTTP "$V: shutdown_timeout=1: the connection of an incomplete request is closed"
    stop "$pid"
}

# --- where it listens

# jvm_with ADDR: the program with this endpoint.
jvms=0
jvm_with() {
    OPTIONS=("addr=$1")
    jvms=$((jvms + 1)) # a new log, so that output of the JVM before is not taken for this one's
    start_jvm "with-$jvms-$V" - -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready || fail "$V: the application starts with addr=$1"
}

# not_started WHAT ADDR PATTERN: the application does not start with this address.
not_started() {
    run "$CKPT" run --option "addr=$2" -- "$JAVA" -cp "$CP" Endpoint "$DIR"
    isnt "$status" 0 "$V: addr: $1: the JVM does not start"
    unlike "$out" ready "$V: addr: $1: the application does not start"
    like "$err" "checkpointer: error: $3" "$V: addr: $1: the reason is reported"
}

addresses() {
    port=$(free_port)
    jvm_with "localhost:$port"
    is "$(awk -v port="$(printf ':%04X' "$port")" '$4 == "0A" && index($2, port) { print $2 }' \
        "/proc/$pid/net/tcp" | cut -d: -f 1)" 0100007F "$V: addr: localhost is the loopback of IPv4"
    if [ -e /proc/sys/net/ipv6 ] && [ "$(cat /proc/sys/net/ipv6/conf/lo/disable_ipv6)" = 0 ]; then
        is "$(curl -s -g -o "$TMP/.body" -w '%{http_code}' "http://[::1]:$port/status")" 200 \
            "$V: addr: localhost is the loopback of IPv6"
    else
        cannot "$V: addr: localhost is the loopback of IPv6" "there is no IPv6 here"
    fi
    not_started "a busy port" "127.0.0.1:$port" \
        "cannot listen at '127.0.0.1:$port' for HTTP: the port is busy; choose another address"
    stop "$pid"
    not_started "port 0" localhost:0 "agent option 'addr=localhost:0': expected a port from 1 to 65535"
    not_started "an IPv6 address without brackets" ::1 \
        "agent option 'addr=::1': an IPv6 address must be in brackets"
    not_started "a name without an address" unknown.invalid:80 \
        "cannot listen at 'unknown.invalid:80' for HTTP: the name has no address"
    not_started "a long path" "unix:/$(printf 'x%.0s' {1..150})" \
        ".*the path of a Unix socket has at most 103 bytes"
    not_started "an address of another machine" 192.0.2.1:80 "cannot listen at '192.0.2.1:80' for HTTP: "
    jvm_with none
    is "$(thread_of "$pid" "ckpt http")" "" "$V: addr=none: there is no endpoint"
    stop "$pid"
}

# Bound to all addresses, the endpoint accepts any address as Host, and no name.
everywhere() {
    port=$(free_port)
    jvm_with "0.0.0.0:$port"
    ask /status -H 'Host: 192.0.2.1'
    is "$code" 200 "$V: addr=0.0.0.0: any address is accepted as Host"
    ask /status -H 'Host: evil.example'
    is "$code" 403 "$V: addr=0.0.0.0: a name is refused as Host"
    if [ "$(id -u)" -eq 0 ]; then
        is "$(as_user curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/status")" 403 \
            "$V: addr=0.0.0.0: another user of this machine is refused"
    fi
    stop "$pid"
}

unix_socket() {
    local path=$DIR/endpoint.sock first
    cd "$DIR" || return
    jvm_with unix:endpoint.sock
    cd "$TOP" || return
    first=$pid
    is "$(stat -c '%F %a' "$path")" "socket 600" "$V: Unix socket: only its owner may connect by its mode"
    is "$(curl -s --unix-socket "$path" -o "$TMP/.body" -w '%{http_code}' http://anything/status)" 200 \
        "$V: Unix socket: the endpoint serves"
    not_started "a busy Unix socket" "unix:$path" \
        "cannot listen at 'unix:$path' for HTTP: another process listens there"
    ok "$V: Unix socket: the name of a busy one stays" test -S "$path"
    kill -KILL "$first"
    wait_exit "$first"
    jvm_with "unix:$path"
    is "$(curl -s --unix-socket "$path" -o "$TMP/.body" -w '%{http_code}' http://localhost/status)" 200 \
        "$V: Unix socket: the name that a dead process left is replaced"
    if [ "$(id -u)" -eq 0 ]; then
        chmod 777 "$path" "$DIR"
        is "$(as_user curl -s --unix-socket "$path" -o /dev/null -w '%{http_code}' \
            http://localhost/status)" 403 "$V: Unix socket: another user is refused whatever the mode"
        chmod 755 "$DIR"
    fi
    stop "$pid"
    not_ok "$V: Unix socket: the name is removed at the end of the JVM" test -e "$path"
    touch "$DIR/file"
    not_started "a file that is no socket" "unix:$DIR/file" \
        "cannot listen at 'unix:$DIR/file' for HTTP: the file is not a socket"
    is "$(stat -c %F "$DIR/file")" "regular empty file" "$V: addr: a file that is no socket stays"
    not_started "a Unix socket in a missing directory" "unix:$DIR/nowhere/s" \
        "cannot listen at 'unix:$DIR/nowhere/s' for HTTP: "
}

default_port() {
    local first second
    OPTIONS=()
    start_jvm "default-$V" - -cp "$CP" Endpoint "$DIR"
    first=$pid
    wait_line "$log" ready
    if grep -q 'cannot listen' "$log"; then
        cannot "$V: default address: the endpoint listens at port 10095" \
            "another process has port 10095 on this machine"
    else
        port=10095
        ask /status
        is "$code/$(member pid)" "200/$first" "$V: default address: the endpoint listens at port 10095"
    fi
    start_jvm "second-$V" - -cp "$CP" Endpoint "$DIR"
    ok "$V: default address: the application starts although the port is busy" wait_line "$log" ready
    is "$(grep -c "^checkpointer: warning: cannot listen at 'localhost:10095' for HTTP: the port is busy" \
        "$log")/$(grep -c checkpointer: "$log")" 1/1 \
        "$V: default address: a busy port gives one line of warning"
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
    contains "$out" "return code: -1" "$V: loaded late: the load fails if the port of addr is busy"
    ok "$V: loaded late: the busy port is reported" \
        grep -q "cannot listen at 'localhost:$taken' for HTTP: the port is busy" \
        "$log"
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=none\""
    contains "$out" "return code: 0" "$V: loaded late: addr=none loads the agent"
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=localhost:$port\""
    contains "$out" "return code: 0" "$V: loaded late: a second load with an address succeeds after addr=none"
    ask /status
    is "$code" 200 "$V: loaded late: the endpoint of a second load serves"
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=localhost:$taken\""
    contains "$out" "return code: -1" "$V: loaded late: another address for the endpoint is refused"
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=none,gc=false\""
    contains "$out" "return code: 0" "$V: loaded late: addr=none with other options is accepted"
    ask /status
    is "$code/$(member gc)" "200/False" \
        "$V: loaded late: addr=none keeps the endpoint and sets the other options"
    ok "$V: loaded late: the refused other address is reported" \
        grep -q 'the JVM already has an HTTP endpoint at another address' \
        "$log"
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

# hanging MODE: Hooks with a limit of a second for each; sets hold, the file that lets them continue.
hanging() {
    hold=$DIR/$1.go
    port=$(free_port)
    OPTIONS=("addr=localhost:$port" shutdown=false hook_timeout=1)
    start_jvm "$1-$V" "$DIR/$1" -cp "$CP" Hooks "$1" "$hold"
    wait_line "$log" ready || fail "$V: the program Hooks $1 starts"
}

release_hooks() {
    : >"$hold"
    wait_line "$log" released
}

HANGS='Hooks$Hanging.beforeCheckpoint of resource '

# A hook that hangs is interrupted and the checkpoint called off; the requester gets an answer whether
# the hook reacts or not.
hook_hangs() {
    hanging interruptible
    post /before-checkpoint
    is "$code" 500 "$V: hook_timeout: a hook that reacts late to its interrupt fails the request"
    contains "$(member reasons)" "$HANGS" "$V: hook_timeout: the hook is named among the reasons"
    contains "$(member reasons)" 'did not return within 1 s (agent option hook_timeout)' \
        "$V: hook_timeout: the limit is named among the reasons"
    is "$(grep -c '^after' "$log")" 3 "$V: hook_timeout: afterRestore is called for all hooks"
    ask /status
    is "$code/$(member state)" 200/running "$V: hook_timeout: the endpoint answers after an interrupted hook"
    release_hooks
    post /before-checkpoint
    is "$code" 204 "$V: hook_timeout: the request after an interrupted hook is served"
    stop "$pid"

    hanging stubborn
    post /before-checkpoint
    is "$code/$(member error)" "500/a hook hangs" \
        "$V: hook_timeout: a request whose hook ignores its interrupt gets 500"
    contains "$(member reasons)" "$HANGS" "$V: hook_timeout: a hook that ignores its interrupt is named"
    ask /status
    is "$code/$(member state)" 200/working "$V: hook_timeout: the endpoint answers while a hook hangs"
    post /after-restore
    contains "$code $(member reasons)" "409 ['another checkpoint is in progress: $HANGS" \
        "$V: hook_timeout: /after-restore while a hook hangs gets 409 and its name"
    release_hooks
    wait_line "$log" 'after third'
    post /before-checkpoint
    is "$code" 204 "$V: hook_timeout: the next request is served when the hook has returned"
    post /after-restore
    checkpoint '{}'
    is "$code" 200 "$V: hook_timeout: a checkpoint succeeds when the hook has returned"
    stop "$pid"
}

body() {
    hook_hangs
    frozen_by_request
    keeps_endpoint
    refused_freeze
    connected_to_itself
    undone
    loaded_late
    if [ "$JAVA_HOME" = "${JDKS[0]}" ]; then # these do not depend on the JDK
        shut_down
        addresses
        everywhere
        unix_socket
        default_port
    fi
}
each_jdk body
done_testing
