#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Dumps by criu that fail: the JVM continues with its connections and streams, the hooks are undone,
# the requester learns why, and an older image stays whole. And images that cannot be restored.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-peer.sh"

refused_dumps() {
    local what
    start_jvm "refused-$V" - -cp "$CP" Rounds "$peer"
    wait_line "$log" "round 3"

    run "$CKPT" checkpoint --tcp-established "$pid" "$DIR/image"
    contains "$status$err" "are for --engine=criu" "$V: an option of criu's without --engine=criu is refused"
    run "$CKPT" checkpoint --engine=other "$pid" "$DIR/image"
    like "$status$err" "^2.*there is no engine 'other'.*--help" "$V: an unknown engine is wrong usage"

    what="$V: a program that is no criu"
    run "$CKPT" checkpoint --engine=criu --criu=/bin/false "$pid" "$DIR/image"
    like "$status$out$err" '^1checkpointer: .*/bin/false' "$what: is refused"
    continues "$what" 0

    what="$V: an option of criu's that would leave the JVM stopped"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --criu-option=--leave-stopped "$pid" "$DIR/image"
    like "$status$err" "^1checkpointer: .*'--leave-stopped' cannot be given" "$what: is refused"
    continues "$what" 0

    what="$V: an option that criu does not have"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --criu-option=no-such-option "$pid" "$DIR/image"
    refused "$what: is refused in one line that names it" \
        "^checkpointer: criu cannot accept its option 'no-such-option': unrecognized .*; see 'criu --help'$"
    not_ok "$what: no image directory is made" test -e "$DIR/image"
    continues "$what" 0

    what="$V: a directory without room"
    mkdir -p "$DIR/small"
    mount -t tmpfs -o size=1m,mode=700 none "$DIR/small"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --tcp-established "$pid" "$DIR/small"
    is "${status}${err%%,*}" "1checkpointer: checkpoint cancelled" "$what: is refused"
    continues "$what" 1
    not_ok "$what: nothing but the log stays" compgen -G "$DIR/small/criu-*"
    umount "$DIR/small"
    stop "$pid"
}

# Wrong paths and options that the JVM is started with.
wrong_start() {
    local what
    run "$CKPT" run --engine=criu --criu=/nonexistent -- "$JAVA" -version
    refused "$V: run does not start the JVM with a path at which there is no criu" \
        "^checkpointer: criu '/nonexistent' cannot be started: no such file .*; name the program with --criu$"
    run "$CKPT" run --engine=criu --criu=/bin/false -- "$JAVA" -version
    refused "$V: run does not start the JVM with a program that is not criu" "'/bin/false' does not work"
    run "$CKPT" run --engine=criu "--criu=$CRIU" --criu-option=no-such-option -- "$JAVA" -version
    refused "$V: run does not start the JVM with an option that criu does not have" \
        "cannot accept its option 'no-such-option'"
    run "$CKPT" run --option addr=none --engine=criu "--criu=$CRIU" --criu-option=file-locks -- \
        "$JAVA" -version
    is "$status$out" 0 "$V: run starts the JVM with an option that criu has"
    not_ok "$V: run says nothing then" grep checkpointer <<<"$err"

    OPTIONS=(addr=none engine=criu criu=/nonexistent)
    start_jvm "path-$V" - -jar "$SIMPLE"
    ok "$V: a wrong path as an option of the agent: the application runs" wait_line "$log" 3
    is "$(grep checkpointer "$log")" "checkpointer: warning: checkpoints by criu will fail: criu \
'/nonexistent' cannot be started: no such file or directory; name the program with the agent option criu" \
        "$V: a wrong path as an option of the agent: a warning at the start has a hint"
    stop "$pid"

    what="$V: the agent's option criu_option that criu does not have"
    OPTIONS=(addr=none engine=criu "criu=$CRIU" criu_option=no-such-option)
    start_jvm "option-$V" - -cp "$CP" Rounds "$peer"
    OPTIONS=(addr=none)
    wait_line "$log" "round 3"
    run "$CKPT" checkpoint "$pid" "$DIR/image"
    is "$status$out$err" "1checkpointer: checkpoint cancelled, the application continues:
  criu cannot accept its option 'no-such-option': unrecognized option '--no-such-option'; see 'criu --help'" \
        "$what: is refused with its name"
    continues "$what" 0
    stop "$pid"
}

