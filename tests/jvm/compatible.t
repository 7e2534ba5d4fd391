#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The agent option compatible: each POST to one of the halves calls the hooks, whatever came before. With
# an org.crac of the application and with the agent's; with both forms of the agent.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
need curl
compile Endpoint

calls() { # before|after: prints how often it was called
    grep -cx "$1" "$log" || true
}

hooks() {
    printf '%s/%s' "$(calls before)" "$(calls after)"
}

posts() { # PATH...: sets codes
    local path
    codes=
    for path; do
        post "/$path"
        codes+=$code' '
    done
}

each_runs() { # WHAT
    posts after-restore
    is "$codes $(hooks)" "204  0/1" "$V: $1: /after-restore without a first half calls the hooks"
    posts before-checkpoint before-checkpoint
    is "$codes $(hooks)" "204 204  2/1" "$V: $1: a second /before-checkpoint calls the hooks again"
    checkpoint '{"directory": "'"$DIR/never"'"}'
    is "$code $(hooks)" "409 2/1" "$V: $1: a checkpoint between the halves is refused"
    posts after-restore after-restore
    is "$codes $(hooks)" "204 204  2/3" "$V: $1: a second /after-restore calls the hooks again"
    ask /status
    is "$(member state)" running "$V: $1: after the second halves, the state is running"
    touch "$DIR/fail"
    posts before-checkpoint after-restore
    rm "$DIR/fail"
    is "$codes" "500 500 " "$V: $1: a hook that fails is answered with 500"
    posts before-checkpoint after-restore
    is "$codes" "204 204 " "$V: $1: after hooks that failed, both halves are carried out"
}

# Requests that arrive while a hook runs are carried out after it. A connection whose request has not
# arrived when the hook ends is closed, so that it does not prevent the dump: each is sent first.
together() { # WHAT
    local i first=() begun
    begun=$(count_lines "$log" before)
    mkfifo "$DIR/hold"
    for i in 1 2 3; do
        background $i "$([ $i = 3 ] && echo after-restore || echo before-checkpoint)"
        wait_line "$DIR/sent-$i" "> POST"
        [ $i != 1 ] || wait_line "$log" before --count $((begun + 1))
    done
    for i in 1 2; do
        wait_line "$log" before --count $((begun + i))
        release "$DIR/hold"
    done
    wait "${first[@]}"
    rm "$DIR/hold"
    is "$(cat "$DIR"/code-? | tr '\n' ' ')" "204 204 204 " \
        "$V: $1: requests that arrive at the same time are all carried out"
    post /after-restore
    is "$code" 204 "$V: $1: after requests at the same time, /after-restore is carried out"
}

background() { # NUMBER PATH: a request; its answer's code and what was sent are in files; adds to first
    : >"$DIR/sent-$1"
    curl -sv --max-time "$PATIENCE" -o /dev/null -w '%{http_code}\n' -X POST "http://localhost:$port/$2" \
        >"$DIR/code-$1" 2>"$DIR/sent-$1" &
    first+=($!)
}

# Several second halves at the same time, without a first one.
second_ones() { # WHAT
    local i first=() begun
    begun=$(calls after)
    for i in 1 2 3; do
        background $i after-restore
    done
    wait "${first[@]}"
    is "$(cat "$DIR"/code-? | tr '\n' ' ') $(($(calls after) - begun))" "204 204 204  3" \
        "$V: $1: each of several /after-restore at the same time calls the hooks"
}

# The JVM's request for a half waits for the end of a checkpoint.
waits() {
    local end=$((SECONDS + 60))
    until "$JAVA_HOME/bin/jcmd" "$pid" Thread.print 2>/dev/null | grep -q 'jdk.crac.impl.Turn.take'; do
        [ "$SECONDS" -lt "$end" ] || return 1
    done
}

# A half that waits while the JVM is frozen: in the restored process no client waits for it.
frozen_while_waiting() { # PATH
    local image=$DIR/$1 first=()
    serve "waiting-$1" - compatible=true gc=false
    mkfifo "$DIR/hold"
    "$CKPT" checkpoint "$pid" "$image" >/dev/null 2>&1 </dev/null &
    tap_started+=($!)
    wait_line "$log" before
    background 1 "$1"
    ok "$V: /$1 during a checkpoint waits" waits
    release "$DIR/hold"
    wait_exit "$pid"
    rm "$DIR/hold"
    wait "${first[@]}" || true # it has no answer
    restore "waiting-$1-$V" "$image"
    wait_line "$log" after
    ok "$V: /$1 that waits while the JVM is frozen ends in the restored process" \
        no_thread "$pid" "ckpt request"
    is "$(hooks)" 1/1 "$V: /$1 that waits while the JVM is frozen calls no hooks in the restored process"
    stop "$pid"
}

# The command takes part in the same pair of halves, and is refused out of turn.
by_command() { # WHAT
    local before after
    before=$(calls before)
    after=$(calls after)
    run "$CKPT" prepare "$pid"
    is "$status" 0 "$V: $1: prepare is carried out after second halves without a first one"
    posts before-checkpoint
    run "$CKPT" prepare "$pid"
    is "$codes $status" "204  1" "$V: $1: prepare by command is refused after /before-checkpoint"
    run "$CKPT" resume "$pid"
    is "$status" 0 "$V: $1: resume ends the half that was requested twice"
    run "$CKPT" resume "$pid"
    is "$status" 1 "$V: $1: resume without a first half is refused"
    posts after-restore
    is "$codes $(($(calls before) - before))/$(($(calls after) - after))" "204  2/2" \
        "$V: $1: after resume, /after-restore calls the hooks again"
}

whatever_came_before() { # WHAT
    each_runs "$1"
    second_ones "$1"
    together "$1"
    by_command "$1"
    stop "$pid"
}

# serve_by AGENT WHAT CLASS-PATH [OPTION...]: the program with an agent; sets port.
serve_by() {
    local agent=$1 options
    port=$(free_port)
    options=$(IFS=, && printf '%s' "${*:4}")
    start "$2-$V" "$JAVA" "$agent=addr=localhost:$port,$options" -cp "$3" Endpoint "$DIR"
    wait_line "$log" ready || fail "$V: the program for '$2' starts"
}

body() {
    local jar="-javaagent:$BUILD/checkpointer.jar" library="-agentpath:$AGENT"
    serve option - compatible=true shutdown=false gc=false
    whatever_came_before "compatible=true"
    frozen_while_waiting after-restore
    frozen_while_waiting before-checkpoint
    serve off - shutdown=false gc=false
    posts after-restore before-checkpoint before-checkpoint after-restore after-restore
    is "$codes $(hooks)" "409 204 409 204 409  1/1" "$V: without compatible, a half out of turn is refused"
    stop "$pid"
    serve_by "$jar" jar "$CP" shutdown=false
    whatever_came_before "-javaagent"
    serve_by "$jar" jar-spare "$CLASSES" shutdown=false
    whatever_came_before "-javaagent, without org.crac"
    serve_by "$library" library-spare "$CLASSES" compatible=true shutdown=false gc=false
    whatever_came_before "-agentpath, without org.crac"
    serve_by "$jar" strict "$CP" compatible=false
    posts after-restore
    is "$codes" "409 " "$V: -javaagent with compatible=false: a half out of turn is refused"
    stop "$pid"
}
each_jdk body
done_testing
