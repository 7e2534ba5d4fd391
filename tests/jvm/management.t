#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The management beans before and after a restore: CRaC's own, and the start time, uptime and name of
# RuntimeMXBean, whether the application has used it before the checkpoint or not.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/times.sh"

freeze_and_check() { # WHAT: freezes and restores the JVM in pid, and checks its times
    local before after
    freeze "$pid" "$image" "$1" || return
    before=$(date +%s%3N)
    restore "$name" "$image"
    answers "$port" /times >/dev/null
    after=$(date +%s%3N)
    times
    between "$t_start" "$before" "$after" "$1: RuntimeMXBean's start time is that of the restore"
    is "$t_start" "$t_restored" "$1: RuntimeMXBean's start time is CRaC's restore time"
    is "$t_jmxstart" "$t_start" "$1: a JMX client sees the time of the restore as start time"
    between "$t_uptime" 0 $((t_now - t_start + 50)) "$1: RuntimeMXBean's uptime counts from the restore"
    between "$t_jmxuptime" "$t_uptime" $((t_uptime + 10000)) \
        "$1: a JMX client sees the uptime since the restore"
    is "${t_name%%@*}" "$pid" "$1: RuntimeMXBean's name has the new PID"
    between "$t_since" 0 $((t_now - before + 10000)) "$1: CRaC's uptime counts from the restore"
}

one() { # early|late
    local first
    name="$V: $1"
    image=$DIR/$1
    start_jvm "$name" "$image" -cp "$CP" Times "$1"
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
    if [ "$1" = early ]; then
        times
        first=$t_start
        is "$t_restored $t_since" "-1 -1" "$name: CRaC's times are -1 before the first restore"
        is "$t_implemented" true "$name: CRaC's bean reports that it is implemented"
        is "${t_name%%@*}" "$pid" "$name: RuntimeMXBean's name has the PID before the first restore"
        between "$((t_now - t_start))" 0 60000 \
            "$name: RuntimeMXBean's start time is the JVM's before the first restore"
    fi
    freeze_and_check "$name, generation 1"
    [ "$1" = late ] || isnt "$t_start" "$first" "$name: RuntimeMXBean's start time changes by a restore"
    freeze_and_check "$name, generation 2"
    stop "$pid"
    is "$(grep -ci 'warning' "$log")" 0 "$name: the JVM prints no warning"
}

body() {
    one early
    one late
}

each_jdk body
done_testing
