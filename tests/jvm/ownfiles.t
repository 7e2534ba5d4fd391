#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A checkpoint removes the JVM's own files in /tmp, and no others: not the performance data of a JVM
# that it watches, not a user's file in a folder of such a name, not the sockets of a JVM with the same
# PID in a container that shares /tmp.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Mapped

own_perf() { # PID
    echo "/tmp/hsperfdata_$(id -un)/$1"
}

# begin NAME JAVA-OPTION... -- FILE...: a JVM that has these files mapped shared.
begin() {
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    start_jvm "$name-$V" - "${options[@]}" -cp "$CP" Mapped "$@"
    wait_line "$log" "tick 2" || fail "$V, $name: the program starts"
}

restored() { # NAME
    restore "$1-$V" "$DIR/$1"
    if wait_line "$log" "tick $(($(tail -n 1 "$log" | tr -dc 0-9) + 5))"; then
        pass "$V, $1: the restored program continues"
    else
        fail "$V, $1: the restored program continues"
    fi
}

watching() {
    local other other_file mine
    begin other --
    other=$pid other_file=$(own_perf "$pid")
    # Its name comes first: the file is mapped below the JVM's own.
    begin watching -- "$other_file"
    mine=$pid
    ok "$V, watching: the JVM has its own performance data" test -e "$(own_perf "$mine")"
    freeze "$mine" "$DIR/watching" "$V, watching" || return
    ok "$V, watching: the freeze leaves the other JVM's performance data" test -e "$other_file"
    not_ok "$V, watching: the freeze removes the JVM's own performance data" test -e "$(own_perf "$mine")"
    restored watching
    ok "$V, watching: the restored JVM has performance data under its own PID" \
        test -e "$(own_perf "$pid")"
    freeze "$pid" "$DIR/watching" "$V, watching, generation 1" || return
    ok "$V, watching: the second freeze leaves the other JVM's performance data" test -e "$other_file"
    restored watching
    stop "$pid"
    not_ok "$V, watching: the restored JVM removes its performance data at its end" \
        test -e "$(own_perf "$pid")"
    ok "$V, watching: the restored JVM leaves the other's performance data at its end" test -e "$other_file"
    stop "$other"
}

users_file() { # NAME JAVA-OPTION...
    local name=$1 file=$DIR/hsperfdata_mine/data
    mkdir -p "${file%/*}"
    head -c 32768 /dev/zero >"$file"
    begin "$@" -- "$file"
    freeze "$pid" "$DIR/$name" "$V, $name" || return
    ok "$V, $name: the freeze leaves a user's file in a folder like hsperfdata" test -s "$file"
    restored "$name"
    stop "$pid"
}

# A Unix socket at which another process listens, with the name that this JVM's would have.
sockets() {
    local jvm listener door control
    begin sockets --
    jvm=$pid
    door=/tmp/.java_pid$jvm
    control=$(control_socket "$jvm")
    start "listener-$V" python3 -c '
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("listening", flush=True)
while True:
    time.sleep(3600)' "$door"
    listener=$pid
    wait_line "$log" listening
    freeze "$jvm" "$DIR/sockets" "$V, sockets" || return
    ok "$V, sockets: the freeze leaves an attach socket of another process" test -S "$door"
    not_ok "$V, sockets: the freeze removes the JVM's own control socket" test -S "$control"
    stop "$listener"
    rm -f "$door"
    begin attached --
    "$JAVA_HOME/bin/jcmd" "$pid" VM.version >/dev/null 2>&1
    ok "$V, attached: jcmd makes an attach socket" test -S "/tmp/.java_pid$pid"
    freeze "$pid" "$DIR/attached" "$V, attached" || return
    not_ok "$V, attached: the freeze removes the JVM's own attach socket" test -e "/tmp/.java_pid$pid"
}

body() {
    watching
    users_file plain
    users_file without -XX:-UsePerfData
    users_file private -XX:+PerfDisableSharedMem
    sockets
}
each_jdk body
done_testing
