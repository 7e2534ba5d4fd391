#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# org.crac finds the agent's implementation: as released (1.5.0), by name (org.crac.Core.Compat), and by
# the look-ups that its unreleased head makes. Checkpoints succeed, their failures are reported, and the
# MXBean has the times.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile OrgCrac

CALLED_OFF=$'restore time none, uptime none\nbefore\nafter\nCheckpointException: not now\n'
FIRST=$'restore time none, uptime none\nbefore'
SECOND=$'after\nrestored\nrestore time now, uptime now\nbefore'
THIRD=$'after\nRestoreException: not well'

three() { # NAME MODE JAVA-ARGUMENT...
    local name=$1 mode=$2
    shift 2
    start_jvm "$name-$V" "$DIR/$name" "$@" -cp "$CP" OrgCrac "$mode"
    wait_exit "$pid"
    is "$status" 137 "$V: $name: the first checkpoint ends the JVM with 137"
    restore "$name-$V" "$DIR/$name"
    wait_exit "$pid"
    is "$status" 137 "$V: $name: a checkpoint after a restore ends the JVM with 137"
    restore "$name-$V" "$DIR/$name"
    wait_exit "$pid"
    is "$status" 0 "$V: $name: the second generation ends with 0"
    is "$(<"$log")" "jdk.management:type=CRaC
$CALLED_OFF$FIRST
$SECOND
$THIRD" "$V: $name: hooks, exceptions and times are right in each generation"
}

# Only the control thread is left to keep the JVM up while the hooks run.
last() {
    start_jvm "last-$V" - -cp "$CP" OrgCrac last
    wait_line "$log" "service runs"
    freeze "$pid" "$DIR/last" "$V: last thread" || return
    restore "last-$V" "$DIR/last"
    ok "$V: last thread: a JVM whose hook ends its last thread is restored" \
        wait_line "$log" "service runs" --count 2
    stop "$pid"
    is "$(<"$log")" $'service runs\nservice stops\ngoes on\nservice runs' \
        "$V: last thread: the hook does not end the JVM before the freeze"
}

body() {
    three released api
    three by-name api -Dorg.crac.Core.Compat=jdk.crac
    three other-name api -Dorg.crac.Core.Compat=no.such.place
    three head head
    last
}
each_jdk body
done_testing
