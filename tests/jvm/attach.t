#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The attach mechanism after a restore, in two generations: jcmd and jstack reach the JVM, whether
# something had attached before the freeze or not, and its end leaves no socket. JDK 8 remembers its
# first PID, and a listener of old JDKs never makes its socket again.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

reached() { # WHAT
    run "$JAVA_HOME/bin/jcmd" "$pid" VM.version
    is "$status" 0 "$1: jcmd reaches it" || diag "$out$err"
    run "$JAVA_HOME/bin/jstack" "$pid"
    is "$status" 0 "$1: jstack reaches it" || diag "$out$err"
}

body() {
    local what before generation
    for before in "nothing attached before" "jcmd attached before"; do
        what="JDK $V, $before"
        start_jvm "${before%% *}-$V" - -jar "$SIMPLE" --period 50
        wait_line "$log" 3
        [[ $before != jcmd* ]] || reached "$what"
        for generation in 1 2; do
            freeze "$pid" "$DIR/image" "$what" || return
            not_ok "$what: the frozen JVM leaves no socket" test -e "/tmp/.java_pid$pid"
            restore "${before%% *}-$V" "$DIR/image"
            wait_more "$log" 2
            reached "$what, generation $generation"
        done
        stop "$pid"
        not_ok "$what: its end leaves no socket" test -e "/tmp/.java_pid$pid"
    done
}

each_jdk body
done_testing
