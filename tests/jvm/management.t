#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What the management beans say before and after a restore: CRaC's own, and the start time, uptime and
# name of RuntimeMXBean, whether the application has used it before the checkpoint or not.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Times

# times: sets start, uptime, now, name_, jmxstart, jmxuptime, restored, since, implemented.
times() {
    local word
    for word in $(curl -sS --max-time 20 "http://127.0.0.1:$port/times" 2>&1); do
        case $word in
            *=*) printf -v "t_${word%%=*}" %s "${word#*=}" ;;
        esac
    done
}

between() { # NUMBER LOW HIGH NAME
    ok "$4 ($2 <= $1 <= $3)" test "$1" -ge "$2" -a "$1" -le "$3"
}

restored_once() { # WHAT: begins with the JVM that is to be frozen in pid
    local before after
    freeze "$pid" "$image" "$1" || return
    before=$(date +%s%3N)
    restore "$name" "$image"
    answers "$port" /times >/dev/null
    after=$(date +%s%3N)
    times
    between "$t_start" "$before" "$after" "$1: the start time is that of the restore"
    is "$t_start" "$t_restored" "$1: as CRaC's own bean has it"
    is "$t_jmxstart" "$t_start" "$1: and as a JMX client sees it"
    between "$t_uptime" 0 $((t_now - t_start + 50)) "$1: the uptime counts from there"
    between "$t_jmxuptime" "$t_uptime" $((t_uptime + 10000)) "$1: also for a JMX client"
    is "${t_name%%@*}" "$pid" "$1: the name has the new PID"
    between "$t_since" 0 $((t_now - before + 10000)) "$1: CRaC's uptime counts"
}

one() { # early|late
    local first
    name="$V $1"
    image=$DIR/$1
    start_jvm "$name" "$image" -cp "$CP" Times "$1"
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
    if [ "$1" = early ]; then
        times
        first=$t_start
        is "$t_restored $t_since" "-1 -1" "$name: not restored yet"
        is "$t_implemented" true "$name: it is implemented"
        is "${t_name%%@*}" "$pid" "$name: the name has the PID"
        between "$((t_now - t_start))" 0 60000 "$name: the start time is that of the JVM"
    fi
    restored_once "$name, restored"
    [ "$1" = late ] || isnt "$t_start" "$first" "$name: another start time than before"
    restored_once "$name, restored again"
    stop "$pid"
    is "$(grep -ci 'warning' "$log")" 0 "$name: no warning"
}

body() {
    one early
    one late
}

each_jdk body
done_testing
