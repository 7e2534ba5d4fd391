#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM that CRIU has restored uses the processors of the machine that restores: the JDK's pools have
# the parallelism for them. A preloaded library plays machines with many processors.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-by-hand.sh"
. "$TOP/tests/lib/processors.sh"

body() {
    local name="JDK $V, restored by criu" virtual=4 arguments
    may_look
    echo 8 >"$COUNT"
    CONFINE=(setsid env "LD_PRELOAD=$FAKE" "PROCESSORS=$COUNT")
    start_jvm "criu-$V" - -XX:-UsePerfData "${arguments[@]}" -cp "$CP" Processors hooks
    wait_line "$log" "sees 8 pool 7"
    control "$pid" prepare
    criu_ends "$pid" "$DIR/image" "$name"
    tap_pid_of[$log]=
    echo 4 >"$COUNT"
    criu_restore "$DIR/image"
    is "$status$err" 0 "$name: criu restores the JVM"
    control "$pid" resume
    is "$answer" "done|" "$name: the second half is done"
    [[ $(<"$log") != *"virtual none"* ]] || virtual=none
    is "$(tail -n 1 "$log")" "sees 4 pool 3 3 virtual $virtual" \
        "$name: a JVM that is restored on four processors uses four"
    end_restored "$pid"
}

each_jdk body
done_testing
