#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The number of processors where a JVM is restored: Runtime.availableProcessors() follows it, whether it
# comes from the affinity mask or the CPU quota of a cgroup, and so does the parallelism of the common
# pool and of the scheduler of virtual threads, unless the application has set it. A preloaded library
# plays machines with many processors.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/processors.sh"

# begin WHAT COUNT [JAVA-ARGUMENT...]: the program on a machine with COUNT processors, until it is frozen.
begin() {
    local arguments
    may_look
    printf '%s\n' "$2" >"$COUNT"
    rm -rf "$image"
    CONFINE=(env "LD_PRELOAD=$FAKE" "PROCESSORS=$COUNT")
    [ "$2" != real ] || CONFINE=()
    start_jvm "$1" "$image" "${@:3}" "${arguments[@]}" -cp "$CP" Processors 2
    CONFINE=()
    wait_exit "$pid"
    [ "$status" = 137 ] || fail "$1: the JVM is frozen" "status $status: $(<"$log")"
    show=$(<"$log")
}

# again NAME COUNT [COMMAND...]: restored on a machine with COUNT processors, by that command.
again() {
    printf '%s\n' "$2" >"$COUNT"
    : >"$log"
    CONFINE=("${@:3}")
    restore "$1" "$image"
    CONFINE=()
    wait_exit "$pid"
    show=$(<"$log")
}

# shows COUNT POOL VIRTUAL WHAT: what the program has printed.
shows() {
    local virtual=$3
    [[ $show != *"virtual none"* ]] || virtual=none
    is "$show" "sees $1 pool $2 $2 virtual $virtual" "$4"
}

machines() {
    local name="JDK $V, other machines"
    begin "$name" 8
    shows 8 7 8 "$name: a JVM that starts on eight processors uses them"
    again "$name" 4
    shows 4 3 4 "$name: a JVM that is restored on four processors uses four"
    again "$name" 16
    shows 16 15 16 "$name: a JVM that is restored on sixteen processors uses sixteen"
    begin "$name, one" 8
    again "$name, one" 1
    shows 1 1 1 "$name: a JVM that is restored on one processor uses one"
    again "$name, one" 8
    shows 8 7 8 "$name: a JVM that is restored on eight processors after one uses eight"
}

chosen() {
    local name="JDK $V, a chosen number"
    begin "$name" 8 -Djava.util.concurrent.ForkJoinPool.common.parallelism=7 \
        -Djdk.virtualThreadScheduler.parallelism=8
    again "$name" 4
    shows 4 7 8 "$name: a parallelism that a property sets is kept"
    begin "$name, flag" 8 -XX:ActiveProcessorCount=6
    again "$name, flag" 4
    shows 6 5 6 "$name: -XX:ActiveProcessorCount is kept"
}

affinity() {
    local name="JDK $V, affinity"
    [ "$(nproc)" -ge 2 ] || { cannot "$name" "there is only one processor" && return; }
    begin "$name" real
    again "$name" real taskset -c "$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')"
    like "$show" "^sees 1 .*virtual (1|none)$" \
        "$name: a JVM that is restored under taskset sees one processor"
}

# The quota of a group that is another one than at the start, which HotSpot does not look for.
quota() {
    local name="JDK $V, CPU quota" group all
    all=$(nproc)
    [ "$all" -ge 2 ] || { cannot "$name" "there is only one processor" && return; }
    if [ -f /sys/fs/cgroup/cpu/cpu.cfs_period_us ]; then
        group=/sys/fs/cgroup/cpu/checkpointer-test-$$
        mkdir "$group" 2>/dev/null && echo 100000 2>/dev/null >"$group/cpu.cfs_quota_us" || group=
    else
        group=/sys/fs/cgroup/checkpointer-test-$$
        mkdir "$group" 2>/dev/null && echo "100000 100000" 2>/dev/null >"$group/cpu.max" || group=
    fi
    [ -n "$group" ] || { cannot "$name" "no cgroup with a CPU quota can be made here" && return; }
    GROUP=$group
    cat >"$TMP/in-group" <<EOF
#!/bin/sh
echo \$\$ >$group/cgroup.procs
exec "\$@"
EOF
    chmod +x "$TMP/in-group"
    begin "$name" real
    again "$name" real "$TMP/in-group"
    like "$show" "^sees 1 .*virtual (1|none)$" \
        "$name: a JVM that is restored in a group with a quota of one processor sees one"
    again "$name" real
    like "$show" "^sees $all .*virtual ($all|none)$" \
        "$name: a JVM that is restored without a quota sees all processors again"
    begin "$name, flag" real -XX:ActiveProcessorCount=2
    again "$name, flag" real "$TMP/in-group"
    like "$show" "^sees 2 " "$name: -XX:ActiveProcessorCount is kept"
    rmdir "$group" && GROUP=
}

GROUP=
trap '[ -z "$GROUP" ] || rmdir "$GROUP" || :; tap_cleanup' EXIT

body() {
    image=$DIR/image
    machines
    chosen
    affinity
    quota
}

each_jdk body
done_testing
