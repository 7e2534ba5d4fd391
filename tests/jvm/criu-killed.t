#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Processes of a checkpoint by criu that are killed: the command, after which its keeper lets the JVM
# continue; both, after which the JVM continues by itself; and the keeper alone, which the checkpoint does
# not need.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-peer.sh"

# A criu that waits before it dumps, until $TMP/go can be read; it says so in $TMP/waits.
cat >"$TMP/slow-criu" <<'SHELL'
#!/bin/bash
count=$(cat "$0.count" 2>/dev/null || echo 0)
echo $((count + 1)) >"$0.count"
[ "$count" -lt "$(cat "$0.skip")" ] || { echo waits >"$0.waits"; read -r _ <"$0.go"; }
exec "$(cat "$0.real")" "$@"
SHELL
chmod +x "$TMP/slow-criu"
echo "$CRIU" >"$TMP/slow-criu.real"
mkfifo "$TMP/slow-criu.go"

# hung WHAT: starts a checkpoint with a criu that waits before it dumps. Sets driver and keeper.
hung() {
    local child
    rm -f "$TMP/slow-criu".{count,waits}
    "$CKPT" checkpoint --engine=criu "--criu=$TMP/slow-criu" --tcp-established "$jvm" "$DIR/image" \
        >"$DIR/hung.out" 2>&1 </dev/null &
    driver=$!
    tap_started+=("$driver")
    "$WAITFOR" --timeout 60 line "$TMP/slow-criu.waits" waits || fail "$1: criu is started"
    keeper=
    for child in $(<"/proc/$driver/task/$driver/children"); do
        [ "$(<"/proc/$child/comm")" = slow-criu ] || keeper=$child
    done
}

killed() {
    local what jvm driver keeper
    start_jvm "killed-$V" - -cp "$CP" Rounds "$peer"
    jvm=$pid
    wait_line "$log" "round 3"
    rm -f "$TMP/slow-criu".{count,waits}
    echo 999 >"$TMP/slow-criu.skip"
    run "$CKPT" checkpoint --engine=criu "--criu=$TMP/slow-criu" --leave-running --tcp-established "$jvm" \
        "$DIR/image"
    is "$status$out$err" 0 "$V: a first image is written"
    log=$TMP/killed-$V.log
    echo $(($(<"$TMP/slow-criu.count") - 1)) >"$TMP/slow-criu.skip"

    what="$V: the command is killed"
    hung "$what"
    kill -KILL "$driver"
    wait_exit "$driver" || true
    continues "$what" 2
    run "$CKPT" inspect --verify "$DIR/image"
    is "$status" 0 "$what: the first image is whole"

    what="$V: the command and its keeper are killed"
    hung "$what"
    ok "$what: there is a keeper" test -n "$keeper"
    kill -KILL "$keeper" "$driver"
    wait_exit "$driver" || true
    continues "$what" 3 # its output arrives in the file to which it was redirected
    run "$CKPT" inspect --verify "$DIR/image"
    is "$status" 0 "$what: the first image is whole"

    run "$CKPT" checkpoint --leave-running "$jvm" "$DIR/again"
    contains "$err" "TCP" "$what: the JVM takes requests again (this one is refused for its connection)"
    stop "$jvm"
}

killed_keeper() {
    local what="$V: the keeper is killed" jvm driver keeper
    start_jvm "keeper-$V" - -cp "$CP" Rounds "$peer"
    jvm=$pid
    wait_line "$log" "round 3"
    hung "$what"
    kill -KILL "$keeper"
    echo go >"$TMP/slow-criu.go"
    wait_exit "$driver" 120 || true
    is "$status$(<"$DIR/hung.out")" 0 "$what: the checkpoint ends as usual"
    wait_exit "$jvm" || true
    not_ok "$what: the JVM's socket is removed" compgen -G "/tmp/.checkpointer_*_${jvm}N*"
    restore "keeper-$V" "--criu=$CRIU" "$DIR/image"
    ok "$what: the image is whole" wait_line "$log" "after"
    stop "$pid"
}

each_jdk killed
each_jdk killed_keeper
done_testing
