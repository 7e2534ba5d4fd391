#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Several JVMs in the tree of processes that criu dumps: each has its hsperfdata again, and its hooks are
# called if it has the agent.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
compile Tree
PERFDATA=/tmp/hsperfdata_$(id -un)

RUN=()

# begin NAME [COMMAND...]: a JVM with a child JVM, whose PIDs are in parent and child; the child is
# started by the command.
begin() {
    local name=$1
    shift
    # shellcheck disable=SC2016
    start "$name-$V" "$CKPT" run --option addr=none "${RUN[@]}" -- bash -c '
        java=("$JAVA" -Xmx32m -cp "$CP" Tree)
        "$@" "${java[@]}" child "$DIR" & exec "${java[@]}" parent "$DIR"' - "$@"
    parent=$pid
    wait_line "$log" "parent ready"
    wait_line "$log" "child ready"
    child=$(pgrep -P "$parent")
}

dump() { # IMAGE WHAT
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$parent" "$1"
    is "$status$out$err" 0 "$2" || return
    wait_exit "$pid"
}

# both_tick NAME: restore the image of that name, and wait until both JVMs run.
both_tick() {
    local name
    restore "$1-$V" "--criu=$CRIU" "$DIR/$1"
    for name in parent child; do
        wait_line "$log" "$name tick $(($(sed -n "s/^$name tick //p" "$log" | tail -n 1) + 3))" ||
            fail "$V: $1: the $name ticks after the restore" "$(tail -n 3 "$log")"
    done
}

end_both() {
    kill -KILL "$child"
    stop "$pid"
}

perfdata() {
    begin perfdata
    dump "$DIR/perfdata" "$V: a JVM with a child JVM is dumped" || return
    is "$(ls "$PERFDATA")" "" "$V: hsperfdata of both JVMs is removed when they have ended"
    both_tick perfdata
    is "$(stat -c '%a %U' "$PERFDATA/$parent" "$PERFDATA/$child" | uniq)" "600 $(id -un)" \
        "$V: hsperfdata of both JVMs is there again, with owner and mode"
    "$JAVA_HOME/bin/jps" >"$DIR/jps"
    is "$(grep -c " Tree$" "$DIR/jps")" 2 "$V: jps lists both JVMs"
    kill "$child" # it removes its file itself
    end_both
    rm -rf "$PERFDATA"
    run "$CKPT" restore --dry-run "--criu=$CRIU" "$DIR/perfdata"
    is "$status$err" 0 "$V: dry-run finds that a second restore is possible"
    both_tick perfdata
    is "$(ls "$PERFDATA" | sort -n)" "$(printf '%s\n' "$parent" "$child" | sort -n)" \
        "$V: a second restore, without the folder, makes both again"
    end_both
}

hooks() { # of NAME: how often each was called
    printf '%s/%s' "$(grep -c "^$1 before" "$log")" "$(grep -c "^$1 after" "$log")"
}

called() {
    local first
    begin called
    dump "$DIR/called" "$V: a JVM with a child JVM that has the agent is dumped" || return
    is "$(hooks child) $(hooks parent)" "1/0 1/0" "$V: beforeCheckpoint is called in both before the dump"
    both_tick called
    ok "$V: afterRestore is called in the child too" wait_line "$log" "child after"
    first=$(grep "child after" "$log")
    end_both
    both_tick called
    wait_line "$log" "child after" --count 2
    isnt "$(grep "child after" "$log" | tail -n 1)" "$first" \
        "$V: the child's random generators are renewed: a second restore has other numbers"
    is "$(hooks child) $(hooks parent)" "1/2 1/2" "$V: each hook is called once in each restore"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --leave-running "$parent" "$DIR/called"
    is "$status$out$err $(hooks child) $(hooks parent)" "0 2/3 2/3" \
        "$V: with --leave-running both have had their second half"
    end_both
}

undone() {
    begin undone
    touch "$DIR/child-fail"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$parent" "$DIR/undone"
    rm "$DIR/child-fail"
    refused "$V: a child whose hook fails prevents the checkpoint" \
        "JVM $child of this tree: .*cannot pause child"
    is "$(hooks child) $(hooks parent)" "1/1 0/0" "$V: then no hook stays without its second half"
    touch "$DIR/parent-fail"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$parent" "$DIR/undone"
    rm "$DIR/parent-fail"
    like "$status$err" "^1.*cannot pause parent" \
        "$V: a hook of the first JVM that fails prevents the checkpoint"
    is "$(hooks child) $(hooks parent)" "2/2 1/1" "$V: then the child has had its second half"
    kill -STOP "$child"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$parent" "$DIR/undone"
    kill -CONT "$child"
    refused "$V: a child JVM that is stopped prevents the checkpoint" "JVM $child of this tree is stopped"
    is "$(hooks child) $(hooks parent)" "2/2 1/1" "$V: then no hook is called"
    end_both
}

# The command is killed while the first JVM's hook waits; the child has had its first half then.
killed() {
    begin killed
    mkfifo "$DIR/parent-hold"
    "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$parent" "$DIR/killed" 2>"$DIR/killed.err" &
    wait_line "$log" "parent before"
    is "$(hooks child)" 1/0 "$V: the child has had its first half"
    kill -KILL $!
    ok "$V: when the command is killed, the child gets its second half" wait_line "$log" "child after"
    release "$DIR/parent-hold"
    rm "$DIR/parent-hold"
    end_both
}

by_signal() {
    RUN=(--engine=criu "--criu=$CRIU" --option signal=USR1 --image "$DIR/signal")
    begin signal
    RUN=()
    touch "$DIR/child-fail"
    kill -USR1 "$parent"
    ok "$V: requested by a signal: a child whose hook fails prevents the checkpoint" \
        wait_line "$log" "JVM $child of this tree: "
    rm "$DIR/child-fail"
    wait_line "$log" "parent after"
    is "$(hooks child) $(hooks parent)" "1/1 1/1" "$V: then no hook stays without its second half"
    kill -USR1 "$parent"
    wait_exit "$pid"
    is "$(hooks child) $(hooks parent)" "2/1 2/1" "$V: requested by a signal: both have had their first half"
    both_tick signal
    ok "$V: requested by a signal: both have their second half" wait_line "$log" "child after" --count 2
    end_both
}

without_agent() {
    begin without env -u JAVA_TOOL_OPTIONS
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$parent" "$DIR/without"
    like "$status$err" "^0checkpointer: warning: JVM $child of this tree does not have the agent" \
        "$V: a child JVM without the agent is named in a warning"
    wait_exit "$pid"
    both_tick without
    is "$(hooks child)" 0/0 "$V: it is restored without hooks"
    end_both
}

body() {
    export DIR CP JAVA
    perfdata
    called
    undone
    killed
    by_signal
    without_agent
}
each_jdk body
done_testing
