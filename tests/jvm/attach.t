#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The attach mechanism after a restore, in two generations: jcmd and jstack reach the JVM, whether a
# tool had attached before the freeze or not, and its end leaves no socket. JDK 8 remembers its first
# PID, and the listener of old JDKs never makes its socket again. The socket of an earlier process with
# the JVM's PID is no obstacle, or is reported.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3

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

# leave_socket PATH: a socket on which no process listens.
LEAVE='import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])'
leave_socket() { python3 -c "$LEAVE" "$1"; }

# A JVM without the agent, whose PID an earlier process had, which has left its attach socket.
left_behind() {
    local socket
    start "left-$V" "$JAVA" -jar "$SIMPLE" --period 50
    wait_line "$log" 1
    leave_socket "/tmp/.java_pid$pid"
    freeze "$pid" "$DIR/left" "$V: a socket that an earlier process has left is no obstacle" ||
        kill -KILL "$pid"

    [ "$(id -u)" = 0 ] || {
        skip "$V: a socket of another user is reported" "only root can make one"
        return
    }
    start "user-$V" as_user "$JAVA" -jar "$SIMPLE" --period 50
    wait_line "$log" 1
    socket=/tmp/.java_pid$pid
    leave_socket "$socket"
    run as_user "$CKPT" checkpoint "$pid" "$DIR/user"
    like "$status $err" "^1 .*'[^']*' is not the socket of JVM $pid, .*; remove it and try again" \
        "$V: a socket of another user, left by an earlier process, is reported"
    install -d -m 700 -o "$(stat -c %u "/proc/$pid")" "$DIR/user"
    run "$CKPT" checkpoint "$pid" "$DIR/user"
    is "$status$err" 0 "$V: root removes such a socket"
    [ "$status" = 0 ] || kill -KILL "$pid"
    wait_exit "$pid"
    rm -f "$socket"
}

# A restored JVM whose PID an earlier process had.
left_for_restored() {
    start_jvm "restored-$V" - -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    freeze "$pid" "$DIR/restored" "$V: left for the restored JVM" || return
    CONFINE=("$BASH" -c 'python3 -c "$0" "/tmp/.java_pid$$" && exec "$@"' "$LEAVE")
    restore "restored-$V" "$DIR/restored"
    CONFINE=()
    wait_more "$log" 2
    tools_reach "$V: a socket of an earlier process with the restored JVM's PID"
    stop "$pid"
}

# A JVM that ends while a command waits until it answers.
ended() {
    local jvm
    start "ended-$V" "$JAVA" -XX:+DisableAttachMechanism -jar "$SIMPLE" --period 50
    jvm=$pid
    wait_line "$log" 1
    start "asks-$V" "$CKPT" checkpoint "$jvm" "$DIR/ended"
    ok "$V: a JVM that will not answer is asked for its attach socket" \
        "$WAITFOR" --timeout 60 path "/tmp/.attach_pid$jvm"
    kill -KILL "$jvm"
    wait_exit "$pid"
    like "$status $(<"$log")" "^1 .*JVM $jvm has ended$" "$V: a JVM that ends meanwhile is reported as such"
}

each_jdk body
each_jdk left_behind
each_jdk ended
each_jdk left_for_restored
done_testing
