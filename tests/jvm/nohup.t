#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Signals that are ignored when `restore` starts stay ignored, as when java starts: HUP after nohup,
# INT in a shell's background job, and those that the JVM does not handle.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

# ignored PID NAME: whether the process ignores the signal.
ignored() {
    local mask number
    mask=$(sed -n 's/^SigIgn:[[:space:]]*//p' "/proc/$1/status")
    number=$(kill -l "$2")
    [ $((0x$mask >> (number - 1) & 1)) = 1 ]
}

SIGNALS=HUP,INT,TERM,USR1,TSTP,PIPE

body() {
    local name plain=() restored=()
    start "plain-$V" env --ignore-signal=$SIGNALS "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    for name in ${SIGNALS//,/ }; do
        ignored "$pid" $name && plain+=($name)
    done
    kill -KILL "$pid"
    wait_exit "$pid"
    start_jvm "nohup-$V" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    freeze "$pid" "$DIR/image" "$V: the JVM" || return
    start "nohup-$V" env --ignore-signal=$SIGNALS,CHLD "$CKPT" restore "$DIR/image"
    wait_more "$log" 3
    for name in ${SIGNALS//,/ }; do
        ignored "$pid" $name && restored+=($name)
    done
    is "${restored[*]}" "${plain[*]}" "$V: a restored JVM ignores the same signals as a plain one"
    kill -HUP "$pid"
    not_ok "$V: a restored JVM does not ignore SIGCHLD, as it waits for children" ignored "$pid" CHLD
    ok "$V: a restored JVM outlives SIGHUP after nohup" wait_more "$log" 5
    kill -KILL "$pid"
    wait_exit "$pid"
    restore "nohup-$V" "$DIR/image"
    wait_more "$log" 3
    kill -HUP "$pid"
    wait_exit "$pid"
    is "$status" 129 "$V: without nohup SIGHUP ends a restored JVM with 129"
}

each_jdk body
done_testing
