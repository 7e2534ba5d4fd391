#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The agent loaded into a JVM that has run for a while: by jcmd, as a library and as a jar, and by
# `checkpoint PID`; hooks of a program that uses org.crac only afterwards; options with spaces and
# commas in them, changed by a second load, and wrong ones; JVMs that refuse agents.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Late
JAR=$BUILD/checkpointer.jar

# late NAME JAVA-ARGUMENT...: starts Late; descriptor 8 of the shell is its standard input.
late() {
    local name="$V $1"
    shift
    log=$TMP/$name.log
    rm -f "$TMP/in"
    mkfifo "$TMP/in"
    exec 8<>"$TMP/in"
    env --default-signal=INT,QUIT "$JAVA" "$@" -cp "$CP" Late <"$TMP/in" >"$log" 2>&1 8>&- &
    pid=$!
    tap_started+=("$pid")
    tap_pid_of[$log]=$pid
    wait_line "$log" ready || fail "$name: the program starts"
}

send_command() { # WORD
    local count
    count=$(count_lines "$log" "done: $1")
    echo "$1" >&8
    wait_line "$log" "done: $1" --count $((count + 1))
}

# restore_with_input DIR: the restored process reads its commands from a new descriptor 8.
restore_with_input() {
    exec 8>&-
    rm -f "$TMP/in"
    mkfifo "$TMP/in"
    exec 8<>"$TMP/in"
    "$CKPT" restore "$1" <"$TMP/in" >>"$log" 2>&1 8>&- &
    pid=$!
    tap_started+=("$pid")
    tap_pid_of[$log]=$pid
}

finish() { # WHAT
    echo end >&8
    exec 8>&-
    wait_exit "$pid"
    is "$status" 0 "$V: $1: the program ends with 0"
    not_ok "$V: $1: the JVM leaves no control socket" test -e "$(control_socket "$pid")"
}

# load FILE [OPTIONS]: sets out to jcmd's answer; its status is 0 whatever the answer.
load() {
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$1\"" "${@:2}"
}

# Loads by `jcmd PID JVMTI.agent_load`: options need quotes that jcmd itself sees.
by_jcmd() { # FILE WHAT CODE-OF-A-REFUSAL
    local what=$2 dir="$DIR/a b, c ${2##* }" other="$DIR/other ${2##* }"
    late "$what"
    load "$1" '"addr=none,gc=maybe"'
    contains "$out" "return code: $3" "$V: $what: a wrong option fails the load"
    ok "$V: $what: a wrong option is reported on the JVM's standard error" grep -qxF \
        "checkpointer: error: agent option 'gc=maybe': expected true or false" "$log"
    load "$1" addr=none
    contains "$out" "return code: $3" "$V: $what: options without quotes fail the load"
    ok "$V: $what: options without quotes are reported" \
        grep -qF "agent option 'addr': expected key=value" "$log"
    load "$1" "\"addr=none,image=$dir\""
    contains "$out" "return code: $3" "$V: $what: a path with a bare comma fails the load"
    load "$1" "\"addr=none,image=${dir/,/\\,}\""
    contains "$out" "return code: 0" "$V: $what: a path with spaces and an escaped comma is accepted"
    send_command register
    echo freeze >&8
    wait_exit "$pid"
    is "$status" 137 "$V: $what: checkpointRestore() after the load freezes the JVM"
    ok "$V: $what: the image is written to the path of the option" test -f "$dir/image"
    restore_with_input "$dir"
    ok "$V: $what: the JVM is restored" wait_line "$log" "done: freeze"
    load "$1" "\"image=$other\""
    contains "$out" "return code: 0" "$V: $what: a second load in the restored JVM succeeds"
    echo freeze >&8
    wait_exit "$pid"
    restore_with_input "$other"
    ok "$V: $what: a second load changes the option image" wait_line "$log" "done: freeze" --count 2
    is "$(count_lines "$log" "before checkpoint")/$(count_lines "$log" "after restore")" 2/2 \
        "$V: $what: the hooks are called at each checkpoint"
    finish "$what"
}

# The agent that is loaded second passes its options to the first.
mixed() { # FIRST SECOND WHAT
    late "$3"
    load "$1" '"addr=none,control=false"'
    contains "$out" "return code: 0" "$V: $3: the first is loaded"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/mixed"
    contains "$status$err" "1checkpointer: JVM $pid has the agent, but no control socket" \
        "$V: $3: control=false: there is no control socket"
    load "$2" '"gc=maybe"'
    unlike "$out" "return code: 0" "$V: $3: wrong options for the second fail the load"
    load "$2" '"control=true"'
    contains "$out" "return code: 0" "$V: $3: right options for the second are accepted"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/mixed"
    is "$status$err" 0 "$V: $3: the first applies the options of the second"
    finish "$3"
}

# No class of org.crac was initialised before `checkpoint PID` loaded the agent.
by_pid() {
    late "by PID"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/by-pid"
    is "$status$out$err" 0 "$V: by PID: the checkpoint of a JVM without the agent succeeds"
    send_command register
    freeze "$pid" "$DIR/by-pid" "$V: by PID" || return
    restore_with_input "$DIR/by-pid"
    ok "$V: by PID: hooks that were registered after the load are called" wait_line "$log" "after restore"
    is "$(grep -v '^WARNING' "$log" | tr '\n' ' ')" "ready done: register before checkpoint after restore " \
        "$V: by PID: each hook is called once"
    finish "by PID"
}

refuses() {
    jdk_takes -XX:-EnableDynamicAgentLoading || return 0
    late "no agents" -XX:-EnableDynamicAgentLoading
    run "$CKPT" checkpoint "$pid" "$DIR/none"
    is "$status$out/$err" "1/checkpointer: this JVM loads no agent while it runs \
(-XX:-EnableDynamicAgentLoading); start it with 'checkpointer run', or without that option" \
        "$V: checkpoint: a JVM with -XX:-EnableDynamicAgentLoading is refused"
    finish "no agents"
}

body() {
    if needs_jdk agent_load "$V: jcmd loads the agent"; then
        by_jcmd "$AGENT" "the library" -1
        by_jcmd "$JAR" "the jar" 102
        mixed "$AGENT" "$JAR" "the library, then the jar"
        mixed "$JAR" "$AGENT" "the jar, then the library"
    fi
    by_pid
    refuses
}
each_jdk body
done_testing
