#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM that is restored with a smaller memory limit: a warning names -Xmx, and the settings that can be
# lowered in a running JVM are lowered; with the old limit, or a heap that fits, there is no warning.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

# A control group with a memory limit, of either version.
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

# limit MIB|none: processes that are started from now on have that much memory.
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
    jdk_takes "-XX:+Use$1" || return 0
    limit none
    start_jvm "$1-$V" - "-XX:+Use$1" -Xmx600m -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    freeze "$pid" "$DIR/$1" "$what" || return
    limit 400
    restore "$1-$V-small" "$DIR/$1"
    wait_line "$log" " limit here is 400 MiB"
    warned 1 "$what: a smaller memory limit gives one warning"
    ok "$what: a smaller memory limit lowers $2 to $3 at most" test "$(flag "$2")" -le "$3"
    freeze "$pid" "$DIR/$1" "$what, with the smaller limit" || return
    limit none
    restore "$1-$V-large" "$DIR/$1"
    wait_more "$log" 3
    warned 0 "$what: the old memory limit gives no warning"
    ok "$what: the old memory limit restores $2" test "$(flag "$2")" -gt "$3"
    stop "$pid"
}

# A setting that an operator has changed meanwhile stays.
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
    is "$(flag MaxHeapFreeRatio)" 33 "$what: jcmd sets it"
    freeze "$pid" "$DIR/hand" "$what, with the smaller limit" || return
    limit none
    restore "hand-$V-large" "$DIR/hand"
    wait_more "$log" 3
    is "$(flag MaxHeapFreeRatio)" 33 "$what: the old memory limit does not change it"
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
    warned 0 "JDK $V: a smaller memory limit with a heap that fits gives no warning"
    stop "$pid"
    limit none
}

each_jdk body
done_testing
