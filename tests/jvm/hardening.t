#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# JVMs and surroundings that are out of the ordinary: threads that come and go all the time, a user in
# hundreds of groups, a mapped file that was cut off, no descriptor left, an image directory that is
# another user's or that several JVMs share, a restore with some capabilities but not all.
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

# The program counts on; a number in the words of a JVM that crashes does not count.
goes_on() { # NAME
    local want=$(($(last_number "$log") + 3))
    if wait_line "$log" "$want" 10 && [ "$(last_number "$log")" -ge "$want" ]; then
        pass "$V: $1"
    else
        fail "$V: $1" "no number $want: $(tail -n 5 "$log")"
    fi
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
        is "$status$out$err" 0 "$V: with threads that come and go, checkpoint $round"
    done
    goes_on "and the JVM goes on"
    stop "$pid"
}

# /proc/PID/status is longer than a page then.
many_groups() {
    local what="a user in 400 groups" groups
    groups=$(seq -s , 4000000001 4000000400)
    root_only "$what" setpriv --groups "$groups" true || return 0
    CONFINE=(setpriv --groups "$groups")
    begin groups count 1
    is "$(grep ^Groups: "/proc/$pid/status" | wc -w)" 401 "$V: $what: the JVM is in them"
    if freeze "$pid" "$DIR/groups" "$V: $what"; then
        restore "$V groups" "$DIR/groups"
        goes_on "$what: frozen and restored"
    fi
    CONFINE=()
    stop "$pid"
    in_sequence "$log" "$V: $what: it has counted on"
}

truncated_map() {
    local what="a mapped file that was truncated"
    head -c 20480 /dev/zero | tr '\0' x >"$DIR/mapped"
    begin map map "$DIR/mapped"
    ok "$V: $what: it is mapped" grep -qF "$DIR/mapped" "/proc/$pid/maps"
    : >"$DIR/mapped"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/map"
    like "$status$out$err" '^(0|1checkpointer: .*/mapped.*)$' "$V: $what: written, or refused with its name"
    goes_on "$what: the JVM goes on"
    stop "$pid"
    is "$status" 143 "$V: $what: and ends as ever"
}

others_directory() {
    local what="another user's image directory"
    mkdir -m 755 "$DIR/others"
    root_only "$what" chown 65534:65534 "$DIR/others" || return 0
    begin others count 1
    run "$CKPT" checkpoint "$pid" "$DIR/others"
    is "$status$out" 1 "$V: $what: refused"
    contains "$err" "'$DIR/others' belongs to user 65534" "$V: $what: named"
    is "$(listing "$DIR/others")" "" "$V: $what: nothing is left in it"
    goes_on "$what: the JVM goes on"
    freeze "$pid" "$DIR/own" "$V: $what: one of its own" && pass "$V: $what: one of its own is taken"
}

# The agent has one in reserve. The limit is lowered afterwards, so that this is of no use either.
no_descriptor() {
    local what="no descriptor left" jvm jvm_log
    CONFINE=(bash -c 'ulimit -n 256 && exec "$@"' limited)
    begin fds fds /dev/null "$DIR/release"
    CONFINE=()
    jvm=$pid jvm_log=$log
    contains "$(<"$log")" "Too many open files" "$V: $what"
    RUN_SECONDS=20 run "$CKPT" checkpoint --leave-running "$jvm" "$DIR/fds"
    is "$status" 1 "$V: $what: a checkpoint fails in time"
    like "$err" 'Too many open files|too many open files' "$V: $what: and says why"
    prlimit --pid "$jvm" --nofile=3:
    # Nobody can accept this one yet: it waits.
    start "$V waits" "$CKPT" checkpoint --leave-running "$jvm" "$DIR/fds"
    log=$jvm_log goes_on "$what: the JVM goes on"
    prlimit --pid "$jvm" --nofile=256:
    : >"$DIR/release"
    wait_line "$jvm_log" released || fail "$V: $what: the program closes them"
    ok "$V: $what: who waits has an answer" wait_exit "$pid" 20
    freeze "$jvm" "$DIR/fds" "$V: $what, then all" || { stop "$jvm" && return; }
    restore "$V fds" "$DIR/fds"
    goes_on "$what: then a checkpoint succeeds, and a restore"
    stop "$pid"
}

ends_meanwhile() {
    local what="a JVM that ends in the middle" before
    begin halt halt
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/halt"
    is "$status$out$err" 0 "$V: $what: the first image"
    before=$(cksum "$DIR"/halt/*)
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/halt"
    is "$status$out" 1 "$V: $what: the second checkpoint fails"
    like "$err" "the JVM ended in the middle of the checkpoint; 'checkpointer inspect' tells whether" \
        "$V: $what: and does not say more than it knows"
    is "$(cksum "$DIR"/halt/*)" "$before" "$V: $what: the image from before is whole"
    wait_exit "$pid"
    is "$status" 3 "$V: $what: its own exit status"
}

# Two JVMs, one image directory; and what killed writers have left there.
shared_directory() {
    local image=$DIR/shared holder first same
    start_jvm "$V first" - "${JVM_OPTIONS[@]}" -cp "$CP" Hard count 1
    first=$pid
    start_jvm "$V second" - "${JVM_OPTIONS[@]}" -cp "$CP" Hard count 1000000
    wait_line "$TMP/$V first.log" 3
    wait_line "$log" 1000003
    freeze "$first" "$image" "$V: the first JVM"
    freeze "$pid" "$image" "$V: the second JVM, into the same directory"
    is "$(listing "$image")" "./image ./manifest.json " "$V: one image, no temporary file"
    restore "$V winner" "$image"
    ok "$V: the second image has replaced the first" wait_line "$log" 10000
    goes_on "and is whole"
    unlike $'\n'"$(<"$log")" $'\n[0-9]{1,6}\n' "$V: and nothing else"

    : >"$image/$TEMPORARY"
    run "$CKPT" checkpoint --leave-running "$pid" "$image"
    is "$status $(listing "$image")" "0 ./image ./manifest.json " "$V: a killed writer's file is tidied away"
    first=$pid
    same=.checkpointer-image-$first # a writer in another container may have the same PID
    start "$V holder" flock --no-fork "$image/$same" flock --no-fork "$image/$TEMPORARY" \
        bash -c 'echo locked; exec tail -f /dev/null'
    holder=$pid
    wait_line "$log" locked || fail "$V: flock holds the files"
    run "$CKPT" checkpoint --leave-running "$first" "$image"
    is "$status$out$err" 0 "$V: a checkpoint while others write into the same directory"
    is "$(listing "$image")" "./$TEMPORARY ./$same ./image ./manifest.json " "$V: their files stay"
    stop "$holder"
    freeze "$first" "$image" "$V: a checkpoint after that"
    is "$(listing "$image")" "./image ./manifest.json " "$V: until they have ended"
}

capabilities_of() { # PID
    sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$1/status"
}

# without CAPABILITY: a restore with all of root's but this one.
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
    goes_on "$what: the JVM goes on"
    is "$(capabilities_of "$pid")" "$want" "$V: $what: it has the others"
    isnt "$want" 0000000000000000 "$V: $what: which are some"
    stop "$pid"
    is "$status" 143 "$V: $what: SIGTERM ends it"
}

body() {
    short_lived_threads
    many_groups
    truncated_map
    others_directory
    ends_meanwhile
    no_descriptor
    shared_directory
    without sys_admin
    without sys_time
}
each_jdk body
done_testing
