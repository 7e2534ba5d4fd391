#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The two halves of a checkpoint whose freeze another program makes, requested over the control socket:
# the same ones as /before-checkpoint and /after-restore of the HTTP endpoint. What the control socket
# does not know.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
need curl python3
compile Endpoint

# control LINE...: sends a request to the JVM $pid; sets answer, with '|' for each end of a line.
control() {
    answer=$(python3 "$TOP/tests/lib/control-client.py" "$(control_socket "$pid")" "$@") ||
        true # then the answer is empty
}

hooks() { # prints how often each was called
    printf '%s/%s' "$(grep -cx before "$log")" "$(grep -cx after "$log")"
}

NOT_BEGUN='text there was no first half of a checkpoint, or it was undone|failed|'

in_order() {
    serve order "$DIR/order"
    control resume
    is "$answer $(hooks)" "$NOT_BEGUN 0/0" "$V: resume without prepare is refused"
    control prepare
    is "$answer $(hooks)" "done| 1/0" "$V: prepare calls the beforeCheckpoint hooks"
    ok "$V: prepare collects garbage" grep -q 'Pause Full.*Jvmti' "$log"
    ask /status
    is "$(member state)" before-checkpoint "$V: after prepare, the endpoint's state is before-checkpoint"
    control prepare
    like "$answer $(hooks)" 'another checkpoint is in progress, and its second half .*\|failed\| 1/0$' \
        "$V: a second prepare is refused"
    control checkpoint "directory=$DIR/never"
    like "$answer $(hooks)" 'another checkpoint is in progress.*\|failed\| 1/0$' \
        "$V: a checkpoint between the halves is refused"
    control resume
    is "$answer $(hooks)" "done| 1/1" "$V: resume calls the afterRestore hooks"
    ask /status
    is "$code/$(member state)" 200/running "$V: after resume, the endpoint is there and the state is running"
    control resume
    is "$answer $(hooks)" "$NOT_BEGUN 1/1" "$V: a second resume is refused"
    freeze "$pid" "$DIR/order" "$V: after both halves, the JVM is frozen"
}

# The endpoint stays, so that both ways can be mixed.
mixed() {
    serve mixed - shutdown=false
    post /before-checkpoint
    control resume
    is "$code $answer $(hooks)" "204 done| 1/1" "$V: /before-checkpoint is ended by resume"
    post /after-restore
    is "$code" 409 "$V: /after-restore after resume gets 409"
    control prepare gc=0
    post /after-restore
    is "$answer $code $(hooks)" "done| 204 2/2" "$V: prepare is ended by /after-restore"
    is "$(grep -c 'Pause Full.*Jvmti' "$log")" 1 "$V: prepare with gc=0 collects no garbage"
    touch "$DIR/fail"
    control prepare
    rm "$DIR/fail"
    like "$answer" '^text checkpoint cancelled.*beforeCheckpoint.*not "now".*failed\|$' \
        "$V: prepare with a hook that fails has the reason"
    control resume
    is "$answer" "$NOT_BEGUN" "$V: prepare that failed needs no resume"
    control prepare
    touch "$DIR/fail"
    control resume
    rm "$DIR/fail"
    like "$answer" '^text afterRestore failed:\|.*not then.*failed\|$' \
        "$V: resume with a hook that fails has the reason"
    control prepare
    is "$answer" "done|" "$V: after resume with a hook that fails, prepare is accepted"
    control resume restored=1
    ask /status
    is "$answer/$code" "done|/200" "$V: resume restored=1 with shutdown=false: the endpoint stays"
    stop "$pid"
}

restored() {
    serve restored -
    control prepare
    control resume restored=1
    is "$answer" "done|" "$V: resume restored=1 is done"
    ok "$V: resume restored=1 closes the endpoint" port_is_closed "$port"
    stop "$pid"
}

# The second half is carried out whatever else arrives: its client may not try again.
second_among_others() {
    local codes
    serve busy - shutdown=false gc=false
    codes=$(python3 - "$port" <<'PYTHON'
import socket, sys

def connect():
    return socket.create_connection(("localhost", int(sys.argv[1])), timeout=60)

def send(s, path, body=""):
    s.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
              f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())

def code(s):
    text = b""
    while part := s.recv(4096):
        text += part
    return text.split()[1].decode()

codes = set()
for _ in range(20):
    first = connect()
    send(first, "/before-checkpoint")
    begun = code(first)
    other, second = connect(), connect()
    send(other, "/checkpoint", '{"directory": "/nonexistent/image"}')
    send(second, "/after-restore")
    codes.add(begun + "/" + code(second))
    code(other)
print(*sorted(codes))
PYTHON
    )
    is "$codes" 204/204 "$V: /after-restore is carried out while /checkpoint is being refused"
    stop "$pid"
}

undone() {
    OPTIONS=(addr=none undo_timeout=1)
    start_jvm "undone-$V" - -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready
    control prepare
    ok "$V: undo_timeout without an endpoint: prepare without resume is undone" wait_line "$log" \
        "was not requested within 1 seconds of the first: undone" 20
    control resume
    is "$answer $(hooks)" "$NOT_BEGUN 1/1" "$V: undo_timeout: resume after the undo is refused"
    ok "$V: undo_timeout: its thread ends with the undo" no_thread "$pid" "ckpt undo"
    control prepare
    is "$answer" "done|" "$V: undo_timeout: prepare after the undo is accepted"
    control resume
    ok "$V: undo_timeout: its thread ends with resume" no_thread "$pid" "ckpt undo"
    unknown
    stop "$pid"
}

# What a newer command may request of this agent, and what is wrong: nothing is done.
unknown() {
    local request lines told
    told="text the request was not understood; use a 'checkpointer' of the agent's version|failed|"
    for request in freeze "resume directory=/tmp" "prepare restored=1" "prepare engine=other" \
        "checkpoint directory=/tmp prepare" "checkpoint directory=relative" checkpoint directory=/tmp \
        "endpoint other=1" "endpoint addr=none other=1"; do
        read -ra lines <<<"$request"
        control "${lines[@]}"
        is "$answer $(hooks)" "$told 2/2" "$V: a request that the agent does not know is refused: $request"
    done
}

body() {
    in_order
    mixed
    restored
    second_among_others
    undone
}
each_jdk body
done_testing
