#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The agent's HTTP endpoint: what it answers and to whom, and how it handles malformed and hostile
# requests. Free ports are chosen.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
need curl python3
compile Endpoint

# raw LINES: sends a request as it is given; prints the answer.
raw() {
    "${CLIENT[@]}" "$port" raw "$1\r\nConnection: close\r\n\r\n"
}

# raw_code LINES: sends it too; prints the status of the answer.
raw_code() {
    raw "$1" | sed -n '1s/^HTTP.1.[01] \([0-9]*\) .*/\1/p'
}

# --- what it answers

answers_as_documented() {
    serve plain "$DIR/image"
    ask /status
    is "$code" 200 "$V: GET /status gets 200"
    like "$headers" 'Content-Type: application/json' "$V: GET /status: the answer is JSON"
    is "$(member version pid generation restored state image)" \
        "$("$CKPT" --version | grep -o '[0-9.]*$') $pid 0 None running $DIR/image" \
        "$V: GET /status: version, PID, generation, state and image are right"
    like "$(raw 'HEAD /status HTTP/1.1\r\nHost: localhost' |
        tr -d '\r' | tr '\n' '|')" '^HTTP/1.1 200 OK\|.*Content-Length: [1-9][0-9]*\|.*\|\|*$' \
        "$V: HEAD /status gets the length and no body"
    post /status
    is "$code" 405 "$V: POST /status gets 405"
    contains "$headers" "Allow: GET, HEAD" "$V: POST /status: the answer lists the allowed methods"
    for path in /before-checkpoint /after-restore /checkpoint; do
        for method in GET PUT OPTIONS TRACE CONNECT BREW; do
            ask "$path" -X "$method"
            is "$code/$(grep -o '^Allow: .*' <<<"$headers")" "405/Allow: POST" \
                "$V: $method $path gets 405 with the allowed method"
        done
    done
    for path in / /nothing /status/ /before-checkpoint/x; do
        post "$path"
        is "$code/${body:0:10}" '404/{"error":"' "$V: POST $path gets 404 with an error in JSON"
    done
}

before_and_after() {
    post /after-restore
    is "$code" 409 "$V: /after-restore without /before-checkpoint gets 409"
    contains "$body" "there was no /before-checkpoint" \
        "$V: /after-restore without /before-checkpoint: the reason is given"
    post /before-checkpoint
    is "$code/$body" 204/ "$V: /before-checkpoint gets 204"
    is "$(grep -cx before "$log")/$(grep -cx after "$log")" 1/0 \
        "$V: /before-checkpoint calls the beforeCheckpoint hooks once"
    is "$(grep -x 'thread .*' "$log")" "thread checkpointer http" \
        "$V: /before-checkpoint calls hooks on the endpoint's thread"
    ok "$V: /before-checkpoint makes a collection" grep -q 'Pause Full.*Jvmti' "$log"
    ask /status
    is "$(member state)" before-checkpoint "$V: /before-checkpoint changes the state in /status"
    post /before-checkpoint
    is "$code" 409 "$V: /before-checkpoint after /before-checkpoint gets 409"
    checkpoint "{\"directory\": \"$DIR/never\"}"
    is "$code" 409 "$V: /checkpoint after /before-checkpoint gets 409"
    contains "$body" "another checkpoint is in progress" \
        "$V: /checkpoint after /before-checkpoint: the reason is given"
    post /after-restore
    is "$code/$body" 204/ "$V: /after-restore gets 204"
    is "$(grep -cx before "$log")/$(grep -cx after "$log")" 1/1 \
        "$V: /after-restore calls the afterRestore hooks once"
    ok "$V: /after-restore closes the endpoint" port_is_closed "$port"
    ok "$V: /after-restore ends the endpoint's thread" no_thread "$pid" "ckpt http"
    stop "$pid"
}

