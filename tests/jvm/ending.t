#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM that is about to end is not frozen: its image would be one of a JVM that ends as soon as it is
# restored, and would replace a good one. It ends as it would have. One that ends after a checkpoint
# answers first.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Ending
ENDING="the JVM is ending \(System.exit\(\), SIGTERM, SIGINT or SIGHUP\)"

# ends WHAT STATUS [SIGNAL]: it begins to end while beforeCheckpoint runs.
ends() {
    local what=$1 wanted=$2 jvm file
    mkdir -p "$DIR/$what"
    cd "$DIR/$what" || return
    start_jvm "$what-$V" - -cp "$CP" Ending "$what"
    cd "$TOP" || return
    jvm=$pid file=$log
    wait_line "$log" ready
    start "request-$what-$V" "$CKPT" checkpoint "$jvm" "$DIR/image-$what"
    wait_line "$file" before
    [ -z "${3:-}" ] || kill -s "$3" "$jvm"
    wait_exit "$pid" 60
    is "$status" 1 "$V, $what: the checkpoint is called off"
    like "$(<"$log")" "$ENDING" "$V, $what: with the reason"
    wait_line "$file" after || fail "$V, $what: afterRestore is called"
    run "$CKPT" checkpoint "$jvm" "$DIR/image-$what"
    like "$status$err" "^1.*$ENDING" "$V, $what: another request is refused"
    is "$(count_lines "$file" before)" 1 "$V, $what: before any hook is called"
    touch "$DIR/$what/ENDING-GO"
    wait_exit "$jvm" 60
    is "$status" "$wanted" "$V, $what: the JVM ends as it would have"
    is "$(find "$DIR/image-$what" -mindepth 1)" "" "$V, $what: there is no image, and nothing else"
}

# An application's own handler for SIGTERM may wait for the checkpoint: the JVM does not end by it.
handler() {
    start_jvm "handler-$V" "$DIR/image-handler" -cp "$CP" Ending handler
    wait_line "$log" ready
    kill -TERM "$pid"
    wait_exit "$pid" 60
    is "$status" 137 "$V: an application that takes its checkpoint at SIGTERM is frozen"
    restore "handler-back-$V" "$DIR/image-handler"
    ok "$V: and restored" wait_line "$log" handled
    like "$(<"$log")" frozen "$V: with the checkpoint that it asked for"
    kill -KILL "$pid"
}

# As soon as an application has been called back it may end; who asked has no answer yet.
halts() {
    start_jvm "halt-$V" - -cp "$CP" Ending halt
    wait_line "$log" ready
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-halt"
    is "$status$out$err" 0 "$V: a JVM that ends after its checkpoint answers first"
    wait_exit "$pid" 60
    is "$status" 7 "$V: and ends"
}

body() {
    handler
    halts
    ends signal 143 TERM
    ends exit 5
    start_jvm "late-$V" "$DIR/image-late" -cp "$CP" Ending late
    wait_exit "$pid" 60
    is "$status" 6 "$V: a shutdown hook that asks for a checkpoint: the JVM ends as it would have"
    like "$(<"$log")" "refused: .*$ENDING" "$V: a shutdown hook that asks for a checkpoint is refused"
}

each_jdk body
done_testing
