#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# With -Xcheck:jni the JVM checks each JNI call of the agent, and reports no error: at the start, in
# checkpoints that succeed, that are called off and that a hook delays, and in a restored process with
# new properties, a new environment, a new main class and many threads.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Hooks NewLife Renew Load
COMPLAINT='^(WARNING|FATAL ERROR).*(JNI|native method)|exceeds capacity'

# no_complaint NAME: the log of the program has no error of -Xcheck:jni.
no_complaint() {
    is "$(grep -E -A 4 "$COMPLAINT" "$TMP/$1.log")" "" "$V: -Xcheck:jni reports no error: ${1%-*}"
}

new_life() {
    local name=life-$V
    OPTIONS=(addr=none fd_stacks=true)
    start_jvm "$name" "$DIR/life" -Xcheck:jni -cp "$CP" NewLife core X
    wait_exit "$pid"
    restore "$name" "$DIR/life" -DX=new --clear-env --env A=1 --env B=2 -- 'NewLife$Second' argument
    wait_exit "$pid"
    contains "$(<"$log")" "second argument =[argument]" \
        "$V: restore with a new main class runs it under -Xcheck:jni"
    no_complaint "$name"
}

held_up() {
    local name=held-$V
    OPTIONS=(addr=none hook_timeout=1)
    start_jvm "$name" "$DIR/held" -Xcheck:jni -cp "$CP" Hooks lock "$DIR/go"
    wait_line "$log" "ready "
    RUN_SECONDS=20 run "$CKPT" checkpoint "$pid" "$DIR/held"
    contains "$err" "waits for a lock that is held elsewhere" \
        "$V: a hook that waits for a lock is reported under -Xcheck:jni"
    touch "$DIR/go"
    stop "$pid"
    no_complaint "$name"
}

generators() {
    local name=generators-$V
    OPTIONS=(addr=none)
    start_jvm "$name" - -Xcheck:jni -cp "$CP" Renew
    wait_line "$log" ready
    freeze "$pid" "$DIR/image" "$V: generators"
    restore "$name" "$DIR/image"
    wait_exit "$pid"
    is "$(tail -n 1 "$log")" "done" "$V: random generators are renewed under -Xcheck:jni"
    no_complaint "$name"
}

threads() {
    local name=threads-$V
    start_jvm "$name" - -Xcheck:jni -cp "$CP" Load --live 4 --threads 60
    wait_line "$log" "round 3"
    freeze "$pid" "$DIR/threads" "$V: many threads"
    restore "$name" "$DIR/threads"
    wait_line "$log" "round " --from "$(stat -c %s "$log")"
    stop "$pid"
    no_complaint "$name"
}
each_jdk new_life
each_jdk held_up
each_jdk generators
each_jdk threads
done_testing
