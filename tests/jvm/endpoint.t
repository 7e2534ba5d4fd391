#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The agent's HTTP endpoint: what it answers and to whom, what it makes of requests that mean harm,
# where it listens, and how it lives over freeze and restore. Ports are chosen free; one test takes
# the default one, if nobody has it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
need curl python3
compile Endpoint
# raw LINES: a request as it stands here; prints the answer.
raw() {
    "${CLIENT[@]}" "$port" raw "$1\r\nConnection: close\r\n\r\n"
}

# raw_code LINES: its status.
raw_code() {
    raw "$1" | sed -n '1s/^HTTP.1.[01] \([0-9]*\) .*/\1/p'
}

# --- what it answers

answers_as_documented() {
    serve plain "$DIR/image"
    ask /status
    is "$code" 200 "$V: GET /status"
    like "$headers" 'Content-Type: application/json' "$V: is JSON"
    is "$(member version pid generation restored state image)" \
        "$("$CKPT" --version | grep -o '[0-9.]*$') $pid 0 None running $DIR/image" "$V: and says what is"
    like "$(raw 'HEAD /status HTTP/1.1\r\nHost: localhost' |
        tr -d '\r' | tr '\n' '|')" '^HTTP/1.1 200 OK\|.*Content-Length: [1-9][0-9]*\|.*\|\|*$' \
        "$V: HEAD /status has its length and no body"
    post /status
    is "$code" 405 "$V: POST /status is not allowed"
    contains "$headers" "Allow: GET, HEAD" "$V: and what is, is said"
    for path in /before-checkpoint /after-restore /checkpoint; do
        for method in GET PUT OPTIONS TRACE CONNECT BREW; do
            ask "$path" -X "$method"
            is "$code/$(grep -o '^Allow: .*' <<<"$headers")" "405/Allow: POST" "$V: $method $path"
        done
    done
    for path in / /nothing /status/ /before-checkpoint/x; do
        post "$path"
        is "$code/${body:0:10}" '404/{"error":"' "$V: POST $path"
    done
}

before_and_after() {
    post /after-restore
    is "$code" 409 "$V: /after-restore without a before"
    contains "$body" "there was no /before-checkpoint" "$V: says why"
    post /before-checkpoint
    is "$code/$body" 204/ "$V: /before-checkpoint"
    is "$(grep -cx before "$log")/$(grep -cx after "$log")" 1/0 "$V: the hooks have been called"
    is "$(grep -x 'thread .*' "$log")" "thread checkpointer http" "$V: on the endpoint's thread"
    ok "$V: and then a collection" grep -q 'Pause Full.*Jvmti' "$log"
    ask /status
    is "$(member state)" before-checkpoint "$V: the status knows"
    post /before-checkpoint
    is "$code" 409 "$V: a second before"
    checkpoint "{\"directory\": \"$DIR/never\"}"
    is "$code" 409 "$V: a checkpoint meanwhile"
    contains "$body" "another checkpoint is on its way" "$V: says why"
    post /after-restore
    is "$code/$body" 204/ "$V: /after-restore"
    is "$(grep -cx before "$log")/$(grep -cx after "$log")" 1/1 "$V: each hook was called once"
    ok "$V: then the endpoint is closed" nobody_listens "$port"
    ok "$V: and its thread has ended" no_thread "$pid" "ckpt http"
    stop "$pid"
}

failing_hooks() {
    serve fail "$DIR/image" shutdown=false gc=false
    touch "$DIR/fail"
    post /before-checkpoint
    is "$code" 500 "$V: hooks that fail"
    is "$(python3 -c 'import json, sys
for reason in json.load(sys.stdin)["reasons"]: print(reason)' <<<"$body")" \
        $'Endpoint.beforeCheckpoint: java.lang.IllegalStateException: not "now" ä😀\n'\
$'Endpoint.afterRestore: '\
'java.lang.IllegalStateException: not then' \
        "$V: are the reasons, as JSON"
    post /after-restore
    is "$code" 409 "$V: and there is nothing to undo"
    checkpoint "{\"directory\": \"$DIR/never\"}"
    is "$code" 500 "$V: they fail a checkpoint too"
    contains "$body" 'not \"now\"' "$V: which says so"
    not_ok "$V: and leaves no image" test -e "$DIR/never/image"
    rm "$DIR/fail"
    post /before-checkpoint
    touch "$DIR/fail"
    post /after-restore
    is "$code" 500 "$V: an afterRestore that fails"
    contains "$body" "Endpoint.afterRestore: java.lang.IllegalStateException: not then" "$V: says so"
    rm "$DIR/fail"
    post /before-checkpoint
    is "$code" 204 "$V: with shutdown=false the endpoint is still there"
    unlike "$(<"$log")" 'Pause Full.*Jvmti' "$V: gc=false: no collection"
    post /after-restore
    is "$code" 204 "$V: for both"
}

# --- who may ask, and how

