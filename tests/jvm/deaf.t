#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Threads that block all signals for a while: the C library has them while threads begin and end, and
# native libraries around locks. While such a thread waits for what a stopped thread holds, it cannot
# be stopped; a checkpoint lets all threads run and tries again. One that blocks them for good is
# interrupted by ptrace(2). (Where that is not allowed it is refused: refusals.t.)
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Deaf
CHECKPOINTS=3

last() {
    sed -n 's/^turn //p' "$log" | tail -n 1
}

# keeps KIND TEXT: checkpoints of a JVM that continues, and then one that is restored.
keeps() {
    local what="$V, $2" number=0 before
    start_jvm "$1-$V" - -cp "$CP" Deaf "$DIR/libdeaf.so" "$1"
    wait_line "$log" "turn 1" 120 || { fail "$what: the program starts" && return; }
    while [ "$number" -lt "$CHECKPOINTS" ]; do
        run "$CKPT" checkpoint --leave-running "$pid" "$DIR/$1"
        [ "$status$err" = 0 ] || break
        number=$((number + 1))
    done
    is "$number $err" "$CHECKPOINTS " "$what: $CHECKPOINTS checkpoints succeed"
    before=$(last)
    ok "$what: the JVM continues" wait_line "$log" "turn $((before + 2))" 120
    freeze "$pid" "$DIR/$1" "$what" || { stop "$pid" && return; }
    before=$(last)
    restore "$1-$V" "$DIR/$1"
    ok "$what: the restored JVM continues" wait_line "$log" "turn $((before + 2))" 120
    stop "$pid"
}

body() {
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -pthread \
        -o "$DIR/libdeaf.so" "$TOP/tests/jvm/java/deaf.c" 2>"$TMP/gcc.err"; then
        skip "$V: threads that block all signals for a while" \
            "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
        return
    fi
    keeps lock "threads that wait for a lock with all signals blocked"
    keeps computation "a thread that computes with all signals blocked"
    keeps thread "threads that wait for the thread that makes them"
    keeps always "threads that block all signals for good"
}

each_jdk body
done_testing
