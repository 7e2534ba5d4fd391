#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# java.util.Timer of a JVM that was frozen for a while: of the runs at a fixed rate that came due
# meanwhile at most one is made, and then the old rhythm continues; with timer_catch_up=true all are made.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Timers
FROZEN=6 # seconds; 60 runs of the fast timer

# late LOG FROM: how many runs of the fast timer, from number FROM on, came right after another one.
late() {
    awk -v from="$2" '$1 == "fast" && $2 > from && $3 < 20' "$1" | wc -l
}

# frozen WHAT IMAGE: freezes $pid, and restores it after FROZEN seconds.
frozen() {
    local name=${log##*/} start
    freeze "$pid" "$2" "$1" || return
    before=$(sed -n 's/^fast \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    start=$SECONDS
    "$WAITFOR" --timeout "$FROZEN" line "$log" "there is no such line" 2>/dev/null
    [ $((SECONDS - start)) -ge $((FROZEN - 1)) ] || fail "$1: the JVM is frozen for $FROZEN s"
    restore "${name%.log}" "$2"
    ok "$1: a fast timer continues after the restore" wait_line "$log" "fast $((before + 30)) "
}

body() {
    local what="JDK $V" before phase
    start_jvm "timer-$V" - -cp "$CP" Timers 20
    wait_line "$log" "slow 1 "
    frozen "$what" "$DIR/image" || return
    ok "$what: a fast timer makes no missed runs but one" test "$(late "$log" "$((before + 1))")" -lt 20
    wait_line "$log" "slow 3 "
    # Every 4 s since the first run, and the third one again.
    phase=$(awk '$1 == "slow" && $2 > 1 && $2 < 4 { sum += $3 }
        END { print (sum + 2000) % 4000 - 2000 }' "$log")
    ok "$what: a slow timer keeps its old rhythm ($phase ms late)" test "${phase#-}" -lt 1500
    is "$(grep -c '^once' "$log")" 0 "$what: a timer that has not come due does not run"
    frozen "$what, second generation" "$DIR/image" || return
    ok "$what, second generation: a fast timer makes no missed runs but one" \
        test "$(late "$log" "$((before + 1))")" -lt 20
    stop "$pid"

    OPTIONS=(addr=none timer_catch_up=true)
    start_jvm "catch-up-$V" - -cp "$CP" Timers 0
    OPTIONS=(addr=none)
    wait_line "$log" "fast 5 "
    frozen "$what, timer_catch_up=true" "$DIR/image" || return
    ok "$what: timer_catch_up=true: a fast timer makes all missed runs" \
        test "$(late "$log" "$before")" -ge 25
    stop "$pid"
}

each_jdk body
done_testing
