#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The engine criu with a real criu: checkpoints and restores of the counter over three generations, by
# `checkpoint --engine=criu PID DIR` and by its own request; what the parent of the restored process
# sees; a JVM that continues, after its image is written and after a dump that fails.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
compile Rounds
BY_CRIU=(--engine=criu "--criu=$CRIU")

# dump PID DIR WHAT: has criu dump JVM PID; pid is what this shell started, the JVM or its `restore`.
dump() {
    run "$CKPT" checkpoint "${BY_CRIU[@]}" "$1" "$2"
    is "$status$out$err" 0 "$3: the checkpoint succeeds" || return
    wait_exit "$pid"
    is "$status" 137 "$3: the JVM ends with 137, and so does the restore that is its parent"
}

by_pid() {
    local image=$DIR/pid generation first
    start_jvm "pid-$V" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    first=$pid
    run "$CKPT" check "${BY_CRIU[@]}" "$first"
    is "$status$err" 0 "$V: check says that criu can freeze this JVM" || diag "$out"
    like "$out" "ok +engine: criu can freeze this JVM" "$V: check has a line on criu and this JVM"
    for generation in 1 2 3; do
        dump "$first" "$image" "$V: generation $generation" || return
        restore "pid-$V" "--criu=$CRIU" "$image"
        wait_more "$log" 2 || fail "$V: generation $generation continues to count"
    done
    pass "$V: three generations are dumped and restored by criu"
    is "$(ps -o ppid= -p "$first" | tr -d ' ')" "$pid" \
        "$V: the restored JVM has its old PID, and is a child of restore"
    stop "$pid"
    is "$status" 143 "$V: SIGTERM to restore ends the JVM, and restore with the JVM's status"
    not_ok "$V: the JVM has ended" kill -0 "$first"
    in_sequence "$log" "$V: no number is lost or printed twice"
    is "$(count_lines "$log" "before checkpoint")/$(count_lines "$log" "after restore")" 3/3 \
        "$V: the hooks are called in each generation"
    is "$(cd "$image" && stat -c '%n %a' . * | sed 's/criu-[0-9a-f]*/criu-ID/')" \
        $'. 700\ncriu-ID 700\ndump.log 600\nimage 600\nmanifest.json 600' \
        "$V: only the owner may read the image, which has the files of the last dump only"
    is "$(find /tmp -maxdepth 1 -name '.checkpointer_*')" "" "$V: no socket is left in /tmp"
}

inspected() {
    local image=$DIR/pid
    run "$CKPT" inspect "$image"
    like "$status$out" $'^0.*\n +restore +possible here: .*\n +not compared: criu ' \
        "$V: inspect shows the image of criu"
    contains "$out" "Descriptors, files and mappings are in criu's files, which 'crit x' shows." \
        "$V: inspect says that it does not know the content of criu's files"
    unlike "$out" "Descriptors: 0|Files: 0|0 runs|0 mappings" \
        "$V: inspect gives no number that it does not know"
    contains "$out" "generation 2: restored 2 times" "$V: inspect shows the generation"
    run "$CKPT" inspect --verify --json "$image"
    like "$status$out" '^0.*"engine": "criu"' "$V: inspect --json names the engine"
    is "$(python3 -c '
import json, sys
d = json.load(sys.stdin)
print(d["java"] != "", sum(t["leader"] for t in d["threads"]), sorted(d["threads"][0]), sorted(d["sizes"]))
for member in "descriptors", "files", "memory_files", "mappings", "processor_features":
    print(member if member in d else "-", end=" ")' <<<"$out")" \
        $'True 1 [\'leader\', \'name\', \'tid\'] [\'image\', \'metadata\', \'pages\']\n- - - - - ' \
        "$V: inspect --json leaves out what only criu's files have"
    run "$CKPT" restore --dry-run "--criu=$CRIU" "$image"
    is "$status$out" "0'$image' would be restored here" "$V: --dry-run finds that criu would restore it"
    run "$CKPT" restore --engine=builtin "$image"
    refused "$V: the image decides about the engine" "made by the engine 'criu', which also restores it"
}

# What the built-in engine refuses and criu would keep: the refusal says so where criu is installed.
hint() {
    PATH=$(dirname "$CRIU"):$PATH start_jvm "hint-$V" - -cp "$CP" Rounds child
    wait_line "$log" "round 3"
    run "$CKPT" checkpoint "$pid" "$DIR/hint"
    like "$status$err" '^1.*the child process [0-9]+ .* runs.*--engine=criu' \
        "$V: a refusal for a child process names the engine criu"
    stop "$pid"
}

labels() {
    local jvm
    start_jvm "labels-$V" - -jar "$SIMPLE" --period 20
    jvm=$pid
    wait_line "$log" 3
    run "$CKPT" checkpoint "${BY_CRIU[@]}" --label a=b --label c=d "$jvm" "$DIR/labels-%p"
    is "$status$out$err" "0$DIR/labels-$jvm" "$V: labels, patterns: the name of the directory is printed"
    wait_exit "$pid"
    contains "$("$CKPT" inspect "$DIR/labels-$jvm")" "a=b" "$V: labels: inspect shows them"
    run "$CKPT" restore "--criu=$CRIU" --require-label c=e "$DIR/labels-$jvm"
    refused "$V: labels: a restore that requires another one is refused" "c=e"
    restore "labels-$V" "--criu=$CRIU" --require-label c=d --image "$DIR/next" "$DIR/labels-$jvm"
    wait_more "$log" 2
    run "$CKPT" checkpoint "${BY_CRIU[@]}" "$pid" "$DIR/labels"
    is "$status$out$err" 0 "$V: the PID of restore stands for the JVM's"
    wait_exit "$pid"
}

own_request() {
    local generation
    OPTIONS=(addr=none engine=criu "criu=$CRIU")
    start_jvm "own-$V" "$DIR/own" -jar "$SIMPLE" --period 20 --checkpoint-at 3,6 --until 9
    OPTIONS=(addr=none)
    wait_exit "$pid"
    is "$status" 137 "$V: own request: criu ends the JVM with 137"
    for generation in 1 2; do
        restore "own-$V" "--criu=$CRIU" "$DIR/own"
        wait_exit "$pid"
        [ "$generation" = 2 ] || is "$status" 137 \
            "$V: own request: generation $generation ends with 137 when it is frozen"
    done
    is "$status" 0 "$V: own request: the last generation ends with 0"
    is "$(<"$log")" "$(printf '%s\n' 1 2 3 "before checkpoint" "after restore" 4 5 6 \
        "before checkpoint" "after restore" 7 8 9)" \
        "$V: own request: it counts through two generations, with each hook called once"
}

leave_running() {
    local image=$DIR/leave
    start_jvm "leave-$V" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint "${BY_CRIU[@]}" --leave-running "$pid" "$image"
    is "$status$err" 0 "$V: --leave-running: the checkpoint succeeds"
    wait_line "$log" "after restore"
    ok "$V: --leave-running: the JVM continues" wait_more "$log" 2
    run "$CKPT" restore "--criu=$CRIU" "$image"
    refused "$V: a PID in use is named" "process ID $pid, .* is that of 'java'"
    dump "$pid" "$DIR/leave-2" "$V: --leave-running: it is frozen again" || return
    restore "left-$V" "--criu=$CRIU" "$image"
    ok "$V: --leave-running: the image is restored" wait_line "$log" "after restore"
    ok "$V: --leave-running: what is restored counts" \
        wait_more "$log" 2
    stop "$pid"
}

each_jdk by_pid
each_jdk inspected
each_jdk hint
each_jdk labels
each_jdk own_request
each_jdk leave_running
done_testing
