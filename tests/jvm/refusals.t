#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A checkpoint that cannot be done: for each obstacle the requester is told why and what to do, the
# hooks' afterRestore are called, the JVM goes on serving, no file is left behind; and when the
# obstacle is gone the same JVM can be frozen after all, and comes back.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Refuse
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
# The JVM is as it was: its hooks called in their order, its server serving, and no file anywhere.
unharmed() { # NAME
    is "$(tail -n "+$((mark + 1))" "$log" | grep -E '^(before|after) ' | tr '\n' ' ')" \
        "$HOOKS" "$1: the hooks that are called"
    is "$(get /)" serving "$1: the server serves"
    is "$(find "$image" -type f -o -type l 2>/dev/null)" "" "$1: no file is left behind"
}

# refuses NAME PATTERN...: the checkpoint fails and says all that; the JVM is unharmed.
refuses() {
    local name="$V $1" pattern
    shift
    mark=$(wc -l <"$log")
    run as_user "$CKPT" checkpoint "$pid" "$image"
    is "$status" 1 "$name: refused"
    for pattern; do
        like "$err" "$pattern" "$name: and says why"
    done
    unharmed "$name"
}

# Without the obstacle it can be frozen, and comes back; ends the JVM.
then_works() { # NAME [DIR]
    local where=${2:-$image}
    is "$(get /release)" released "$V $1: the obstacle goes"
    freeze as_user "$pid" "$where" "$V $1, released" || { stop "$pid" && return; }
    is "$(cd "$where" && echo .[!.]* *)" ".[!.]* image manifest.json" \
        "$V $1: the image is there, nothing else"
    restore "$V $1" as_user "$where"
    ok "$V $1: and then can be frozen, and serves when it is back" answers "$port"
    stop "$pid"
    rm -r "$where"
}

obstacles() {
    local ports
    begin tcp - -cp "$CP" Refuse tcp
    ports=$(grep '^client' "$log")
    set -- $ports
    refuses tcp "TCP connection from 127.0.0.1:$2 to 127.0.0.1:$4" "from 127.0.0.1:$4 to 127.0.0.1:$2" \
        beforeCheckpoint
    then_works tcp

    begin child - -cp "$CP" Refuse child
    refuses child 'child process'
    then_works child

    begin hook - -cp "$CP" Refuse hook
    refuses hook 'IllegalStateException: the first hook has its reasons'
    then_works hook

    begin udp - -cp "$CP" Refuse udp
    refuses udp 'descriptor [0-9]+ is .*socket'
    then_works udp

    begin watch - -cp "$CP" Refuse watch "$HERE"
    refuses watch 'inotify'
    then_works watch
}

# A pipe that the JVM has from its parent, and a named one that it opened itself.
pipes() {
    local other
    mkfifo "$HERE/fifo"
    exec 6<>"$HERE/fifo"
    begin fifo - -cp "$CP" Refuse fifo "$HERE/fifo"
    refuses fifo "$HERE/fifo"
    then_works fifo
    exec 6>&-
    exec 7< <(exec tail -f /dev/null)
    other=$!
    STARTER=start begin pipe "$JAVA" "-agentpath:$AGENT=addr=none" -cp "$CP" Refuse none
    exec 7<&-
    refuses pipe "descriptor 7 .*pipe.*another process"
    stop "$pid"
    kill "$other"
}

# Places where no image can be.
places() {
    begin places - -cp "$CP" Refuse none
    as_user mkdir "$HERE/closed" "$HERE/open"
    as_user chmod 500 "$HERE/closed"
    as_user chmod 777 "$HERE/open"
    image=$HERE/closed
    refuses "unwritable directory" "cannot write in the image directory '$image'"
    image=$HERE/closed/in/it
    refuses "no directory to make it in" "'$image': .*; make its parent first"
    image=$HERE/open
    refuses "directory that others may write" "$image.*0777"
    image=/dev/null
    refuses "something else in its place" "$image"
    image=$HERE/image
    then_works places
}

# No option image=, and the application itself asks.
own() {
    begin own - -cp "$CP" Refuse none
    like "$(get /own)" 'CheckpointException.*no image directory is set.*image=DIR' \
        "$V own: without an image directory it says so"
    unharmed "$V own"
    stop "$pid"
    begin "own tcp" "$HERE/image" -cp "$CP" Refuse tcp
    like "$(get /own)" '^CheckpointException.*TCP connection from' \
        "$V own: the application is told of an obstacle too"
    unharmed "$V own tcp"
    stop "$pid"
}

full_disk() {
    if [ "$(id -u)" -ne 0 ] || ! { mkdir -p "$FULL" && mount -t tmpfs -o size=1m,mode=777 none "$FULL"; } \
        2>/dev/null; then
        cannot "$V full disk" "only root may mount a small file system"
        return
    fi
    begin "full disk" - -cp "$CP" Refuse none
    image=$FULL/image
    HOOKS=
    refuses "full disk" "the image needs .* has room for .* MiB: no space left on device; make room"
    HOOKS=$ALL_HOOKS
    is "$(du -s "$FULL" | cut -f 1)" 0 "$V full disk: the disk is empty again"
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
    is "$status" 143 "$V file limit: the JVM ends as ever"
}

deaf_thread() {
    local library=$CLASSES/libblocker.so options="=park_timeout=300,addr=none"
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -pthread \
        -o "$library" "$TOP/tests/jvm/java/blocker.c" 2>"$TMP/gcc.err"; then
        skip "$V deaf thread" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
        return
    fi
    STARTER=start begin "deaf thread" "$JAVA" "-agentpath:$AGENT$options" -cp "$CP" Refuse blocker \
        "$library"
    refuses "deaf thread" "1 of [0-9]+ threads cannot be stopped: '.*' \([0-9]+\) with all signals blocked"
    then_works "deaf thread"
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
    deaf_thread
}

cleanup() {
    umount "$FULL" 2>/dev/null || true
    tap_cleanup
}
trap cleanup EXIT
each_jdk body
done_testing