damaged() {
    local jvm pages
    start_jvm "damaged-$V" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$pid" "$DIR/damaged"
    is "$status$out$err" 0 "$V: the JVM is dumped"
    wait_exit "$pid"
    run "$CKPT" restore "--criu=$CRIU" --time=host "$DIR/damaged"
    refused "$V: an option that has no counterpart is refused" "'--time'"
    run "$CKPT" restore "--criu=$CRIU" --criu-option=no-such-option "$DIR/damaged"
    refused "$V: restore refuses an option that criu does not have" "its option 'no-such-option'"
    run "$CKPT" restore --missing=exception "$DIR/damaged"
    refused "$V: --missing=exception has no counterpart with criu" "'--missing=exception'"
    chmod go+w "$DIR/damaged"/criu-*
    run "$CKPT" restore "--criu=$CRIU" "$DIR/damaged"
    refused "$V: files of criu's that others may write are refused" "others may write"
    chmod go-w "$DIR/damaged"/criu-*
    mv "$DIR/damaged"/criu-*/hsperfdata "$DIR/hsperfdata"
    run "$CKPT" restore "--criu=$CRIU" "$DIR/damaged"
    refused "$V: an image without its copy of hsperfdata is refused" "file 'hsperfdata' cannot be read"
    cp "$DIR/hsperfdata" "$(echo "$DIR/damaged"/criu-*)/"
    truncate -s -8 "$DIR/damaged"/criu-*/hsperfdata
    run "$CKPT" restore "--criu=$CRIU" "$DIR/damaged"
    refused "$V: a copy of hsperfdata that was cut short is refused" "'hsperfdata' has [0-9]+ bytes, and had"
    cp "$DIR/hsperfdata" "$(echo "$DIR/damaged"/criu-*)/"
    printf X | dd of="$(echo "$DIR/damaged"/criu-*/hsperfdata)" bs=1 seek=100 conv=notrunc status=none
    run "$CKPT" restore "--criu=$CRIU" "$DIR/damaged"
    refused "$V: a copy of hsperfdata with another content is refused" "'hsperfdata' was changed"
    run "$CKPT" inspect --verify "$DIR/damaged"
    like "$status$err" "^1.*'hsperfdata' was changed" "$V: inspect --verify finds it"
    cp "$DIR/hsperfdata" "$(echo "$DIR/damaged"/criu-*)/"
    chmod 0666 "$DIR/damaged"/criu-*/hsperfdata
    run "$CKPT" restore "--criu=$CRIU" "$DIR/damaged"
    refused "$V: a copy of hsperfdata that others may write is refused" "others may write .*'hsperfdata'"
    chmod 0600 "$DIR/damaged"/criu-*/hsperfdata
    pages=$(ls "$DIR/damaged"/criu-*/pages-1.img)
    chmod 0666 "$pages"
    run "$CKPT" restore "--criu=$CRIU" "$DIR/damaged"
    refused "$V: one file of criu's that others may write is refused" \
        "others may write the image's file 'pages-1.img'"
    run "$CKPT" inspect "$DIR/damaged"
    contains "$out" "pages-1.img' (mode 0666)" "$V: inspect reports a file of criu's that others may write"
    chmod 0600 "$pages"
    if chown 12345 "$pages" 2>/dev/null; then
        run "$CKPT" restore "--criu=$CRIU" "$DIR/damaged"
        refused "$V: a file of criu's that belongs to another user is refused" "belongs to user 12345"
        chown "$(id -u)" "$pages"
    else
        skip "$V: a file of criu's that belongs to another user is refused" "only root may give files away"
    fi
    truncate -s -4096 "$pages"
    run "$CKPT" restore "--criu=$CRIU" "$DIR/damaged"
    refused "$V: a file of criu's that was cut short is refused" "pages-1.img"
}