failing_hooks() {
    serve fail "$DIR/image" shutdown=false gc=false
    touch "$DIR/fail"
    post /before-checkpoint
    is "$code" 500 "$V: failing hooks: /before-checkpoint gets 500"
    is "$(python3 -c 'import json, sys
for reason in json.load(sys.stdin)["reasons"]: print(reason)' <<<"$body")" \
        $'Endpoint.beforeCheckpoint: java.lang.IllegalStateException: not "now" ä😀\n'\
$'Endpoint.afterRestore: '\
'java.lang.IllegalStateException: not then' \
        "$V: failing hooks: the exceptions are the reasons, as JSON"
    post /after-restore
    is "$code" 409 "$V: failing hooks: /after-restore after the failure gets 409"
    checkpoint "{\"directory\": \"$DIR/never\"}"
    is "$code" 500 "$V: failing hooks: /checkpoint gets 500"
    contains "$body" 'not \"now\"' "$V: failing hooks: /checkpoint gives the exception as reason"
    not_ok "$V: failing hooks: /checkpoint leaves no image" test -e "$DIR/never/image"
    rm "$DIR/fail"
    post /before-checkpoint
    touch "$DIR/fail"
    post /after-restore
    is "$code" 500 "$V: failing hooks: /after-restore gets 500 if afterRestore fails"
    contains "$body" "Endpoint.afterRestore: java.lang.IllegalStateException: not then" \
        "$V: failing hooks: /after-restore gives the exception as reason"
    rm "$DIR/fail"
    touch "$DIR/fail-after"
    checkpoint "{\"directory\": \"$DIR/left\", \"leaveRunning\": true}"
    rm "$DIR/fail-after"
    is "$code $(member error)" "500 the image is written, but afterRestore failed" \
        "$V: failing hooks: /checkpoint with leaveRunning reports that there is an image"
    contains "$body" "not then" \
        "$V: failing hooks: /checkpoint with leaveRunning gives the exception as reason"
    ok "$V: failing hooks: /checkpoint with leaveRunning leaves the image" test -e "$DIR/left/image"
    post /before-checkpoint
    is "$code" 204 "$V: shutdown=false: the endpoint serves after /after-restore"
    unlike "$(<"$log")" 'Pause Full.*Jvmti' "$V: gc=false: /before-checkpoint makes no collection"
    post /after-restore
    is "$code" 204 "$V: shutdown=false: the second /after-restore gets 204"
}

# --- who may ask, and how

headers_and_types() {
    local host path
    for host in localhost LOCALHOST:1 127.0.0.1 127.9.9.9:80 '[::1]' "[::1]:$port"; do
        ask /status -H "Host: $host"
        is "$code" 200 "$V: Host: '$host' is accepted"
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
        403 "$V: a wrong Host is refused as the second of two"
    for page in 'Origin: null' 'Referer: http://localhost/' 'Sec-Fetch-Site: cross-site' \
        'Sec-Fetch-Site: same-origin' 'User-Agent: Mozilla/5.0 (X11)'; do
        post /before-checkpoint -H "$page" -d ''
        is "$code" 403 "$V: a web page's form is refused by its header '$page' alone"
    done
    ask /status -H 'Sec-Fetch-Site: none' -H 'User-Agent: Mozilla/5.0 (X11)'
    is "$code" 200 "$V: /status is answered for a browser's address bar"
    ask /status -H 'Sec-Fetch-Site: cross-site'
    is "$code" 403 "$V: /status is refused to a web page of another site"
    for target in http://evil.example/status //evil.example/status http://localhost@evil.example/status; do
        is "$(raw_code "GET $target HTTP/1.1\r\nHost: localhost")" 403 \
            "$V: a target on another host is refused: $target"
    done
    is "$(raw_code 'GET http://localhost/status HTTP/1.1\r\nHost: localhost')" 200 \
        "$V: an absolute target on localhost is accepted"
    post /before-checkpoint -H 'Content-Type: text/plain' -d x
    is "$code" 415 "$V: a body of type text/plain gets 415"
    post /before-checkpoint -d x=1
    is "$code" 415 "$V: a body of a form's default type gets 415"
    ask /status
    is "$(member state)" running "$V: refused requests have no effect"
    post /before-checkpoint -d ''
    is "$code" 204 "$V: a body that is an empty form is accepted"
    post /after-restore -H 'Content-Type: application/json; charset=utf-8' -d '{}'
    is "$code" 204 "$V: a body of type application/json is accepted"
    for path in '{' '[]' 'null' '{"directory": "relative"}' '{"directory": 1}' '{"dir": "/x"}' \
        '{"gc": 1}' '{"leaveRunning": "yes"}' '{"gc": true, "gc": true}' '{"directory": "/a\u0000b"}'; do
        checkpoint "$path"
        is "$code/${body:0:10}" '400/{"error":"' "$V: POST /checkpoint with the body '$path' gets 400"
    done
    checkpoint '{"directory": "/x", "dir": 1}'
    contains "$body" '{"error":"\"dir\" is not known; there are directory, labels' \
        "$V: a member of the body that is not known is named"
}

