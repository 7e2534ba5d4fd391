#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# restore --keep-start-time: RuntimeMXBean shows the start time of the first process, and an uptime
# that continues, in any generation, whether the application has used the bean before or not.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/times.sh"

# again WHAT [OPTION...]: freezes the JVM in pid and restores it.
again() {
    freeze "$pid" "$image" "$1" || return
    restored_at=$(date +%s%3N)
    restore "$name" "${@:2}" "$image"
    answers "$port" /times >/dev/null
    times
}

kept() { # WHAT
    between "$t_start" "$first_low" "$first_high" \
        "$1: --keep-start-time: RuntimeMXBean's start time is that of the first process"
    is "$t_jmxstart" "$t_start" "$1: --keep-start-time: a JMX client sees the same start time"
    between "$t_uptime" "$uptime" $((t_now - t_start + 1000)) \
        "$1: --keep-start-time: RuntimeMXBean's uptime continues"
    between "$t_jmxuptime" "$t_uptime" $((t_uptime + 10000)) \
        "$1: --keep-start-time: a JMX client sees the same uptime"
    between "$t_restored" "$restored_at" "$t_now" \
        "$1: --keep-start-time: CRaC's restore time is that of the restore"
}

one() { # early|late
    local uptime=0 first_low first_high restored_at
    name="JDK $V: $1"
    image=$DIR/$1
    first_low=$(date +%s%3N)
    start_jvm "$name" "$image" -cp "$CP" Times "$1"
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
    first_high=$(date +%s%3N)
    if [ "$1" = early ]; then
        times
        first_low=$t_start first_high=$t_start uptime=$t_uptime
    fi
    again "$name" --keep-start-time
    kept "$name, generation 1"
    again "$name"
    is "$t_start" "$t_restored" \
        "$name, generation 2: without the option the start time is that of the restore"
    again "$name" --keep-start-time
    kept "$name, generation 3"
    stop "$pid"
    is "$(grep -ci 'warning' "$log")" 0 "$name: the JVM prints no warning"
}

body() {
    one early
    one late
}

each_jdk body
done_testing
