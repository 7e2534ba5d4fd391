#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The attach mechanism after a restore, in two generations: jcmd and jstack reach the JVM, whether a
# tool had attached before the freeze or not, and its end leaves no socket. JDK 8 remembers its first
# PID, and the listener of old JDKs never makes its socket again.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

tools_reach() { # WHAT
    run "$JAVA_HOME/bin/jcmd" "$pid" VM.version
    is "$status" 0 "$1: jcmd reaches the JVM" || diag "$out$err"
    run "$JAVA_HOME/bin/jstack" "$pid"
    is "$status" 0 "$1: jstack reaches the JVM" || diag "$out$err"
    is "$(strangers)" "" "$1: the numbers that HotSpot has for its threads are TIDs of the process"
}

# Numbers of threads in what jstack has printed that no thread of the process has.
strangers() {
    local number
    for number in $(sed -n 's/.* nid=\([0-9a-fx]*\) .*/\1/p' <<<"$out"); do
        [ -e "/proc/$pid/task/$((number))" ] || printf '%d ' "$number"
    done
}

body() {
    local what before generation
    for before in "nothing attached before" "jcmd attached before"; do
        what="JDK $V, $before"
        start_jvm "${before%% *}-$V" - -jar "$SIMPLE" --period 50
        wait_line "$log" 3
        [[ $before != jcmd* ]] || tools_reach "$what"
        for generation in 1 2; do
            freeze "$pid" "$DIR/image" "$what, freeze $generation" || return
            not_ok "$what, freeze $generation: the frozen JVM leaves no attach socket" \
                test -e "/tmp/.java_pid$pid"
            restore "${before%% *}-$V" "$DIR/image"
            wait_more "$log" 2
            tools_reach "$what, generation $generation"
        done
        stop "$pid"
        not_ok "$what: the restored JVM leaves no attach socket at its end" test -e "/tmp/.java_pid$pid"
    done
}

each_jdk body
done_testing