other_users() {
    [ "$(id -u)" -eq 0 ] ||
        { cannot "$V: another user is refused" "only root can act as another user" && return; }
    is "$(as_user curl -s -o "$USER_DIR/.body" -w '%{http_code}' -X POST \
        "http://127.0.0.1:$port/before-checkpoint")" 403 "$V: another user is refused"
    contains "$(<"$USER_DIR/.body")" "only the JVM's owner and root" \
        "$V: another user gets the reason of the refusal"
    as_user python3 "$(for_user "${CLIENT[1]}")" "$port" abrupt
    ask /status
    is "$(member state)" running "$V: another user whose connection is closed at once has no effect"
}

hostile_requests() {
    is "$("${CLIENT[@]}" "$port" pipeline)" \
        $'HTTP/1.1 200 OK\nHTTP/1.1 404 Not Found\nHTTP/1.1 200 OK' \
        "$V: pipelined requests are answered in order"
    is "$("${CLIENT[@]}" "$port" huge-header)" "HTTP/1.1 400 Bad Request" "$V: endless headers get 400"
    like "$("${CLIENT[@]}" "$port" huge-body)" '^HTTP/1.1 413 ' "$V: a huge body gets 413"
    is "$("${CLIENT[@]}" "$port" chunked)" "HTTP/1.1 400 Bad Request" \
        "$V: a body in chunks is read and refused as no JSON"
    is "$("${CLIENT[@]}" "$port" garbage)" sent "$V: random bytes are survived"
    malformed
    ask /status
    is "$code/$(member state)" 200/running "$V: the endpoint answers after hostile requests"
}

# ambiguous WHAT REQUEST [BODY]: it is refused, and the bytes after it are not taken for a request.
ambiguous() {
    is "$("${CLIENT[@]}" "$port" raw "$2"'\r\n\r\n'"${3-}"'POST /before-checkpoint HTTP/1.1\r\n'\
'Host: localhost\r\nConnection: close\r\n\r\n' | tr -d '\r' | grep '^HTTP\|^{' | cut -c 1-12)" \
        $'HTTP/1.1 400\n{"error":"th' "$V: a request whose end is ambiguous gets 400: $1"
}

# Requests that libevent itself refuses get an answer in JSON too.
malformed() {
    local here='HTTP/1.1\r\nHost: localhost\r\n'
    ambiguous "a body of GET" "GET /status ${here}Content-Length: 3"
    ambiguous "chunks of GET" "GET /status ${here}Transfer-Encoding: chunked" '0\r\n\r\n'
    ambiguous "two lengths" "POST /after-restore ${here}Content-Length: 0\r\nContent-Length: 5"
    ambiguous "a length that is no number" "POST /after-restore ${here}Content-Length: +0"
    ambiguous "another coding" "POST /after-restore ${here}Transfer-Encoding: gzip, chunked" '0\r\n\r\n'
    ambiguous "chunks and a length" \
        "POST /after-restore ${here}Transfer-Encoding: chunked\\r\\nContent-Length: 5"
    ambiguous "a header's name with a space" "GET /status ${here}Origin : http://evil.example"
    ambiguous "a request line without a version" "GET /status"
    like "$(raw "POST /checkpoint ${here}Content-Length: 65537")" '^HTTP/1.1 413 .*"error":"the body' \
        "$V: a body of 64 KiB and a byte gets 413 in JSON"
    like "$(raw "POST /checkpoint ${here}Expect: magic\\r\\nContent-Length: 1")" \
        '^HTTP/1.1 417 .*"error":"the only supported Expect' "$V: an unknown Expect header gets 417 in JSON"
}

