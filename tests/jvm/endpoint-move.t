#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# `checkpointer endpoint`: where a JVM's HTTP endpoint listens, and how it moves, closes and opens while
# the JVM runs.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
need curl python3
compile Endpoint

# endpoint ADDRESS...: sets status, out and err.
endpoint() {
    run "$CKPT" endpoint "$pid" "$@"
}

answers_at() { # PORT NAME
    port=$1
    ask /status
    is "$code" 200 "$2"
}

body() {
    local first second
    serve move - gc=false
    first=$port
    second=$(free_port)
    endpoint
    is "$status/$out/$err" "0/localhost:$first/" "$V: endpoint prints the address"
    endpoint "127.0.0.1:$second"
    is "$status/$out/$err" 0// "$V: endpoint moves it to another port"
    answers_at "$second" "$V: after a move, the endpoint answers at the new port"
    ok "$V: after a move, no process listens at the old port" port_is_closed "$first"
    endpoint
    is "$out" "127.0.0.1:$second" "$V: after a move, endpoint prints the new address"
    endpoint "localhost:$second"
    is "$status/$err" 0/ "$V: endpoint moves to an address that includes the present one"
    answers_at "$second" "$V: after that move, the endpoint answers"
    endpoint none
    is "$status/$err" 0/ "$V: endpoint none closes it"
    ok "$V: after endpoint none, no process listens" port_is_closed "$second"
    endpoint
    is "$out" none "$V: after endpoint none, endpoint prints none"
    endpoint none
    is "$status/$err" 0/ "$V: endpoint none of a closed endpoint is accepted"
    endpoint "unix:$DIR/socket"
    is "$status/$err" 0/ "$V: endpoint opens it at a Unix socket"
    is "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$DIR/socket" http://localhost/status)" 200 \
        "$V: after that, the endpoint answers at the Unix socket"
    endpoint
    is "$out" "unix:$DIR/socket" "$V: endpoint prints the Unix socket"
    endpoint "localhost:$first"
    is "$status/$err" 0/ "$V: endpoint moves it back to the first port"
    answers_at "$first" "$V: back at the first port, the endpoint answers"
    not_ok "$V: the Unix socket of before the move is removed" test -e "$DIR/socket"
    refuses
    halves
    restored
}

refuses() {
    local busy
    busy=$(free_port)
    start "holder-$V" python3 -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
time.sleep(1000)' "$busy"
    wait_line "$log" listening
    kill -0 "$pid"
    pid=${tap_pid_of[$TMP/move-$V.log]} log=$TMP/move-$V.log
    endpoint "localhost:$busy"
    like "$status/$err" "^1/checkpointer: cannot listen at 'localhost:$busy' for HTTP: the port is busy" \
        "$V: a move to a busy port is refused"
    answers_at "$port" "$V: after a refused move, the endpoint answers where it was"
    endpoint "localhost:no"
    like "$status/$err" "^1/checkpointer: agent option 'addr=localhost:no'" "$V: a wrong address is refused"
    answers_at "$port" "$V: after a wrong address, the endpoint answers where it was"
    endpoint a b
    is "$status" 2 "$V: endpoint with two addresses is a wrong call"
}

# Idle clients do not delay a move, and the halves may be requested at two addresses.
halves() {
    local old=$port new
    new=$(free_port)
    post /before-checkpoint
    endpoint "localhost:$new"
    is "$code/$status/$err" 204/0/ "$V: the endpoint moves between the halves of a checkpoint"
    port=$new
    post /after-restore
    is "$code" 204 "$V: the second half is requested at the new address"
    ok "$V: the endpoint closes after /after-restore" port_is_closed "$new"
    endpoint "localhost:$old"
    is "$status/$err" 0/ "$V: the endpoint is opened again after /after-restore has closed it"
    answers_at "$old" "$V: opened again, the endpoint answers"
}

restored() {
    freeze "$pid" "$DIR/moved" "$V: after moves"
    restore "move-$V" "$DIR/moved"
    ok "$V: after moves, an image is restored" wait_line "$log" after --count 2
    endpoint
    is "$status/$out" 0/none "$V: in the restored process the endpoint is closed, by shutdown=true"
    endpoint "localhost:$port"
    answers_at "$port" "$V: in the restored process the endpoint is opened"
    stop "$pid"
}
each_jdk body
done_testing
