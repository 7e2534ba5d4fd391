#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# checkpointer-criu-hook as CRIU's action script: it calls the hooks of the JVMs in the dumped tree, and
# undoes the first half if the JVM continues. `prepare` and `resume` for scripts.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-by-hand.sh"
compile Endpoint
start_relay
HOOK=$BUILD/checkpointer-criu-hook

begin() { # NAME [OPTION...]
    OPTIONS=(addr=none "${@:2}")
    start_jvm "$1-$V" - -XX:-UsePerfData -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready
}

hooks() { # prints how often each was called
    printf '%s/%s' "$(grep -cx before "$log")" "$(grep -cx after "$log")"
}

# An image of criu's compares the size of the log, so nothing may be written to it meanwhile.
generations() {
    local i
    begin generations
    for i in 1 2 3; do
        criu_ends "$pid" "$DIR/generation-$i" "$V: generation $i" --action-script "$HOOK"
        tap_pid_of[$log]=
        is "$(hooks)" "$i/$((i - 1))" "$V: generation $i: the hook calls beforeCheckpoint before the dump"
        criu_restore "$DIR/generation-$i" --action-script "$HOOK"
        is "$status$err" 0 "$V: generation $i: criu restores the JVM with the hook"
        is "$(hooks)" "$i/$i" "$V: generation $i: the hook calls afterRestore when the JVM runs"
    done
    end_restored "$pid"
}

refused() {
    begin refused
    touch "$DIR/fail"
    criu_dump "$pid" "$DIR/refused" --action-script "$HOOK"
    rm "$DIR/fail"
    isnt "$status" 0 "$V: a hook that fails makes the dump fail"
    is "$(hooks)" 1/1 "$V: a hook that fails is undone"
    ok "$V: a hook that fails: the reason is in the log of criu" grep -a "not \"now\"" "$DIR/refused/dump.log"
    stop "$pid"
}

# criu runs no script after these; the hook's own process notices the end of criu.
continues() {
    begin continues
    criu_dump "$pid" "$DIR/continues" --action-script "$HOOK" --leave-running
    is "$status$err" 0 "$V: a dump with --leave-running succeeds with the hook"
    ok "$V: after --leave-running, the JVM gets its second half" wait_line "$log" after
    echo "$relay" >"$DIR/socket"
    begin connected
    criu_dump "$pid" "$DIR/connected" --action-script "$HOOK"
    rm "$DIR/socket"
    isnt "$status" 0 "$V: criu refuses the dump of a JVM with a TCP connection"
    ok "$V: after a dump that failed, the JVM gets its second half" wait_line "$log" after
    stop "$pid"
}

# The JVM is no root of the tree, and not alone in it; the agent's address does not matter.
tree() {
    OPTIONS=(addr=none)
    mkdir -p "$DIR/a" "$DIR/b"
    start "tree-$V" setsid bash -c '
        "$@" "$DIR/a" >"$DIR/a.log" 2>&1 & "$@" "$DIR/b" >"$DIR/b.log" 2>&1 & wait' - \
        "$CKPT" run --option addr=none -- "$JAVA" -XX:-UsePerfData -cp "$CP" Endpoint
    wait_line "$DIR/a.log" ready
    wait_line "$DIR/b.log" ready
    criu_ends "$pid" "$DIR/tree" "$V: a tree of two JVMs" --action-script "$HOOK"
    is "$(cat "$DIR/a.log" "$DIR/b.log" | grep -cx before)" 2 \
        "$V: the hook calls the hooks of each JVM in the tree"
    criu_restore "$DIR/tree" --action-script "$HOOK"
    is "$status$err" 0 "$V: criu restores a tree with two JVMs"
    is "$(cat "$DIR/a.log" "$DIR/b.log" | grep -cx after)" 2 \
        "$V: after the restore the hook calls the hooks of each JVM in the tree"
    mapfile -t jvms < <(pgrep -P "$pid")
    kill -KILL "${jvms[@]}"
    "$WAITFOR" --timeout 60 exit "$pid" || kill -KILL "$pid"
}

commands() {
    begin commands
    run "$CKPT" resume "$pid"
    like "$status/$err" "^1/.*there was no first half" "$V: resume without prepare is refused"
    run "$CKPT" prepare "$pid"
    is "$status$out$err" 0 "$V: prepare is quiet"
    criu_ends "$pid" "$DIR/commands" "$V: after prepare"
    tap_pid_of[$log]=
    criu_restore "$DIR/commands"
    run "$CKPT" resume "$pid"
    is "$status$out$err/$(hooks)" 0/1/1 "$V: resume is quiet, and calls the hooks of the restored JVM"
    end_restored "$pid"
    run "$CKPT" prepare 1
    like "$status/$err" "^1/.*process 1 is not a JVM" "$V: prepare of a process that is no JVM is refused"
    run "$CKPT" prepare
    is "$status" 2 "$V: prepare without a PID is a wrong call"
    run "$CKPT" resume --no-gc 1
    is "$status" 2 "$V: resume with an unknown option is a wrong call"
    run "$HOOK"
    like "$status/$err" "^2/.*--action-script" "$V: the hook that criu has not started says what it is for"
}

body() {
    export DIR CP
    generations
    refused
    continues
    tree
    commands
}
each_jdk body
done_testing