# Twenty connections that send nothing: sixteen are accepted, and no further one until they have timed
# out.
crowd() {
    local before
    before=$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)
    client crowd crowd 20
    wait_line "$heard" crowd
    ask /status
    is "$code" 200 "$V: a request after twenty silent connections is served in the end"
    hang_up
    is "$(grep -c . <"$heard")" 1 "$V: twenty silent connections get no answer"
    ok "$V: twenty silent connections are closed" \
        test "$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)" -le $((before + 1))
}

# A request that arrives in two parts is served, and others while hooks are running.
slow_requests() {
    client slow slow
    wait_line "$heard" half
    ask /status
    is "$code" 200 "$V: half a request does not block other requests"
    echo >&8
    hang_up
    is "$(tail -n 1 "$heard")" "HTTP/1.1 200 OK" "$V: a request that arrives in two parts is served"

    mkfifo "$DIR/hold"
    local jvm_log=$log held_log hooks
    hooks=$(grep -cx before "$log")
    hold_in_hook "$((hooks + 1))"
    held_log=$log
    ask /status
    is "$code/$(member state)" 200/working "$V: GET /status is answered while a hook runs"
    checkpoint '{"directory": "/nowhere"}'
    is "$code" 409 "$V: /checkpoint while a hook runs gets 409"
    contains "$body" "Endpoint.beforeCheckpoint of resource" \
        "$V: /checkpoint while a hook runs: the hook is named"
    post /after-restore
    is "$code" 409 "$V: /after-restore while a hook runs gets 409"
    release "$DIR/hold"
    ok "$V: the request whose hook ran is answered" wait_line "$held_log" 204
    post /after-restore
    is "$code" 204 "$V: /after-restore when the hook has returned gets 204"

    log=$jvm_log
    hold_in_hook "$((hooks + 2))"
    stop "$pid"
    ask /status
    is "$code/$(member state)" 200/working \
        "$V: a requester that closes its connection does not end the request"
    release "$DIR/hold"
    for _ in {1..500}; do
        ask /status
        [ "$(member state)" = working ] || break
    done
    is "$(member state)" before-checkpoint "$V: a request whose requester is gone is completed"
    rm "$DIR/hold"
    post /after-restore
    is "$code" 204 "$V: /after-restore for a request whose requester is gone gets 204"
    log=$jvm_log
}

# hold_in_hook N: a request whose hook, the Nth of all, waits at the FIFO; sets pid and log to its curl's.
hold_in_hook() {
    local jvm_log=$log
    start "held-$V-$1" curl -sS -o "$DIR/held" -w '%{http_code}\n' --max-time 30 -X POST \
        "http://localhost:$port/before-checkpoint"
    wait_line "$jvm_log" before --count "$1"
}

# The idle thread is not attached to the JVM, and waits in poll() without a time-out.
idle() {
    local tid call
    tid=$(thread_of "$pid" "ckpt http")
    for _ in 1 2 3 4 5 6 7 8 9 10; do # it returns to poll() after an answer
        call=$(cut -d' ' -f 1,4 "/proc/$pid/task/$tid/syscall")
        [ "$call" != "7 0xffffffff" ] && [ "$call" != "7 0xffffffffffffffff" ] || break
    done
    like "$call" '^7 0xffffffff' "$V: an idle endpoint waits in poll() without a time-out"
    unlike "$("$JAVA_HOME/bin/jcmd" "$pid" Thread.print 2>&1)" "checkpointer http" \
        "$V: an idle endpoint is no Java thread"
}

body() {
    local first
    answers_as_documented
    before_and_after
    failing_hooks
    other_users
    idle
    if [ "$JAVA_HOME" = "${JDKS[0]}" ]; then # these do not depend on the JDK
        headers_and_types
        hostile_requests
        first=$pid
        slow_requests
        pid=$first
        crowd
    fi
    stop "$pid"
}
each_jdk body
done_testing
