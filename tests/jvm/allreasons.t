#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A refused checkpoint reports all that prevents it at once: hooks that fail, descriptors, child
# processes, and an image directory that cannot be used, to every requester.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Refuse
start_relay

get() { # PATH
    curl -sS --max-time 60 "http://127.0.0.1:$port$1" 2>&1
}

# begin NAME OBSTACLES [PATH]: sets image and port.
begin() {
    image=$DIR/image-$1
    start_jvm "$V $1" "$image" "-Drelay=$relay" -cp "$CP" Refuse "$2" "${@:3}"
    wait_line "$log" "ready " && port=$(port_of "$log" "ready")
}

# Without the obstacles the JVM that was refused is frozen and restored.
then_works() { # NAME
    is "$(get /)" serving "$V: $1: the application serves after the refusals"
    is "$(get /release)" released "$V: $1: the program removes the obstacles"
    freeze "$pid" "$image" "$V: $1, without the obstacles" || return
    restore "$V $1" "$image"
    ok "$V: $1: the JVM is frozen and restored without the obstacles" answers "$port"
    stop "$pid"
}

CONNECTION='is a TCP connection from 127'
HOOK='the first hook has its reasons'

hook_and_descriptors() {
    local reply what endpoint
    endpoint=$(free_port)
    OPTIONS=("addr=localhost:$endpoint")
    begin hook hook+tcp+device+child
    OPTIONS=(addr=none)
    run "$CKPT" checkpoint "$pid" "$image"
    reply=$(curl -sS --max-time 60 -X POST "http://localhost:$endpoint/checkpoint" 2>&1)
    for what in "$HOOK" "$CONNECTION" "is '/dev/ptmx'" ' runs; end it in a beforeCheckpoint hook'; do
        contains "$err" "$what" "$V: the command reports a hook's failure and descriptors: $what"
        contains "$reply" "$what" "$V: the endpoint reports a hook's failure and descriptors: $what"
    done
    reply=$(get /own)
    contains "$reply" "IllegalStateException: $HOOK" \
        "$V: checkpointRestore() suppresses the exception of the hook"
    contains "$reply" "CheckpointOpenSocketException: descriptor" \
        "$V: checkpointRestore() suppresses an exception for an open socket although a hook fails"
    is "$(grep -c -E '^(before|after) ' "$log")" 12 \
        "$V: the hooks before and after are called once for each request that fails"
    is "$(find "$image" -type f 2>/dev/null)" "" "$V: no file of a request whose hook failed is left"
    then_works hook
}

# The directory is examined after the hooks, because making it is a part of the checkpoint.
directory_and_descriptors() {
    begin directory tcp+hook
    mkdir -p "$image" && chmod 777 "$image"
    run "$CKPT" checkpoint "$pid" "$image"
    contains "$err" "other users may write in the image directory" \
        "$V: an image directory that cannot be used is reported although a hook fails"
    contains "$err" "$HOOK" "$V: a hook's failure is reported although the directory cannot be used"
    contains "$err" "$CONNECTION" "$V: a descriptor is reported although the directory cannot be used"
    run "$CKPT" checkpoint "$pid" "$DIR/no/such/directory"
    contains "$err" "cannot make the image directory" \
        "$V: an image directory that cannot be made is reported although a hook fails"
    contains "$err" "$CONNECTION" "$V: a descriptor is reported although the directory cannot be made"
    chmod 700 "$image"
    then_works directory
}

# An option that is wrong must not hide what the application has to change.
options_and_descriptors() {
    printf 'type: file\npath: /nonexistent\naction: error\n' >"$DIR/policies"
    OPTIONS=(addr=none "policies=$DIR/policies")
    begin policies tcp
    OPTIONS=(addr=none)
    printf 'type: nonsense\n' >"$DIR/policies"
    run "$CKPT" checkpoint "$pid" "$image"
    like "$err" "$DIR/policies:1" "$V: a policy file that is wrong is reported"
    unlike "$err" "$CONNECTION" \
        "$V: without its rules, which may allow them, no descriptor is reported as an obstacle"
    stop "$pid"
}

# What is called criu is not run for a hint.
other_engine() {
    mkdir -p "$DIR/bin"
    printf '#!/bin/sh\n' >"$DIR/bin/criu"
    chmod 755 "$DIR/bin/criu"
    PATH=$DIR/bin:$PATH begin engine tcp+child+watch "$DIR"
    run "$CKPT" checkpoint "$pid" "$image"
    like "$err" "installed, can keep child processes and connections; use \
'checkpointer checkpoint --engine=criu --tcp-established'" \
        "$V: a refusal names the engine criu for all that it can keep"
    get /release >/dev/null
    run "$CKPT" checkpoint "$pid" "$DIR/no/such/directory"
    unlike "$err" "engine criu" "$V: a refusal for which criu is no remedy does not name it"
    stop "$pid"
    mkfifo "$DIR/fifo"
    exec 6<>"$DIR/fifo"
    PATH=$DIR/bin:$PATH begin fifo fifo "$DIR/fifo"
    run "$CKPT" checkpoint "$pid" "$image"
    contains "$err" "can keep named pipes; use 'checkpointer checkpoint --engine=criu'" \
        "$V: a refusal names the engine criu for a named pipe"
    exec 6>&-
    stop "$pid"
}

body() {
    hook_and_descriptors
    directory_and_descriptors
    options_and_descriptors
    other_engine
}
each_jdk body
done_testing