# The two engines take turns in one directory: nothing of the older image stays.
engines_in_turn() {
    start_jvm "turns-$V" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --leave-running "$pid" "$DIR/turns"
    is "$status$out$err" 0 "$V: an image of criu"
    ok "$V: an image of criu has a sub-folder" compgen -G "$DIR/turns/criu-*"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/turns"
    is "$status$out$err" 0 "$V: an image of the built-in engine replaces it"
    is "$(ls -A "$DIR/turns")" $'image\nmanifest.json' "$V: nothing of criu's image stays"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" --leave-running "$pid" "$DIR/turns"
    is "$status$out$err" 0 "$V: an image of criu replaces that"
    is "$(ls -A "$DIR/turns" | sed 's/^criu-.*/criu/')" $'criu\ndump.log\nimage\nmanifest.json' \
        "$V: nothing of the built-in engine's image stays"
    contains "$(<"$DIR/turns/manifest.json")" '"criu"' "$V: the manifest is that of the new image"
    stop "$pid"
}

# The first process of a PID namespace: criu would restore it only with that namespace.
first_process() {
    local jvm
    start "first-$V" unshare --pid --mount-proc --fork --kill-child=KILL \
        "$CKPT" run --option addr=none -- "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    jvm=$(pgrep -P "$pid")
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/first"
    contains "$status$out$err" "in another PID namespace" "$V: the JVM of another PID namespace is refused"
    not_ok "$V: the refusal leaves no image directory" test -e "$DIR/first"
    run "$CKPT" check --engine=criu "--criu=$CRIU" "$jvm"
    like "$status$out" "^1.*no +engine: .*another PID namespace" "$V: check says the same before"
    run nsenter --target "$jvm" --pid --mount "$CKPT" checkpoint --engine=criu "--criu=$CRIU" 1 "$DIR/first"
    contains "$status$out$err" "process 1 of its PID namespace" \
        "$V: the first process of a PID namespace is refused"
    is "$(count_lines "$log" before)" 0 "$V: no hook of a process that criu could not restore was called"
    ok "$V: a JVM that is the first process continues after the refusals" \
        wait_line "$log" $(($(count_lines "$log" .) + 3))
    stop "$pid"
}

# A child in another namespace: criu would dump it, and never restore the image.
sandboxed_child() {
    # shellcheck disable=SC2016
    CONFINE=(bash -c 'unshare --net tail -f /dev/null & exec "$@"' -)
    start_jvm "sandboxed-$V" - -jar "$SIMPLE" --period 20
    CONFINE=()
    wait_line "$log" 3
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$pid" "$DIR/sandboxed"
    refused "$V: a JVM is refused whose child is in another namespace" \
        "child process $(pgrep -P "$pid") \('tail'\) is in another namespace \(net\) than the JVM"
    not_ok "$V: that refusal leaves no image directory" test -e "$DIR/sandboxed"
    run "$CKPT" check --engine=criu "--criu=$CRIU" "$pid"
    like "$status$out" "^1.*no +engine: .*another namespace \(net\)" "$V: check finds that child before"
    is "$(count_lines "$log" before)" 0 "$V: no hook was called for that child"
    kill "$(pgrep -P "$pid")"
    stop "$pid"
}

# Children that end while they are looked at.
ending_children() {
    local try bad=0
    # shellcheck disable=SC2016
    CONFINE=(bash -c 'bash -c "while :; do (:) & (:) & wait; done" & exec "$@"' -)
    start_jvm "ending-$V" - -jar "$SIMPLE" --period 20
    CONFINE=()
    wait_line "$log" 3
    for ((try = 0; try < 60; try++)); do
        run "$CKPT" check --engine=criu "--criu=$CRIU" "$pid"
        [[ $out$err != *"another namespace"* ]] || { diag "$out$err" && bad=$((bad + 1)); }
    done
    is "$bad" 0 "$V: a child that has just ended is in no other namespace"
    kill "$(pgrep -P "$pid")"
    stop "$pid"
}

each_jdk refused_dumps
each_jdk wrong_start
each_jdk sandboxed_child
each_jdk ending_children
each_jdk first_process
each_jdk engines_in_turn
each_jdk damaged
done_testing
