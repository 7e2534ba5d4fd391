#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Signals that wait for a thread or for the process, because they are blocked, are there after a restore,
# with their data and in their order. In a JVM that continues they are not lost either. A signal that ends the
# JVM ends it, and no image is made. Requests for a checkpoint (signal=NAME) are not put into an image.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Pending
trap : USR1 RTMIN # so that bash does not print the signal that a JVM ended by
OWN='10 0 0; 8 -1 1; 8 -1 2; 8 -1 3; '
WANT="first: ${OWN}10 0 0; 23 0 0; 9 -1 10; 9 -1 11; 9 -1 12; 9 0 0; 9 0 0 of another process; 
second: $OWN" # those for the process are for the thread that asks first

found() {
    wait_exit "$pid"
    grep -E '^(first|second):' "$log"
}

# A signal waits for the process while all threads block it: they inherit that.
NUMBER=$(($(kill -l RTMIN) + 9))
BLOCKED=(env "--block-signal=$NUMBER" --block-signal=USR1 --block-signal=URG)

body() {
    local library=$CLASSES/libpending-$V.so
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -pthread \
        -o "$library" "$TOP/tests/jvm/java/pending.c" 2>"$TMP/gcc.err"; then
        skip "$V: pending signals are kept" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
        return
    fi
    start "stays-$V" "${BLOCKED[@]}" "$JAVA" -cp "$CP" Pending "$library" "$DIR/stays"
    wait_line "$log" ready
    kill "-$NUMBER" "$pid"
    run "$CKPT" check "$pid"
    is "$status" 0 "$V: check finds nothing wrong with pending signals" || diag "$out$err"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-stays"
    is "$status$err" 0 "$V: a JVM with pending signals can be frozen"
    touch "$DIR/stays"
    is "$(found)" "$WANT" "$V: a JVM that continues has its pending signals"
    start "moves-$V" "${BLOCKED[@]}" "$JAVA" -cp "$CP" Pending "$library" "$DIR/moves"
    wait_line "$log" ready
    kill "-$NUMBER" "$pid"
    for life in 1 2; do
        freeze "$pid" "$DIR/image" "$V: a JVM with pending signals, life $life" || return
        restore "moves-$V" "$DIR/image"
        wait_more "$log" 2
    done
    touch "$DIR/moves"
    is "$(found)" "$WANT" "$V: a restored JVM has the pending signals, with their data and their order"
}

# requests: threads have the signal of the agent's option waiting, many times.
requests() {
    local library=$CLASSES/libpending-$V.so
    if [ "$(ulimit -i)" -lt 5000 ]; then
        skip "$V: many requests by a signal wait" "not so many signals may wait (ulimit -i)"
        return
    fi
    OPTIONS+=(signal=RTMIN+8) CONFINE=("${BLOCKED[@]}")
    start_jvm "requests-$V" "$DIR/requests" -cp "$CP" Pending "$library" "$DIR/go-on" 1500
    OPTIONS=(addr=none) CONFINE=()
    wait_line "$log" ready
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-requests"
    is "$status$err" 0 "$V: a JVM with 3000 requests by a signal that is blocked can be frozen"
    freeze "$pid" "$DIR/requests" "$V: a JVM with requests by a signal" || return
    restore "requests-$V" "$DIR/requests"
    wait_more "$log" 2
    touch "$DIR/go-on"
    is "$(found)" "first: 10 0 0; 10 0 0; 23 0 0; 9 -1 10; 9 -1 11; 9 -1 12; 9 0 0; 
second: 10 0 0; " "$V: a restored JVM has no old requests by a signal, and all other signals"
}

# late SIGNAL STATUS: it arrives while threads are being stopped, and is not blocked. A SIGTERM may have been
# handed to the JVM's thread for signals, which was stopped before it could end the JVM: then it ends the
# restored one.
late() {
    local name=late-$1-$V jvm
    start_jvm "$name" "$DIR/$name" -cp "$CP" Pending "$CLASSES/libpending-$V.so" late "$(kill -l "$1")"
    wait_line "$log" ready
    jvm=$pid
    run "$CKPT" checkpoint "$jvm" "$DIR/$name"
    wait_exit "$jvm"
    if [ "$1/$status" = TERM/137 ]; then
        restore "$name" "$DIR/$name"
        wait_exit "$pid"
        is "$status" "$2" "$V: SIG$1 during a checkpoint ends the JVM"
        pass "$V: SIG$1 during a checkpoint was taken before all threads were stopped"
        return
    fi
    is "$status" "$2" "$V: SIG$1 during a checkpoint ends the JVM"
    not_ok "$V: SIG$1 during a checkpoint leaves no image" test -e "$DIR/$name/image"
}

all() {
    body
    [ -e "$CLASSES/libpending-$V.so" ] || return
    requests
    late TERM 143
    late USR1 138
    late RTMIN $((128 + $(kill -l RTMIN)))
}

each_jdk all
done_testing
