#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A checkpoint that cannot be done: for each obstacle the requester gets the reason and a hint, the
# hooks' afterRestore are called, the JVM continues to serve, no file is left behind; and when the
# obstacle is gone the same JVM can be frozen and restored.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Refuse
start_relay
user_ready
SIMPLE=$(for_user "$SIMPLE")
CP=$CLASSES:$SIMPLE
FULL=$TMP/full

get() { # PATH
    curl -sS --max-time 20 "http://127.0.0.1:$port$1" 2>&1
}

# begin NAME START-COMMAND...: starts Refuse, as start_jvm would; sets port, image, mark (lines in the log).
begin() {
    local name="$V $1"
    shift
    image=$HERE/image
    "${STARTER:-start_jvm}" "$name" as_user "$@"
    wait_line "$log" "ready " && port=$(port_of "$log" "ready") && get / >/dev/null
    mark=$(wc -l <"$log")
}

ALL_HOOKS="before second before first after first after second "
HOOKS=$ALL_HOOKS # those that a refused checkpoint calls; none where there is no room
# The JVM is unharmed: its hooks were called in their order, its server answers, and no file is left.
unharmed() { # NAME
    is "$(tail -n "+$((mark + 1))" "$log" | grep -E '^(before|after) ' | tr '\n' ' ')" \
        "$HOOKS" "$1: the hooks are called in their order"
    is "$(get /)" serving "$1: the server answers after the refusal"
    is "$(find "$image" -type f -o -type l 2>/dev/null)" "" "$1: no file is left behind by the refusal"
}

# refuses NAME PATTERN...: the checkpoint fails with all these reasons; the JVM is unharmed.
refuses() {
    local name="$V: $1" pattern number=0
    shift
    mark=$(wc -l <"$log")
    run as_user "$CKPT" checkpoint "$pid" "$image"
    is "$status" 1 "$name: the checkpoint is refused"
    for pattern; do
        like "$err" "$pattern" "$name: reason $((++number)) is reported"
    done
    unharmed "$name"
}

# Without the obstacle the JVM can be frozen and restored; ends it.
then_works() { # NAME [DIR]
    local where=${2:-$image}
    is "$(get /release)" released "$V: $1: the program removes the obstacle"
    freeze as_user "$pid" "$where" "$V: $1, without the obstacle" || { stop "$pid" && return; }
    is "$(cd "$where" && echo .[!.]* *)" ".[!.]* image manifest.json" \
        "$V: $1: the directory has the image and the manifest, and no other file"
    restore "$V $1" as_user "$where"
    ok "$V: $1: without the obstacle the JVM is frozen, restored, and answers" answers "$port"
    stop "$pid"
    rm -r "$where"
}

obstacles() {
    local ports
    begin tcp - "-Drelay=$relay" -cp "$CP" Refuse tcp
    ports=$(grep '^client' "$log")
    set -- $ports
    refuses "a connection" "TCP connection from 127.0.0.1:$2 to 127.0.0.1:$relay" \
        "from 127.0.0.1:$4 to 127.0.0.1:$6" \
        beforeCheckpoint
    then_works "a connection"

    begin child - -cp "$CP" Refuse child
    refuses "a child process" 'child process'
    then_works "a child process"

    begin hook - -cp "$CP" Refuse hook
    refuses "a hook that throws" 'IllegalStateException: the first hook has its reasons'
    then_works "a hook that throws"

    begin device - -cp "$CP" Refuse device
    refuses "a device" "descriptor [0-9]+ is '/dev/ptmx'"
    then_works "a device"
}

# A named pipe that the JVM has opened itself, and one from its parent that a rule refuses.
pipes() {
    local other
    mkfifo "$HERE/fifo"
    exec 6<>"$HERE/fifo"
    begin fifo - -cp "$CP" Refuse fifo "$HERE/fifo"
    refuses "a named pipe" "$HERE/fifo"
    then_works "a named pipe"
    exec 6>&-
    exec 7< <(exec tail -f /dev/null)
    other=$!
    printf 'type: pipe\naction: error\n' >"$HERE/rules"
    STARTER=start begin pipe "$JAVA" "-agentpath:$AGENT=addr=none,policies=$HERE/rules" -cp "$CP" Refuse none
    exec 7<&-
    refuses "a pipe from the parent" "descriptor 7 .*pipe.*is refused by the rule"
    stop "$pid"
    kill "$other" 2>/dev/null || true # it may have noticed that no one reads its output
}