headers_and_types() {
    local host path
    for host in localhost LOCALHOST:1 127.0.0.1 127.9.9.9:80 '[::1]' "[::1]:$port"; do
        ask /status -H "Host: $host"
        is "$code" 200 "$V: Host: $host"
    done
    for host in evil.example localhost.evil.example 192.0.2.1 "localhost:$port:1" 'localhost:x' '[::2]' ''; do
        post /before-checkpoint -H "Host: $host"
        is "$code" 403 "$V: Host: '$host' is refused"
    done
    for host in http://evil.example null "http://localhost:$port"; do
        post /before-checkpoint -H "Origin: $host"
        is "$code" 403 "$V: Origin: $host is refused"
    done
    is "$(raw_code 'POST /before-checkpoint HTTP/1.1\r\nHost: localhost\r\nHost: evil')" \
        403 "$V: of two Host headers each counts"
    for page in 'Origin: null' 'Referer: http://localhost/' 'Sec-Fetch-Site: cross-site' \
        'Sec-Fetch-Site: same-origin' 'User-Agent: Mozilla/5.0 (X11)'; do
        post /before-checkpoint -H "$page" -d ''
        is "$code" 403 "$V: a web page's form is refused by '$page' alone"
    done
    ask /status -H 'Sec-Fetch-Site: none' -H 'User-Agent: Mozilla/5.0 (X11)'
    is "$code" 200 "$V: the address bar may read"
    ask /status -H 'Sec-Fetch-Site: cross-site'
    is "$code" 403 "$V: and no web page"
    for target in http://evil.example/status //evil.example/status http://localhost@evil.example/status; do
        is "$(raw_code "GET $target HTTP/1.1\r\nHost: localhost")" 403 \
            "$V: a target elsewhere is refused: $target"
    done
    is "$(raw_code 'GET http://localhost/status HTTP/1.1\r\nHost: localhost')" 200 \
        "$V: and one that is here is not"
    post /before-checkpoint -H 'Content-Type: text/plain' -d x
    is "$code" 415 "$V: the type of a web page's form is refused"
    post /before-checkpoint -d x=1
    is "$code" 415 "$V: a form with content, too"
    ask /status
    is "$(member state)" running "$V: none of these had an effect"
    post /before-checkpoint -d ''
    is "$code" 204 "$V: an empty form is taken"
    post /after-restore -H 'Content-Type: application/json; charset=utf-8' -d '{}'
    is "$code" 204 "$V: so is JSON"
    for path in '{' '[]' 'null' '{"directory": "relative"}' '{"directory": 1}' '{"dir": "/x"}' \
        '{"gc": 1}' '{"leaveRunning": "yes"}' '{"gc": true, "gc": true}' '{"directory": "/a\u0000b"}'; do
        checkpoint "$path"
        is "$code/${body:0:10}" '400/{"error":"' "$V: POST /checkpoint $path"
    done
}

other_users() {
    [ "$(id -u)" -eq 0 ] || { cannot "$V: other users" "only root can be another user"; return; }
    is "$(as_user curl -s -o "$USER_DIR/.body" -w '%{http_code}' -X POST \
        "http://127.0.0.1:$port/before-checkpoint")" 403 "$V: another user is refused"
    contains "$(<"$USER_DIR/.body")" "only the JVM's owner and root" "$V: and told why"
    as_user python3 "$(for_user "${CLIENT[1]}")" "$port" abrupt
    ask /status
    is "$(member state)" running "$V: also when the connection is gone before anybody looks"
}

harm() {
    is "$("${CLIENT[@]}" "$port" pipeline)" \
        $'HTTP/1.1 200 OK\nHTTP/1.1 404 Not Found\nHTTP/1.1 200 OK' "$V: pipelined requests"
    is "$("${CLIENT[@]}" "$port" huge-header)" "HTTP/1.1 400 Bad Request" "$V: endless headers"
    like "$("${CLIENT[@]}" "$port" huge-body)" '^HTTP/1.1 413 ' "$V: a huge body"
    is "$("${CLIENT[@]}" "$port" chunked)" "HTTP/1.1 400 Bad Request" "$V: a body in chunks is read"
    is "$("${CLIENT[@]}" "$port" garbage)" sent "$V: garbage"
    malformed
    ask /status
    is "$code/$(member state)" 200/running "$V: and it answers as before"
}

# ambiguous WHAT REQUEST [BODY]: it is refused, and what comes behind it is not taken for a request.
ambiguous() {
    is "$("${CLIENT[@]}" "$port" raw "$2"'\r\n\r\n'"${3-}"'POST /before-checkpoint HTTP/1.1\r\n'\
'Host: localhost\r\nConnection: close\r\n\r\n' | tr -d '\r' | grep '^HTTP\|^{' | cut -c 1-12)" \
        $'HTTP/1.1 400\n{"error":"th' "$V: it is not clear where a request ends: $1"
}

