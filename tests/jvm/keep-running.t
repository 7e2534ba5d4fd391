#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The agent option keep_running=true: a JVM continues after each checkpoint, by every kind of request, and
# each image restores; several checkpoints in a row, each into a directory of its own by %g.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Images

lines() { # LOG: what the program has printed, on one line
    grep -E '^(before|after|returned|refused|end)' "$1" | tr '\n' ' '
}

ONE="before 1 after 1 returned 1 "
TWO="before 2 after 2 returned 2 "
THREE="before 3 after 3 returned 3 "

own_requests() {
    OPTIONS=(addr=none keep_running=true)
    start_jvm "own-$V" "$DIR/cr%g" -cp "$CP" Images 3
    wait_exit "$pid" 120
    is "$status $(lines "$log")" "0 $ONE$TWO${THREE}end " \
        "$V: with keep_running=true Core.checkpointRestore() returns each time, after the hooks" ||
        diag "$(cat "$log")"
    for number in 1 2 3; do
        ok "$V: checkpoint $number of a JVM that continues has an image, in the directory of its %g" \
            "$CKPT" restore --dry-run "$DIR/cr$number"
    done
    start_images 1 "after 1 returned 1 $TWO${THREE}end "
    start_images 3 "after 3 returned 3 end "
}

# start_images NUMBER WANT: restores the image of that checkpoint, into directories of its own.
start_images() {
    restore "image-$V-$1" --image "$DIR/of-$1-%g" "$DIR/cr$1"
    wait_exit "$pid" 120
    is "$status $(lines "$log")" "0 $2" \
        "$V: the image of checkpoint $1 restores, and its process keeps running too" ||
        diag "$(cat "$log")"
}

by_command() {
    OPTIONS=(addr=none keep_running=true signal=USR1)
    start_jvm "command-$V" "$DIR/by-signal" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint "$pid" "$DIR/by-command"
    is "$status$out$err" 0 "$V: with keep_running=true the command 'checkpoint' succeeds"
    ok "$V: a JVM with keep_running=true runs after the command checkpoint" wait_more "$log" 2
    kill -USR1 "$pid"
    "$WAITFOR" --timeout 60 path "$DIR/by-signal/image"
    ok "$V: the success of a checkpoint by a signal is reported by a JVM that continues" \
        wait_line "$log" "signal USR1: the image is in '$DIR/by-signal', the JVM continues"
    ok "$V: a JVM with keep_running=true runs after a checkpoint by a signal" wait_more "$log" 2
    stop "$pid"
    for name in by-command by-signal; do
        restore "$name-$V" "$DIR/$name"
        ok "$V: the image $name of a JVM that continues can be restored, and runs" \
            wait_line "$log" "" --count 3
        stop "$pid"
    done
}

by_http() {
    OPTIONS=("addr=unix:$DIR/socket" keep_running=true)
    start_jvm "http-$V" "$DIR/by-http-%p" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run curl -sS --max-time 60 --unix-socket "$DIR/socket" -X POST http://localhost/checkpoint
    is "$out" "{\"state\":\"written\",\"directory\":\"$DIR/by-http-$pid\"}" \
        "$V: with keep_running=true POST /checkpoint reports the directory with its pattern replaced"
    ok "$V: a JVM with keep_running=true runs after POST /checkpoint" wait_more "$log" 2
    ok "$V: the image that POST /checkpoint made of a JVM that continues can be restored" \
        "$CKPT" restore --dry-run "$DIR/by-http-$pid"
    stop "$pid"
}

body() {
    own_requests
    by_command
    by_http
}
each_jdk body
done_testing
