#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# How threads are scheduled (nice value, policy, I/O priority, processors), and resource limits that the
# application has set, are the same after a restore. What `restore` may not set is said. The agent is
# loaded by the checkpoint, except where a test says so.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Scheduling
LIMITS=(limit:4:0:1048576 limit:3:4194304:-1 limit:8:65536:1048576 limit:7:1000:4000 limit:12:4096:8192)

# The last whole turn in the log, without its number.
last() {
    tac "$log" | sed -n '/^end /,/^turn /p' | sed '/^turn /q' | sed '/^turn /d; /^end /d' | tac
}

# again: until the log has a whole turn more than now.
again() {
    local now
    now=$(sed -n 's/^end //p' "$log" | tail -n 1)
    wait_line "$log" "end $((${now:-0} + 2))" || diag "$(tail -n 5 "$log")"
}

limits() { # PID
    sed -n 's/^\(Max [a-z ]*[a-z]\)  *\([^ ]*\)  *\([^ ]*\) .*/\1 \2 \3/p' "/proc/$1/limits" |
        grep -E 'core|stack|locked|open|msgqueue'
}

# kept NAME KIND...: of a JVM that was started without the agent (or with it, if that is the name), over
# two generations.
kept() {
    local name=$1 before before_limits kind
    shift
    if [ "$name" = agent ]; then
        start_jvm "$name-$V" - -cp "$CP" Scheduling "$LIBRARY" "$@"
    else
        start "$name-$V" "$JAVA" -cp "$CP" Scheduling "$LIBRARY" "$@"
    fi
    wait_line "$log" "end 1"
    for kind; do
        ! grep -q "cannot set $kind$" "$log" || cannot "$V: $kind" "this machine does not allow it"
    done
    before=$(last)
    before_limits=$(limits "$pid")
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/$name"
    is "$status$err" 0 "$V, $name: the checkpoint succeeds"
    again
    is "$(last)" "$before" "$V, $name: a JVM that continues is unchanged"
    for life in 1 2; do
        freeze "$pid" "$DIR/$name" "$V, $name, life $life" || return
        restore "$name-$V" "$DIR/$name"
        again
        is "$(last)" "$before" "$V, $name: threads are scheduled as before in life $life"
        is "$(limits "$pid")" "$before_limits" "$V, $name: the limits are as before in life $life"
        unlike "$(<"$log")" "checkpointer: warning" "$V, $name: no warning in life $life"
    done
    stop "$pid"
}

# What is inherited is that of `restore`, and a set of processors that is not allowed there is said.
inherited() {
    start "inherited-$V" taskset -c 0 "$JAVA" -cp "$CP" Scheduling "$LIBRARY" none nice cpu
    wait_line "$log" "end 1"
    freeze "$pid" "$DIR/inherited" "$V: a JVM on one processor" || return
    start "inherited-$V" taskset -c 1 nice -n 2 "$CKPT" restore "$DIR/inherited"
    again
    like "$(last)" $'^none: 2 0/.* 01\n' "$V: a thread without settings has those of restore"
    like "$(last)" $'\nnice: 7 ' "$V: a thread with a nice value keeps it"
    like "$(last)" "cpu: 2 .* 01$" "$V: a thread that chose a processor has it"
    freeze "$pid" "$DIR/inherited" "$V: a JVM on the other processor" || return
    start "inherited-$V" taskset -c 0 "$CKPT" restore "$DIR/inherited"
    again
    like "$(last)" "cpu: 2 .* 10$" "$V: a thread whose processor is not allowed has those of restore"
    stop "$pid"
    start "chosen-$V" "$JAVA" -cp "$CP" Scheduling "$LIBRARY" none cpu
    wait_line "$log" "end 1"
    freeze "$pid" "$DIR/chosen" "$V: a JVM with a thread on one processor" || return
    start "chosen-$V" taskset -c 0 "$CKPT" restore "$DIR/chosen"
    again
    like "$(<"$log")" "warning: processors of 1 thread are not those of the checkpoint" \
        "$V: a set of processors that is not allowed is said"
    stop "$pid"
}

# An ordinary user may not set what root has set from outside.
refused() {
    local image=$USER_DIR/image-$V thread
    start "user-$V" as_user "$JAVA" -cp "$USER_CP" Scheduling "$LIBRARY" none one two
    wait_line "$log" "end 1"
    for thread in "/proc/$pid/task"/*; do
        case $(<"$thread/comm") in
            is-one) renice -n -5 -p "${thread##*/}" >"$TMP/renice" ;;
            is-two) chrt -f -p 5 "${thread##*/}" ;;
        esac
    done
    as_user prlimit --pid "$pid" --rss=1000000:unlimited
    freeze as_user "$pid" "$image" "$V: a JVM with threads that root has preferred" || return
    start "user-$V" as_user prlimit --rss=500000:500000 "$CKPT" restore "$image"
    again
    like "$(<"$log")" "warning: nice values of 1 thread are not those of the checkpoint; .*CAP_SYS_NICE" \
        "$V: a nice value that may not be set is said"
    like "$(<"$log")" "warning: scheduling policies of 1 thread are not those of the checkpoint" \
        "$V: a policy that may not be set is said"
    like "$(<"$log")" "warning: limits that the application has set are lower .* \(RLIMIT_RSS\)" \
        "$V: a limit that may not be set is named"
    stop "$pid"
}

body() {
    LIBRARY=$CLASSES/libscheduling-$V.so
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -o "$LIBRARY" \
        "$TOP/tests/jvm/java/scheduling.c" 2>"$TMP/gcc.err"; then
        skip "$V: scheduling is kept" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
        return
    fi
    kept plain none nice batch idle reset slice clamp io-level io-idle "${LIMITS[@]}"
    kept agent none nice batch io-idle "${LIMITS[@]}"
    [ "$(nproc)" -lt 2 ] || kept processor none cpu
    if [ "$(id -u)" = 0 ] && chrt -f 1 true 2>"$TMP/chrt"; then
        kept privileged none fifo rr deadline io-real
        # HotSpot makes nice values of Java's priorities, negative ones for the high ones.
        JAVA_TOOL_OPTIONS=-XX:ThreadPriorityPolicy=1 kept java none java
        like "$(last)" "java: -[1-9]" "$V: a priority of Java is a nice value"
        refused
    else
        skip "$V: real-time policies" "root with CAP_SYS_NICE is needed"
    fi
    if [ "$(nproc)" -gt 1 ]; then
        inherited
    else
        skip "$V: sets of processors" "two processors are needed"
    fi
}
user_ready
USER_CP=$CLASSES
each_jdk body
done_testing
