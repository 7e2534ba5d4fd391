#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM that is about to end is not frozen: its image would be one of a JVM that ends as soon as it is
# restored, and would replace a good one. It ends as it would have without the request. A JVM that
# ends right after a checkpoint answers the request first.
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
    wait_exit "$pid"
    is "$status" 1 "$V, $what: a JVM that begins to end calls the checkpoint off"
    like "$(<"$log")" "$ENDING" "$V, $what: the end of the JVM is named as the reason"
    wait_line "$file" after || fail "$V, $what: afterRestore is called after the refusal"
    run "$CKPT" checkpoint "$jvm" "$DIR/image-$what"
    like "$status$err" "^1.*$ENDING" "$V, $what: a request to a JVM that is ending is refused"
    is "$(count_lines "$file" before)" 1 "$V, $what: a request to a JVM that is ending calls no hook"
    touch "$DIR/$what/ENDING-GO"
    wait_exit "$jvm"
    is "$status" "$wanted" "$V, $what: the JVM ends as it would have"
    not_ok "$V, $what: no image directory is left" test -e "$DIR/image-$what"
}

# An application's own handler for SIGTERM may take a checkpoint: the JVM does not end by the signal.
handler() {
    start_jvm "handler-$V" "$DIR/image-handler" -cp "$CP" Ending handler
    wait_line "$log" ready
    kill -TERM "$pid"
    wait_exit "$pid"
    is "$status" 137 "$V: handler: an application that takes its checkpoint at SIGTERM is frozen"
    restore "handler-back-$V" "$DIR/image-handler"
    ok "$V: handler: an application frozen at SIGTERM is restored" wait_line "$log" handled
    like "$(<"$log")" frozen "$V: handler: the request of the SIGTERM handler reports success"
    kill -KILL "$pid"
}

# An application may end as soon as its hooks have run, when the requester has no answer yet.
halts() {
    start_jvm "halt-$V" - -cp "$CP" Ending halt
    wait_line "$log" ready
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-halt"
    is "$status$out$err" 0 "$V: halt: a JVM that ends right after its checkpoint answers the request first"
    wait_exit "$pid"
    is "$status" 7 "$V: halt: a JVM that ends right after its checkpoint ends with its own status"
}

body() {
    handler
    halts
    ends signal 143 TERM
    ends exit 5
    start_jvm "late-$V" "$DIR/image-late" -cp "$CP" Ending late
    wait_exit "$pid"
    is "$status" 6 "$V: late: a shutdown hook that asks for a checkpoint does not change the exit status"
    like "$(<"$log")" "refused: .*$ENDING" "$V: late: a request from a shutdown hook is refused"
}

each_jdk body
done_testing
