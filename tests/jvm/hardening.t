#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Unusual JVMs and surroundings: threads that start and end all the time, a user in hundreds of groups,
# a mapped file that was truncated, no descriptor left, an image directory that belongs to another user
# or that several JVMs share, a restore with some capabilities but not all.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need flock setpriv prlimit
compile Hard
TEMPORARY=.checkpointer-image-0123456789abcdef
JVM_OPTIONS=(-Xmx64m "-XX:ErrorFile=$TMP/hs_err_%p.log")

# begin NAME MODE [ARGUMENT...]: starts Hard without an image directory; sets pid and log.
begin() {
    local name="$V $1"
    shift
    start_jvm "$name" - "${JVM_OPTIONS[@]}" -cp "$CP" Hard "$@"
    wait_line "$log" ready && wait_line "$log" 1 || fail "$name: the program starts"
}

continues() { # NAME
    ok "$V: $1" wait_more "$log" 3
}

root_only() { # NAME [COMMAND...]: whether this is root, and the command works; else a skip
    local name="$V: $1"
    shift
    [ "$(id -u)" -eq 0 ] || { cannot "$name" "only root can do that" && return 1; }
    [ $# -eq 0 ] || "$@" 2>/dev/null || { cannot "$name" "not possible here: $*" && return 1; }
}

listing() { # DIR
    (cd "$1" && find . -mindepth 1 | sort | tr '\n' ' ')
}

short_lived_threads() {
    local round
    begin threads threads
    for round in 1 2 3 4 5 6; do
        run "$CKPT" checkpoint --leave-running "$pid" "$DIR/threads"
        is "$status$out$err" 0 "$V: checkpoint $round with threads that start and end succeeds"
    done
    continues "the JVM continues after checkpoints with threads that start and end"
    stop "$pid"
}

# /proc/PID/status is then longer than a page.
many_groups() {
    local what="a user in 400 groups" groups
    groups=$(seq -s , 4000000001 4000000400)
    root_only "$what" setpriv --groups "$groups" true || return 0
    CONFINE=(setpriv --groups "$groups")
    begin groups count 1
    is "$(grep ^Groups: "/proc/$pid/status" | wc -w)" 401 "$V: $what: the JVM is in 400 groups"
    if freeze "$pid" "$DIR/groups" "$V: $what"; then
        restore "$V groups" "$DIR/groups"
        continues "$what: the JVM is frozen and restored"
    fi
    CONFINE=()
    stop "$pid"
    in_sequence "$log" "$V: $what: the restored JVM counts without a gap"
}

truncated_map() {
    local what="a mapped file that was truncated"
    head -c 20480 /dev/zero | tr '\0' x >"$DIR/mapped"
    begin map map "$DIR/mapped"
    ok "$V: $what: the JVM has mapped it" grep -qF "$DIR/mapped" "/proc/$pid/maps"
    : >"$DIR/mapped"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/map"
    like "$status$out$err" '^(0|1checkpointer: .*/mapped.*)$' "$V: $what: the checkpoint succeeds or names it"
    continues "$what: the JVM continues"
    stop "$pid"
    is "$status" 143 "$V: $what: the JVM ends by SIGTERM"
}

foreign_directory() {
    local what="another user's image directory"
    mkdir -m 755 "$DIR/others"
    root_only "$what" chown 65534:65534 "$DIR/others" || return 0
    begin others count 1
    run "$CKPT" checkpoint "$pid" "$DIR/others"
    is "$status$out" 1 "$V: $what: the checkpoint is refused"
    contains "$err" "'$DIR/others' belongs to user 65534" "$V: $what: directory and owner are named"
    is "$(listing "$DIR/others")" "" "$V: $what: nothing is left in the directory"
    continues "$what: the JVM continues"
    freeze "$pid" "$DIR/own" "$V: $what: a checkpoint to its own directory" &&
        pass "$V: $what: a checkpoint to its own directory succeeds afterwards"
}

# The agent keeps one descriptor in reserve. Then the limit is lowered, so that the reserve is useless.
no_descriptor() {
    local what="no descriptor left" jvm jvm_log
    CONFINE=(bash -c 'ulimit -n 256 && exec "$@"' limited)
    begin fds fds /dev/null "$DIR/release"
    CONFINE=()
    jvm=$pid jvm_log=$log
    contains "$(<"$log")" "Too many open files" "$V: $what: the program reaches the limit"
    RUN_SECONDS=20 run "$CKPT" checkpoint --leave-running "$jvm" "$DIR/fds"
    is "$status" 1 "$V: $what: the checkpoint fails within its time"
    like "$err" 'Too many open files|too many open files' "$V: $what: the reason is reported"
    prlimit --pid "$jvm" --nofile=3:
    # The agent cannot accept this connection yet: the command waits.
    start "$V waits" "$CKPT" checkpoint --leave-running "$jvm" "$DIR/fds"
    log=$jvm_log continues "$what: the JVM continues"
    prlimit --pid "$jvm" --nofile=256:
    : >"$DIR/release"
    wait_line "$jvm_log" released || fail "$V: $what: the program closes its descriptors"
    ok "$V: $what: a request that waited is answered when there are some" wait_exit "$pid"
    freeze "$jvm" "$DIR/fds" "$V: $what, then enough" || { stop "$jvm" && return; }
    restore "$V fds" "$DIR/fds"
    continues "$what, then enough: the JVM is restored"
    stop "$pid"
}

ends_meanwhile() {
    local what="a JVM that ends in the middle of a checkpoint" before
    begin halt halt
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/halt"
    is "$status$out$err" 0 "$V: $what: the first checkpoint succeeds"
    before=$(cksum "$DIR"/halt/*)
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/halt"
    is "$status$out" 1 "$V: $what: the second checkpoint fails"
    like "$err" "the JVM ended in the middle of the checkpoint; see with 'checkpointer inspect' whether" \
        "$V: $what: the message leaves open whether there is an image"
    is "$(cksum "$DIR"/halt/*)" "$before" "$V: $what: the first image is unchanged"
    wait_exit "$pid"
    is "$status" 3 "$V: $what: the JVM ends with its own exit status"
}

# Two JVMs with one image directory, and files that killed writers have left there.
shared_directory() {
    local image=$DIR/shared holder first same
    start_jvm "$V first" - "${JVM_OPTIONS[@]}" -cp "$CP" Hard count 1
    first=$pid
    start_jvm "$V second" - "${JVM_OPTIONS[@]}" -cp "$CP" Hard count 1000000
    wait_line "$TMP/$V first.log" 3
    wait_line "$log" 1000003
    freeze "$first" "$image" "$V: shared directory: the first JVM"
    freeze "$pid" "$image" "$V: shared directory: the second JVM"
    is "$(listing "$image")" "./image ./manifest.json " \
        "$V: shared directory: one image and no temporary file are left"
    restore "$V winner" "$image"
    wait_more "$log" 1
    like "$(last_number "$log")" '^10[0-9]{5}$' "$V: shared directory: the second image replaces the first"
    continues "shared directory: a JVM restored from the second image continues"
    unlike $'\n'"$(<"$log")" $'\n[0-9]{1,6}\n' \
        "$V: shared directory: nothing of the first JVM is in the second image"

    : >"$image/$TEMPORARY"
    run "$CKPT" checkpoint --leave-running "$pid" "$image"
    is "$status $(listing "$image")" "0 ./image ./manifest.json " \
        "$V: shared directory: the temporary file of a killed writer is removed"
    first=$pid
    same=.checkpointer-image-$first # a writer in another container may have the same PID
    start "$V holder" flock --no-fork "$image/$same" flock --no-fork "$image/$TEMPORARY" \
        bash -c 'echo locked; exec tail -f /dev/null'
    holder=$pid
    wait_line "$log" locked || fail "$V: shared directory: flock holds the files of other writers"
    run "$CKPT" checkpoint --leave-running "$first" "$image"
    is "$status$out$err" 0 "$V: shared directory: a checkpoint while others write succeeds"
    is "$(listing "$image")" "./$TEMPORARY ./$same ./image ./manifest.json " \
        "$V: shared directory: the temporary files of others that write are kept"
    stop "$holder"
    freeze "$first" "$image" "$V: shared directory: when the others have ended"
    is "$(listing "$image")" "./image ./manifest.json " \
        "$V: shared directory: files of writers that have ended are removed"
}

capabilities_of() { # PID
    sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$1/status"
}

# without CAPABILITY: a restore with all of root's capabilities but this one.
without() {
    local what="a restore without CAP_${1^^}" want
    local confine=(setpriv "--bounding-set=-$1" "--inh-caps=-$1")
    root_only "$what" "${confine[@]}" true || return 0
    want=$("${confine[@]}" sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    begin "without $1" count 1
    freeze "$pid" "$DIR/without-$1" "$V: $what" || return
    CONFINE=("${confine[@]}")
    restore "$V without $1" "$DIR/without-$1"
    CONFINE=()
    continues "$what: the JVM continues"
    is "$(capabilities_of "$pid")" "$want" "$V: $what: the JVM has root's other capabilities"
    isnt "$want" 0000000000000000 "$V: $what: there are other capabilities"
    stop "$pid"
    is "$status" 143 "$V: $what: SIGTERM ends the JVM"
}

body() {
    short_lived_threads
    many_groups
    truncated_map
    foreign_directory
    ends_meanwhile
    no_descriptor
    shared_directory
    without sys_admin
    without sys_time
}
each_jdk body
done_testing
