#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The agent loaded into a JVM that has run for a while: by jcmd, as a library and as a jar, and by
# `checkpoint PID`; hooks of a program that used org.crac only afterwards; options with spaces and
# commas in them, changed by loading again, and wrong ones; JVMs that take no agent.
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

tell() { # WORD
    local count
    count=$(count_lines "$log" "done: $1")
    echo "$1" >&8
    wait_line "$log" "done: $1" 30 --count $((count + 1))
}

# In the restored process it is another one that reads.
back() { # DIR
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
    is "$status" 0 "$V: $1: it ends in order"
    not_ok "$V: $1: and leaves no socket" test -e "$(control_socket "$pid")"
}

# What jcmd answers; its own status is 0 whatever that is.
load() { # FILE [OPTIONS]
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$1\"" "${@:2}"
}

# Of `jcmd PID JVMTI.agent_load`: options need quotes that jcmd itself sees.
by_jcmd() { # FILE WHAT CODE-OF-A-REFUSAL
    local what=$2 dir="$DIR/a b, c ${2##* }" other="$DIR/other ${2##* }"
    late "$what"
    load "$1" '"addr=none,gc=maybe"'
    contains "$out" "return code: $3" "$V: $what: wrong options are refused"
    ok "$V: $what: the JVM's standard error says why" grep -qxF \
        "checkpointer: error: agent option 'gc=maybe': expected true or false" "$log"
    load "$1" addr=none
    contains "$out" "return code: $3" "$V: $what: so are options that jcmd has taken apart"
    ok "$V: $what: and it says so" grep -qF "agent option 'addr': expected key=value" "$log"
    load "$1" "\"addr=none,image=$dir\""
    contains "$out" "return code: $3" "$V: $what: a comma ends an option"
    load "$1" "\"addr=none,image=${dir/,/\\,}\""
    contains "$out" "return code: 0" "$V: $what: loaded, with a comma and spaces in a path"
    tell register
    echo freeze >&8
    wait_exit "$pid"
    is "$status" 137 "$V: $what: checkpointRestore() of a program that looks for it now"
    ok "$V: $what: writes where that path says" test -f "$dir/image"
    back "$dir"
    ok "$V: $what: and it is restored" wait_line "$log" "done: freeze"
    load "$1" "\"image=$other\""
    contains "$out" "return code: 0" "$V: $what: loaded again, in the restored JVM"
    echo freeze >&8
    wait_exit "$pid"
    back "$other"
    ok "$V: $what: which changes the option" wait_line "$log" "done: freeze" 30 --count 2
    is "$(count_lines "$log" "before checkpoint")/$(count_lines "$log" "after restore")" 2/2 \
        "$V: $what: the hooks were called each time"
    finish "$what"
}

# Whoever comes second gives its options to the first.
mixed() { # FIRST SECOND WHAT
    late "$3"
    load "$1" '"addr=none,control=false"'
    contains "$out" "return code: 0" "$V: $3: the first"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/mixed"
    contains "$status$err" "1checkpointer: JVM $pid has the agent, but not its control socket" \
        "$V: $3: no socket if it is not wanted"
    load "$2" '"gc=maybe"'
    unlike "$out" "return code: 0" "$V: $3: wrong options for the second"
    load "$2" '"control=true"'
    contains "$out" "return code: 0" "$V: $3: right ones"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/mixed"
    is "$status$err" 0 "$V: $3: which the first one heeds"
    finish "$3"
}

# Nothing of org.crac was initialised before `checkpoint PID` brought the agent.
by_pid() {
    late "by PID"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/by-pid"
    is "$status$out$err" 0 "$V: a JVM that knew nothing of it"
    tell register
    freeze "$pid" "$DIR/by-pid" "$V: by PID" || return
    back "$DIR/by-pid"
    ok "$V: hooks that were registered later are called" wait_line "$log" "after restore"
    is "$(grep -v '^WARNING' "$log" | tr '\n' ' ')" "ready done: register before checkpoint after restore " \
        "$V: once each"
    finish "by PID"
}

refuses() {
    java_takes "$JAVA_HOME" -XX:-EnableDynamicAgentLoading || return 0
    late "no agents" -XX:-EnableDynamicAgentLoading
    run "$CKPT" checkpoint "$pid" "$DIR/none"
    is "$status$out/$err" "1/checkpointer: this JVM takes no agent while it runs \
(-XX:-EnableDynamicAgentLoading); start it with 'checkpointer run', or without that option" \
        "$V: a JVM that takes no agent"
    finish "no agents"
}

body() {
    if "$JAVA_HOME/bin/jcmd" -h >/dev/null 2>&1 && [ "$V" -ge 9 ]; then
        by_jcmd "$AGENT" "the library" -1
        by_jcmd "$JAR" "the jar" 102
        mixed "$AGENT" "$JAR" "the library, then the jar"
        mixed "$JAR" "$AGENT" "the jar, then the library"
    else
        cannot "$V: jcmd" "it has no JVMTI.agent_load"
    fi
    by_pid
    refuses
}
each_jdk body
done_testing
