#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM that CRIU has restored: what must differ between two restores of one image differs, and the
# times count from the restore. A JVM that was not frozen after its first half keeps all of it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-by-hand.sh"
compile CriuClone

# shown LOG NAME N: what the program has shown under that name for the Nth time.
shown() {
    sed -n "s/^$2 //p" "$1" | sed -n "$3p"
}

# The second half, and how often the program has shown its values then.
second_half() { # LOG COUNT
    control "$pid" resume
    is "$answer" "done|" "$V: the second half is done ($2)"
    wait_line "$1" shown --count "$2"
}

# An image of criu's has the size of the log, so each restore needs the log as it was then.
clones() {
    local name turn restored before
    OPTIONS=(addr=none)
    start_jvm "clones-$V" - -XX:-UsePerfData -cp "$CP" CriuClone
    wait_line "$log" shown
    before=$(date +%s%3N)
    control "$pid" prepare
    criu_ends "$pid" "$DIR/clones" "$V: for clones"
    tap_pid_of[$log]=
    cp -p "$log" "$DIR/log"
    for turn in 1 2; do
        cat "$DIR/log" >"$log"
        criu_restore "$DIR/clones"
        is "$status$err" 0 "$V: criu restores the JVM"
        second_half "$log" 2
        cp "$log" "$DIR/log-$turn"
        end_restored "$pid"
    done
    for name in local math secure uuid; do
        isnt "$(shown "$DIR/log-1" $name 2)" "$(shown "$DIR/log-2" $name 2)" \
            "$V: two restores of one criu image differ in $name"
    done
    is "$(shown "$DIR/log-1" restored 1) $(shown "$DIR/log-1" since 1)" "-1 -1" \
        "$V: before any restore, there is no restore time"
    restored=$(shown "$DIR/log-1" restored 2)
    ok "$V: the restore time is that of criu's restore" \
        test "$restored" -ge "$before" -a "$restored" -le "$(shown "$DIR/log-1" now 2)"
    ok "$V: the time since the restore counts from criu's restore" \
        test "$(shown "$DIR/log-1" since 2)" -ge 0 -a \
        "$(shown "$DIR/log-1" since 2)" -le $(($(shown "$DIR/log-1" now 2) - restored + 1))
    is "$(shown "$DIR/log-1" started 2)" "$restored" \
        "$V: RuntimeMXBean's start time is that of criu's restore"
    ok "$V: RuntimeMXBean's uptime counts from criu's restore" \
        test "$(shown "$DIR/log-1" uptime 2)" -le $(($(shown "$DIR/log-1" now 2) - restored + 1000))
    is "$(shown "$DIR/log-1" name 2)" "$pid" "$V: RuntimeMXBean's name has the PID"
}

continued() {
    local started
    OPTIONS=(addr=none)
    start_jvm "continued-$V" - -XX:-UsePerfData -cp "$CP" CriuClone
    wait_line "$log" shown
    control "$pid" prepare
    second_half "$log" 2
    is "$(shown "$log" restored 2) $(shown "$log" since 2)" "-1 -1" \
        "$V: a JVM that was not frozen after its first half has no restore time"
    started=$(shown "$log" started 1)
    is "$(shown "$log" started 2)" "$started" \
        "$V: a JVM that was not frozen after its first half keeps its start time"
    stop "$pid"
}

# The second half by undo_timeout, in a restored process.
undone() {
    OPTIONS=(addr=none undo_timeout=2)
    start_jvm "undone-$V" - -XX:-UsePerfData -cp "$CP" CriuClone
    wait_line "$log" shown
    control "$pid" prepare
    criu_ends "$pid" "$DIR/undone" "$V: for undo_timeout"
    tap_pid_of[$log]=
    criu_restore "$DIR/undone"
    wait_line "$log" shown --count 2
    isnt "$(shown "$log" restored 2)" -1 "$V: undo_timeout in a JVM that criu has restored renews too"
    end_restored "$pid"
}

body() {
    clones
    continued
    undone
}
each_jdk body
done_testing