# Directories in which no image can be made.
places() {
    begin places - -cp "$CP" Refuse none
    as_user mkdir "$HERE/closed" "$HERE/open"
    as_user chmod 500 "$HERE/closed"
    as_user chmod 777 "$HERE/open"
    image=$HERE/closed
    refuses "a directory that cannot be written" "cannot write in the image directory '$image'"
    image=$HERE/closed/in/it
    refuses "a directory whose parent is missing" "'$image': .*; make its parent first"
    image=$HERE/open
    refuses "a directory that others may write" "$image.*0777"
    image=/dev/null
    refuses "a device in place of the directory" "$image"
    image=$HERE/image
    then_works "image directories"
}

# The application itself asks, without the option image.
own() {
    begin own - -cp "$CP" Refuse none
    like "$(get /own)" 'CheckpointException.*no image directory is set.*image=DIR' \
        "$V: own request: a missing image directory is reported"
    unharmed "$V: own request"
    stop "$pid"
    begin "own tcp" "$HERE/image" "-Drelay=$relay" -cp "$CP" Refuse tcp
    like "$(get /own)" '^CheckpointException.*TCP connection from' \
        "$V: own request: the application gets the obstacle"
    unharmed "$V: own request, tcp"
    stop "$pid"
}

full_disk() {
    if [ "$(id -u)" -ne 0 ] || ! { mkdir -p "$FULL" && mount -t tmpfs -o size=1m,mode=777 none "$FULL"; } \
        2>/dev/null; then
        cannot "$V: full disk: the checkpoint is refused" "only root may mount a small file system"
        return
    fi
    begin "full disk" - -cp "$CP" Refuse none
    image=$FULL/image
    HOOKS=
    refuses "full disk" "the image needs .* has room for .* MiB: no space left on device; make room"
    HOOKS=$ALL_HOOKS
    is "$(du -s "$FULL" | cut -f 1)" 0 "$V: full disk: the disk is empty after the refusal"
    umount "$FULL"
    then_works "full disk" "$HERE/image"
}

# A file may not grow beyond a limit: no SIGXFSZ may reach the JVM.
file_limit() {
    local before
    before=$(ulimit -S -f)
    ulimit -S -f 1024
    begin "file limit" - -cp "$CP" Refuse none
    ulimit -S -f "$before"
    HOOKS=
    refuses "file limit" "the image needs a file of .* the limit is 1024 KiB: file too large"
    HOOKS=$ALL_HOOKS
    stop "$pid"
    is "$status" 143 "$V: file limit: the JVM ends by SIGTERM"
}

# build_blocker NAME [OPTION...]: sets library.
build_blocker() {
    library=$CLASSES/lib$1.so
    shift
    gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -pthread "$@" \
        -o "$library" "$TOP/tests/jvm/java/blocker.c" 2>"$TMP/gcc.err" && return
    skip "$V: threads that are obstacles" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
    return 1
}

blocking_thread() {
    local library options="=park_timeout=300,addr=none"
    build_blocker blocker || return
    STARTER=start begin "deaf thread" "$SECCOMP_RUN" --bare --deny ptrace -- "$JAVA" \
        "-agentpath:$AGENT$options" -cp "$CP" Refuse blocker "$library"
    refuses "a thread that blocks all signals" \
        "1 of [0-9]+ threads cannot be stopped: '.*' \([0-9]+\) with all signals blocked; allow ptrace"
    then_works "a thread that blocks all signals"
}

# A restore could only give such a thread what the process has.
unshared_thread() {
    local library flag what
    for flag in CLONE_FILES CLONE_FS; do
        what="a thread with unshare($flag)"
        build_blocker "$flag" "-DUNSHARE=$flag" || return
        begin "$what" - -cp "$CP" Refuse blocker "$library"
        refuses "$what" "the thread 'deaf' \([0-9]+\) has .* for itself \($flag\); end it"
        then_works "$what"
    done
}

raw_thread() {
    local library
    build_blocker raw -DRAW || return
    begin "a thread of no library" - -cp "$CP" Refuse blocker "$library"
    refuses "a thread that was made by clone(2)" \
        "the thread '.*' \([0-9]+\) was not made by the C library and cannot be made again; end it"
    then_works "a thread that was made by clone(2)"
}

body() {
    HERE=$USER_DIR/$V
    as_user mkdir -p "$HERE"
    obstacles
    pipes
    places
    own
    full_disk
    file_limit
    blocking_thread
    unshared_thread
    raw_thread
}

cleanup() {
    umount "$FULL" 2>/dev/null || true
    tap_cleanup
}
trap cleanup EXIT
each_jdk body
done_testing
