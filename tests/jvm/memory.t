#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Restored with less memory than it had: a warning says so and names -Xmx, and what a running JVM
# lets be lowered is lowered; with as much as it had, or a heap that fits, there is no word.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

# A control group of our own with a memory limit, of either version.
GROUP=
if [ -d /sys/fs/cgroup/memory ]; then
    GROUP=/sys/fs/cgroup/memory/checkpointer-test-$$ LIMIT=memory.limit_in_bytes
elif grep -qs memory /sys/fs/cgroup/cgroup.subtree_control; then
    GROUP=/sys/fs/cgroup/checkpointer-test-$$ LIMIT=memory.max
fi
if [ -z "$GROUP" ] || ! mkdir "$GROUP" 2>/dev/null; then
    cannot_all "no control group with a memory limit can be made here"
fi
leave() {
    tap_cleanup
    rmdir "$GROUP"
}
trap leave EXIT

# limit MIB|none: what is started from now on has that much.
limit() {
    CONFINE=()
    [ "$1" != none ] || return 0
    echo $(($1 << 20)) >"$GROUP/$LIMIT"
    # shellcheck disable=SC2016
    CONFINE=(bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$GROUP")
}

flag() { # NAME
    "$JAVA_HOME/bin/jinfo" -flag "$1" "$pid" 2>/dev/null | sed -n 's/.*=//p'
}

# warned COUNT WHAT
warned() {
    is "$(grep -c "warning: the memory limit here is .*-Xmx" "$log")" "$1" "$2"
}

smaller() { # COLLECTOR FLAG MOST
    local what="JDK $V, $1"
    java_takes "$JAVA_HOME" "-XX:+Use$1" || return 0
    limit none
    start_jvm "$1-$V" - "-XX:+Use$1" -Xmx600m -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    freeze "$pid" "$DIR/$1" "$what" || return
    limit 400
    restore "$1-$V-small" "$DIR/$1"
    wait_line "$log" " limit here is 400 MiB"
    warned 1 "$what: a warning about the smaller limit"
    ok "$what: $2 is $3 at most" test "$(flag "$2")" -le "$3"
    freeze "$pid" "$DIR/$1" "$what, again" || return
    limit none
    restore "$1-$V-large" "$DIR/$1"
    wait_more "$log" 3 2>/dev/null || wait_line "$log" "0"
    warned 0 "$what: no warning with as much as before"
    ok "$what: $2 is what it was" test "$(flag "$2")" -gt "$3"
    stop "$pid"
}

# What an operator has set meanwhile stays.
set_by_hand() {
    local what="JDK $V, a flag that was set in the restored process"
    limit none
    start_jvm "hand-$V" - -XX:+UseG1GC -Xmx600m -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    freeze "$pid" "$DIR/hand" "$what" || return
    limit 400
    restore "hand-$V-small" "$DIR/hand"
    wait_line "$log" " limit here is 400 MiB"
    run "$JAVA_HOME/bin/jcmd" "$pid" VM.set_flag MaxHeapFreeRatio 33
    is "$(flag MaxHeapFreeRatio)" 33 "$what: it is set"
    freeze "$pid" "$DIR/hand" "$what, again" || return
    limit none
    restore "hand-$V-large" "$DIR/hand"
    wait_more "$log" 3 2>/dev/null || wait_line "$log" "0"
    is "$(flag MaxHeapFreeRatio)" 33 "$what: it stays, with as much memory as before"
    stop "$pid"
}

body() {
    set_by_hand
    smaller SerialGC MaxHeapFreeRatio 20
    smaller G1GC MaxHeapFreeRatio 20
    smaller ZGC SoftMaxHeapSize $((200 << 20))
    limit none
    start_jvm "fits-$V" - -Xmx32m -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    freeze "$pid" "$DIR/fits" "JDK $V, a heap that fits" || return
    limit 400
    restore "fits-$V" "$DIR/fits"
    wait_more "$log" 3
    warned 0 "JDK $V: no warning about a heap that fits"
    stop "$pid"
    limit none
}

each_jdk body
done_testing
