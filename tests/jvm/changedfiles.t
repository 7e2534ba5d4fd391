#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Files that the JVM had open or mapped for writing, and that were written since the checkpoint: by
# another restore of the same image, by somebody else. A log goes on at its end; all else is refused
# by name, and only an option or a policy lets it through. On an ordinary file system and on tmpfs,
# where a write through a mapping changes nothing that can be seen but the content.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile ChangedFiles
RUN_SECONDS=20
MEMORY=$(mktemp -d /dev/shm/checkpointer-test.XXXXXX)
trap 'rm -rf "$MEMORY"; tap_cleanup' EXIT

# frozen MODE FOLDER: an image of ChangedFiles, in $image.
frozen() {
    image=$DIR/image-$1
    rm -rf "$image"
    start_jvm "$1-$V" - -cp "$CP" ChangedFiles "$2" "$1"
    wait_line "$log" "written 0" && freeze "$pid" "$image" "$V: $1"
}

# lives MODE [OPTION...]: one restore of it, which writes and is killed. Sets said.
lives() {
    local mode=$1
    shift
    : >"$log"
    restore "$mode-$V" "$@" "$image"
    wait_line "$log" "written 1"
    kill -KILL "$pid"
    wait_exit "$pid" 10
    said=$(<"$log")
}

# is_refused WHAT PATTERN: so is --dry-run.
is_refused() {
    run "$CKPT" restore --dry-run "$image"
    refused "$1, in a rehearsal too" "$2"
    run "$CKPT" restore "$image"
    refused "$1" "$2"
}

logs() {
    frozen append "$DIR" || return
    lives append
    lives append
    is "$said" "written 1" "$V: a log in append mode that has grown is no obstacle"
    is "$(cat "$DIR/append")" "$(printf 'line of life %s\n' 0 1 1)" "$V: and each clone adds to it"
    : >"$DIR/append"
    is_refused "$V: one that is shorter now is refused" \
        "'$DIR/append' has changed .*had it open .*--allow-changed-files"
    frozen log "$DIR" || return
    lives log
    is "$said" "written 1" "$V: a file that did not change is no obstacle"
    lives log
    is "$said" "checkpointer: warning: '$DIR/log' has grown since the checkpoint; the JVM continues \
at its new end
written 1" "$V: a log that was written at its end and has grown is a warning"
    is "$(cat "$DIR/log")" "$(printf 'line of life %s\n' 0 1 1)" "$V: and the JVM continues at the new end"
}

# A write-ahead log looks like a log of text, but for the lock that its database has on a file.
ahead() {
    mkdir -p "$DIR/ahead" "$DIR/named"
    frozen wal "$DIR/ahead" || return
    lives wal
    is "$said" "written 1" "$V: a write-ahead log that did not change is no obstacle"
    is_refused "$V: one that a clone has written is refused" \
        "'$DIR/ahead/wal' has changed .*lock on '$DIR/ahead/LOCK'.*--allow-changed-files"
    lives wal --allow-changed-files
    is "$said" "written 1" "$V: --allow-changed-files lets a write-ahead log through"
    frozen named "$DIR/named" || return
    lives named
    is_refused "$V: one next to a lock of its own making that a clone has written is refused" \
        "'$DIR/named/named' has changed .*lock on '$DIR/named/db.lck'"
    frozen db.log "$DIR/named" || return
    lives db.log
    is_refused "$V: one in append mode next to a lock of the same name is refused" \
        "'$DIR/named/db.log' has changed .*lock on '$DIR/named/db.lck'"
    frozen jul "$DIR" || return
    lives jul
    lives jul
    like "$said" "'$DIR/jul' has grown .*written 1" \
        "$V: a log of java.util.logging, which locks a file too, continues at its new end"
}

data() { # FOLDER WHERE
    local folder=$1 where=$2
    rm -f "$folder/data"
    frozen data "$folder" || return
    lives data
    is "$said" "written 1" "$V $where: a file that was not written since is no obstacle"
    is_refused "$V $where: a file that a clone has written is refused" \
        "'$folder/data' has changed .*had it open .*--allow-changed-files"
    lives data --allow-changed-files
    is "$said" "written 1" "$V $where: --allow-changed-files lets it through"
    printf 'type: file\naction: reopen\npath: %s\n' "$folder/data" >"$DIR/policies"
    lives data "--policies=$DIR/policies"
    is "$said" "written 1" "$V $where: so does a policy"
}

mapped() { # FOLDER WHERE
    local folder=$1 where=$2
    rm -f "$folder/map"
    frozen map "$folder" || return
    lives map
    is "$said" "written 1" "$V $where: a mapped file that was not written since is no obstacle"
    is_refused "$V $where: a mapped file that a clone has written is refused" \
        "'$folder/map' has changed .*open or mapped for writing"
    lives map --allow-changed-files
    is "$said" "written 1" "$V $where: --allow-changed-files lets it through"
    : >"$folder/map"
    is_refused "$V $where: a mapped file that was emptied is refused" "'$folder/map'.*changed"
    run "$CKPT" restore --allow-changed-files "$image"
    refused "$V $where: an emptied one is refused with the option too, for it cannot be mapped" \
        "'$folder/map' has only 0 bytes now, and 1048576 of it were mapped"
}

# The process that was frozen goes on and writes; the clone would not know.
continues() {
    local original
    image=$DIR/image-continues
    rm -f "$DIR/map"
    start_jvm "continues-$V" - -cp "$CP" ChangedFiles "$DIR" map
    wait_line "$log" "written 0" || return
    original=$pid
    run "$CKPT" checkpoint --leave-running "$original" "$image"
    is "$status" 0 "$V: a process with a mapped file continues"
    restore "continues-clone-$V" "$image"
    ok "$V: the clone of a process that continues" wait_line "$log" "written 1"
    kill -KILL "$pid" "$original"
    wait_exit "$pid" 10
    is_refused "$V: a second clone does not miss what was written" "'$DIR/map'.* has changed"
}

# Mapped for reading, of a file opened for writing: whether mprotect() may make it writable.
may_write() {
    local protection
    rm -f "$DIR/map"
    frozen view "$DIR" || return
    restore "view-$V" "$image"
    wait_line "$log" "written 1"
    protection=$(sed -n '\|'"$DIR/map"'|,/^VmFlags/s/^VmFlags: //p' "/proc/$pid/smaps")
    like "$protection" "rd .*mr mw" "$V: a read-only mapping can be made writable as before"
    kill -KILL "$pid"
    wait_exit "$pid" 10
}

body() {
    mkdir -p "$MEMORY/$V"
    logs
    ahead
    data "$DIR" disk
    data "$MEMORY/$V" tmpfs
    mapped "$DIR" disk
    mapped "$MEMORY/$V" tmpfs
    continues
    may_write
}
each_jdk body
done_testing
