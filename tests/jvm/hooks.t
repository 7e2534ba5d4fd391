#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Hooks that hang: a report with the resource, its thread's stack and the holder of the lock goes to
# standard error and to the requester; the checkpoint is called off, no thread waits without limit, the
# JVM continues.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Hooks

get() { # PATH
    curl -sS --max-time 60 "http://127.0.0.1:$port$1" 2>&1
}

# begin MODE [OPTION]: starts Hooks, with a limit of a second unless given; sets name, image, port.
begin() {
    name="$V: $*"
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

ask() { # EXTRA...: a checkpoint that should take little longer than the limit and its grace time
    RUN_SECONDS=20 run "$CKPT" checkpoint "$@" "$pid" "$image"
}

calls() {
    grep -E '^(before|after) ' "$log" | tr '\n' ' '
}

ALL="before third before second before first after first after second after third "

# A hook that an interrupt ends: all hooks are notified, and the interrupt leaves no trace.
interruptible() {
    begin interruptible
    ask
    is "$status" 1 "$name: a hook that hangs calls the checkpoint off"
    like "$err" 'Hooks.Hanging.beforeCheckpoint of resource [^ ]*@[0-9a-f]+ has been running for 1 s' \
        "$name: the requester gets the hook and the resource"
    like "$err" "hook_timeout=1.*interrupted.*thread 'checkpointer request', WAITING:" \
        "$name: the requester gets the limit and the thread's state"
    like "$err" 'at (app//)?Hooks.Hanging.beforeCheckpoint\(Hooks.java:[0-9]+\)' \
        "$name: the requester gets the stack of the hook"
    like "$err" 'did not return within 1 s.*caused by java.lang.InterruptedException' \
        "$name: the requester gets the hook's exception"
    contains "$(<"$log")" "checkpointer: warning: Hooks\$Hanging.beforeCheckpoint of resource" \
        "$name: the report is on standard error"
    is "$(calls)" "$ALL" "$name: all hooks are notified"
    like "$(get /own)" '^CheckpointException.Hooks.Hanging.beforeCheckpoint of .* did not return within 1 s' \
        "$name: the application gets an exception"
    unlike "$(get /own)" interrupted "$name: the application's thread is not left interrupted"
    is "$(get /)" serving "$name: the application serves after the refusal"
    release
    freeze "$pid" "$image" "$name" && restore "$name" "$image"
    ok "$name: a checkpoint after the hook has returned is restored" answers "$port"
    stop "$pid"
}

# A hook that does not react: requesters get an answer nevertheless, later ones too.
stubborn() {
    local own
    begin stubborn
    ask
    is "$status" 1 "$name: a hook that ignores its interrupt: the requester gets an answer"
    like "$err" 'does not react to the interrupt; the application continues' \
        "$name: the answer reports that the hook does not react"
    ask
    is "$status" 1 "$name: a second request while the hook hangs gets an answer"
    like "$err" 'another checkpoint is in progress: Hooks.Hanging.beforeCheckpoint of .* for [0-9]+ s' \
        "$name: a second request gets the name of the hook"
    like "$(get /own)" '^CheckpointException.another checkpoint is in progress: Hooks.Hanging' \
        "$name: a request of the application gets the name of the hook"
    is "$(get /)" serving "$name: the application serves while the hook hangs"
    is "$(calls)" "before third before second " "$name: the other hooks wait for the one that hangs"
    release
    wait_line "$log" "has returned after" && wait_line "$log" "after third"
    is "$(calls)" "$ALL" "$name: all hooks are notified when it returns"
    freeze "$pid" "$image" "$name" && restore "$name" "$image"
    ok "$name: a checkpoint after the late return is restored" answers "$port"
    stop "$pid"
}

locked() {
    begin lock
    ask
    is "$status" 1 "$name: a hook that waits for a lock calls the checkpoint off"
    like "$err" 'WAITING:.*Hooks.Hanging.contend' "$name: the report has the stack of the hook"
    like "$err" "held elsewhere:.*thread 'lock holder', WAITING:.*Hooks.waitUninterruptibly" \
        "$name: the report has the stack of the lock's holder"
    release
    wait_line "$log" "after third"
    freeze "$pid" "$image" "$name"
}

# A thread that a hook waits for asks for a checkpoint: neither could ever continue.
deadlock() {
    begin thread
    ask
    is "$status" 1 "$name: a hook that waits for a requester calls the checkpoint off"
    like "$err" "thread 'asker' is in checkpointRestore\(\) and waits for this checkpoint to end" \
        "$name: the report names the thread that waits for this checkpoint"
    wait_line "$log" "after third"
    contains "$(<"$log")" "asked: CheckpointException" \
        "$name: the thread that the hook waits for gets an exception"
    is "$(calls)" "$ALL" "$name: all hooks are called and undone"
    release
    freeze "$pid" "$image" "$name"
}

# After a restore there is nothing to call off: the hook is reported, and the JVM lives.
after() {
    begin after
    freeze "$pid" "$image" "$name" || return
    restore "$name" "$image"
    wait_line "$log" "is still running, after" ||
        fail "$name: an afterRestore that hangs is reported repeatedly" "$(<"$log")"
    contains "$(<"$log")" "Hooks\$Hanging.afterRestore of resource" \
        "$name: an afterRestore that hangs is named"
    contains "$(<"$log")" "it is not interrupted" "$name: an afterRestore that hangs is left running"
    is "$(get /)" serving "$name: the JVM serves while afterRestore hangs"
    ask
    like "$err" 'another checkpoint is in progress: Hooks.Hanging.afterRestore' \
        "$name: a request while afterRestore hangs is refused"
    release
    wait_line "$log" "after third"
    contains "$(<"$log")" "has returned after" "$name: the return of a late afterRestore is reported"
    freeze "$pid" "$image" "$name"
    stop "$pid"
}

# As many requests as there may be, after one whose hook is slow but does not hang.
crowd() {
    local number waiting=()
    begin stubborn hook_timeout=60
    start "$V first" "$CKPT" checkpoint "$jvm" "$image"
    wait_line "$jvm_log" "before second"
    waiting=("$pid")
    for number in second third; do
        start "$V $number" "$CKPT" checkpoint "$jvm" "$image-$number"
        waiting+=("$pid")
    done
    start "$V fourth" python3 "$TOP/tests/lib/control-client.py" "$(control_socket "$jvm")" prepare
    waiting+=("$pid")
    until [ "$(cat "/proc/$jvm"/task/*/comm | grep -cx 'ckpt request')" = 4 ]; do
        [ -d "/proc/$jvm" ] || break
    done
    run "$CKPT" checkpoint "$jvm" "$image"
    like "$err" 'too many requests' "$V: crowd: a fifth request is refused"
    release
    wait_exit "${waiting[0]}"
    is "$status" 0 "$V: crowd: the first request is served"
    wait_exit "${waiting[3]}"
    for number in 1 2; do
        wait_exit "${waiting[number]}"
        is "$status" 1 "$V: crowd: request $((number + 1)) is not served"
    done
    contains "$(<"$TMP/$V third.log")" "the JVM was frozen for another request before this one" \
        "$V: crowd: a request that is not served gets the reason"
    restore "$V crowd" "$image"
    ok "$V: crowd: an image with three more requests in it is restored" answers "$port"
    freeze "$pid" "$image" "$V: crowd: the restored JVM, in which no request of the old one is served"
}

# A hook that leaves no memory for a report: the outcome is known, and has a reason.
full() {
    name="$V: full" image=$DIR/full
    OPTIONS=(addr=none hook_timeout=60)
    start_jvm "$name" "$image" -Xmx24m -cp "$CP" Hooks full "$image.go"
    wait_line "$log" "ready "
    ask --leave-running
    is "$status" 1 "$name: a hook that fills the heap and throws: the request fails"
    like "$err" 'the image is written, but afterRestore failed:.*[a-z]' \
        "$name: a hook that fills the heap and throws: the outcome is reported with a reason"
    unlike "$err" 'failed:[^a-zA-Z]*$' "$name: a hook that fills the heap and throws: a reason follows"
    ok "$name: a hook that fills the heap and throws: the image is there" test -e "$image/image"
    ask --leave-running
    like "$err" ':.*[a-z]' "$name: a later request with a full heap gets a reason"
    unlike "$err" 'in progress' "$name: a later request with a full heap waits for no other"
    stop "$pid"
}

body() {
    crowd
    interruptible
    stubborn
    locked
    deadlock
    after
    full
}

each_jdk body
done_testing
