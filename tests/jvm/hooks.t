#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Hooks that hang: a report names the resource, its thread's stack and who holds the lock, to standard
# error and to the requester; the checkpoint is called off, nobody waits for ever, the JVM goes on.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Hooks

get() { # PATH
    curl -sS --max-time 20 "http://127.0.0.1:$port$1" 2>&1
}

# begin MODE [OPTION]: starts Hooks, by default with a limit of a second; sets name, image, port.
begin() {
    name="$V $*"
    image=$DIR/${*// /-}
    OPTIONS=(addr=none "${2:-hook_timeout=1}")
    start_jvm "$name" "$image" -cp "$CP" Hooks "$1" "$image.go"
    jvm=$pid jvm_log=$log
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
}

release() {
    touch "$image.go"
    wait_line "$jvm_log" released
}

ask() { # EXTRA...: a checkpoint that should take no longer than a limit, a grace and a bit
    RUN_SECONDS=20 run "$CKPT" checkpoint "$@" "$pid" "$image"
}

calls() {
    grep -E '^(before|after) ' "$log" | tr '\n' ' '
}

ALL="before third before second before first after first after second after third "

# A hook that an interruption ends: all are notified, and nothing is left of it.
interruptible() {
    begin interruptible
    ask
    is "$status" 1 "$name: called off"
    like "$err" 'Hooks.Hanging.beforeCheckpoint of resource [^ ]*@[0-9a-f]+ has been running for 1 s' \
        "$name: the requester is told which hook of which resource"
    like "$err" "hook_timeout=1.*interrupted.*thread 'checkpointer request', WAITING:" \
        "$name: and what is done"
    like "$err" 'at (app//)?Hooks.Hanging.beforeCheckpoint\(Hooks.java:[0-9]+\)' "$name: and its stack"
    like "$err" 'did not return within 1 s.*caused by java.lang.InterruptedException' "$name: and the reason"
    contains "$(<"$log")" "checkpointer: warning: Hooks\$Hanging.beforeCheckpoint of resource" \
        "$name: standard error has the report"
    is "$(calls)" "$ALL" "$name: everyone is notified"
    like "$(get /own)" '^CheckpointException.Hooks.Hanging.beforeCheckpoint of .* did not return within 1 s' \
        "$name: the application is told by an exception"
    unlike "$(get /own)" interrupted "$name: and its thread not left interrupted"
    is "$(get /)" serving "$name: it serves"
    release
    freeze "$pid" "$image" "$name" && restore "$name" "$image"
    ok "$name: a hook that returns does not stand against the next one" answers "$port"
    stop "$pid"
}

# One that does not react: the answer comes all the same, and also to those who come later.
stubborn() {
    local own
    begin stubborn
    ask
    is "$status" 1 "$name: the requester does not wait for ever"
    like "$err" 'does not react to being interrupted; the application goes on' "$name: and is told so"
    ask
    is "$status" 1 "$name: the next request is answered too"
    like "$err" 'another checkpoint is on its way: Hooks.Hanging.beforeCheckpoint of .* for [0-9]+ s' \
        "$name: with what is in its way"
    like "$(get /own)" '^CheckpointException.another checkpoint is on its way: Hooks.Hanging' \
        "$name: the application does not wait either"
    is "$(get /)" serving "$name: it serves"
    is "$(calls)" "before third before second " "$name: the others wait for the hook"
    release
    wait_line "$log" "has returned after" && wait_line "$log" "after third"
    is "$(calls)" "$ALL" "$name: when it returns, everyone is notified"
    freeze "$pid" "$image" "$name" && restore "$name" "$image"
    ok "$name: and the next checkpoint works" answers "$port"
    stop "$pid"
}

locked() {
    begin lock
    ask
    is "$status" 1 "$name: called off"
    like "$err" 'WAITING:.*Hooks.Hanging.contend' "$name: the report has the stack"
    like "$err" "held elsewhere:.*thread 'lock holder', WAITING:.*Hooks.waitUninterruptibly" \
        "$name: and that of the lock's holder"
    release
    wait_line "$log" "after third"
    freeze "$pid" "$image" "$name"
}

# A thread that a hook waits for asks for a checkpoint: neither could ever go on.
deadlock() {
    begin thread
    ask
    is "$status" 1 "$name: called off"
    like "$err" "thread 'asker' is in checkpointRestore\(\) and waits for this checkpoint to end" \
        "$name: the report says why"
    wait_line "$log" "after third"
    contains "$(<"$log")" "asked: CheckpointException" "$name: the thread gets an exception"
    is "$(calls)" "$ALL" "$name: and all is undone"
    release
    freeze "$pid" "$image" "$name"
}

# After the restore there is nothing to call off: it is reported, and the JVM lives.
after() {
    begin after
    freeze "$pid" "$image" "$name" || return
    restore "$name" "$image"
    wait_line "$log" "is still running, after" || fail "$name: reported again" "$(<"$log")"
    contains "$(<"$log")" "Hooks\$Hanging.afterRestore of resource" "$name: the hook is named"
    contains "$(<"$log")" "it is left to run on" "$name: and left alone"
    is "$(get /)" serving "$name: the JVM lives"
    ask
    like "$err" 'another checkpoint is on its way: Hooks.Hanging.afterRestore' "$name: no other one yet"
    release
    wait_line "$log" "after third"
    contains "$(<"$log")" "has returned after" "$name: it is told when it returns"
    freeze "$pid" "$image" "$name"
    stop "$pid"
}

# As many requests as there may be, behind a hook that takes its time but does not hang.
crowd() {
    local number waiting=()
    begin stubborn hook_timeout=60
    start "$V first" "$CKPT" checkpoint "$jvm" "$image"
    wait_line "$jvm_log" "before second"
    waiting=("$pid")
    for number in second third fourth; do
        start "$V $number" "$CKPT" checkpoint "$jvm" "$image-$number"
        waiting+=("$pid")
    done
    until [ "$(cat "/proc/$jvm"/task/*/comm | grep -cx 'ckpt request')" = 4 ]; do
        [ -d "/proc/$jvm" ] || break
    done
    run "$CKPT" checkpoint "$jvm" "$image"
    like "$err" 'too many requests' "$V crowd: one more is turned away"
    release
    wait_exit "${waiting[0]}"
    is "$status" 0 "$V crowd: the first one is served"
    for number in 1 2 3; do
        wait_exit "${waiting[number]}"
        is "$status" 1 "$V crowd: the others are not"
    done
    contains "$(<"$TMP/$V third.log")" "the JVM was frozen for another request before this one" \
        "$V crowd: and are told why"
    restore "$V crowd" "$image"
    ok "$V crowd: the image with three more requests in it comes back" answers "$port"
    freeze "$pid" "$image" "$V crowd: and takes requests"
}

body() {
    crowd
    interruptible
    stubborn
    locked
    deadlock
    after
}

each_jdk body
done_testing
