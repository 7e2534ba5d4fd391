#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Signals that wait for a thread or for the process, because they are blocked, are there after a restore,
# with their data and in their order. In a JVM that continues they are not lost either.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Pending
OWN='10 0 0; 8 -1 1; 8 -1 2; 8 -1 3; '
WANT="first: ${OWN}9 -1 10; 9 -1 11; 9 -1 12; 
second: $OWN" # those for the process are for the thread that asks first

found() {
    wait_exit "$pid"
    grep -E '^(first|second):' "$log"
}

body() {
    local library=$CLASSES/libpending-$V.so blocked number
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -pthread \
        -o "$library" "$TOP/tests/jvm/java/pending.c" 2>"$TMP/gcc.err"; then
        skip "$V: pending signals are kept" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
        return
    fi
    # A signal waits for the process while all threads block it: they inherit that.
    number=$(($(kill -l RTMIN) + 9))
    blocked=(env "--block-signal=$number")
    start "stays-$V" "${blocked[@]}" "$JAVA" -cp "$CP" Pending "$library" "$DIR/stays"
    wait_line "$log" ready
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-stays"
    is "$status$err" 0 "$V: a JVM with pending signals can be frozen"
    touch "$DIR/stays"
    is "$(found)" "$WANT" "$V: a JVM that continues has its pending signals"
    start "moves-$V" "${blocked[@]}" "$JAVA" -cp "$CP" Pending "$library" "$DIR/moves"
    wait_line "$log" ready
    for life in 1 2; do
        freeze "$pid" "$DIR/image" "$V: a JVM with pending signals, life $life" || return
        restore "moves-$V" "$DIR/image"
        wait_more "$log" 2
    done
    touch "$DIR/moves"
    is "$(found)" "$WANT" "$V: a restored JVM has the pending signals, with their data and their order"
}

each_jdk body
done_testing