# Also what libevent refuses by itself is answered in JSON.
malformed() {
    local here='HTTP/1.1\r\nHost: localhost\r\n'
    ambiguous "a body of GET" "GET /status ${here}Content-Length: 3"
    ambiguous "chunks of GET" "GET /status ${here}Transfer-Encoding: chunked" '0\r\n\r\n'
    ambiguous "two lengths" "POST /after-restore ${here}Content-Length: 0\r\nContent-Length: 5"
    ambiguous "no number" "POST /after-restore ${here}Content-Length: +0"
    ambiguous "another coding" "POST /after-restore ${here}Transfer-Encoding: gzip, chunked" '0\r\n\r\n'
    ambiguous "chunks and a length" \
        "POST /after-restore ${here}Transfer-Encoding: chunked\\r\\nContent-Length: 5"
    ambiguous "a header's name with a space" "GET /status ${here}Origin : http://evil.example"
    ambiguous "no HTTP" "GET /status"
    like "$(raw "POST /checkpoint ${here}Content-Length: 65537")" '^HTTP/1.1 413 .*"error":"the body' \
        "$V: too large a body"
    like "$(raw "POST /checkpoint ${here}Expect: magic\\r\\nContent-Length: 1")" \
        '^HTTP/1.1 417 .*"error":"nothing but' "$V: an expectation"
}

# Twenty connections that say nothing: sixteen are let in, and nobody after them, until they have
# taken too long.
crowd() {
    local before
    before=$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)
    client crowd crowd 20
    wait_line "$heard" crowd 10
    ask /status
    is "$code" 200 "$V: twenty silent connections: who comes after them is served in the end"
    hang_up
    is "$(grep -c . <"$heard")" 1 "$V: they have come to no answer"
    ok "$V: and are gone" test "$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)" -le $((before + 1))
}

# A request that comes in halves is served, and others while hooks are running.
patience() {
    client slow slow
    wait_line "$heard" half 10
    ask /status
    is "$code" 200 "$V: half a request stands in nobody's way"
    echo >&8
    hang_up
    is "$(tail -n 1 "$heard")" "HTTP/1.1 200 OK" "$V: and is served when it is whole"

    mkfifo "$DIR/hold"
    local jvm_log=$log held_log hooks
    hooks=$(grep -cx before "$log")
    held "$((hooks + 1))"
    held_log=$log
    ask /status
    is "$code/$(member state)" 200/working "$V: GET /status is answered while a hook runs"
    checkpoint '{"directory": "/nowhere"}'
    is "$code" 409 "$V: and who asks for a checkpoint, that there is one"
    contains "$body" "Endpoint.beforeCheckpoint of resource" "$V: and which hook runs"
    post /after-restore
    is "$code" 409 "$V: it cannot be ended yet"
    echo go >"$DIR/hold"
    ok "$V: and the one with the hook has its answer" wait_line "$held_log" 204 20
    post /after-restore
    is "$code" 204 "$V: and can go on"

    log=$jvm_log
    held "$((hooks + 2))"
    stop "$pid"
    ask /status
    is "$code/$(member state)" 200/working "$V: a requester who goes away stops nothing"
    echo go >"$DIR/hold"
    for _ in {1..500}; do
        ask /status
        [ "$(member state)" = working ] || break
    done
    is "$(member state)" before-checkpoint "$V: and what was asked for is done"
    rm "$DIR/hold"
    post /after-restore
    is "$code" 204 "$V: and can be undone"
    log=$jvm_log
}

# held N: a request whose hook, the Nth of all, waits at the FIFO; sets pid and log to its curl's.
held() {
    local jvm_log=$log
    start "held-$V-$1" curl -sS -o "$DIR/held" -w '%{http_code}\n' --max-time 30 -X POST \
        "http://localhost:$port/before-checkpoint"
    wait_line "$jvm_log" before 10 --count "$1"
}

# Idle, the thread is nothing to the JVM, and sits in poll() without a time-out.
idle() {
    local tid call
    tid=$(thread_of "$pid" "ckpt http")
    for _ in 1 2 3 4 5 6 7 8 9 10; do # it goes back there after an answer
        call=$(cut -d' ' -f 1,4 "/proc/$pid/task/$tid/syscall")
        [ "$call" != "7 0xffffffff" ] && [ "$call" != "7 0xffffffffffffffff" ] || break
    done
    like "$call" '^7 0xffffffff' "$V: an idle endpoint waits in poll(), for ever"
    unlike "$("$JAVA_HOME/bin/jcmd" "$pid" Thread.print 2>&1)" "checkpointer http" "$V: and is no Java thread"
}

body() {
    local first
    answers_as_documented
    before_and_after
    failing_hooks
    other_users
    idle
    if [ "$JAVA_HOME" = "${JDKS[0]}" ]; then # these are the agent's alone
        headers_and_types
        harm
        first=$pid
        patience
        pid=$first
        crowd
    fi
    stop "$pid"
}
each_jdk body
done_testing
