#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Files that the JVM had open or mapped for writing, and that were written since the checkpoint, by
# another restore of the same image or by another process. A log is continued at its end; every other
# file is refused by name, and only an option or a policy permits it. On an ordinary file system and on tmpfs,
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

# write_in_clone MODE [OPTION...]: restores the image; the clone writes and is killed. Sets output.
write_in_clone() {
    local mode=$1
    shift
    : >"$log"
    restore "$mode-$V" "$@" "$image"
    wait_line "$log" "written 1"
    kill -KILL "$pid"
    wait_exit "$pid"
    output=$(<"$log")
}

# is_refused WHAT PATTERN: a restore is refused, and so is --dry-run.
is_refused() {
    run "$CKPT" restore --dry-run "$image"
    refused "$1 (--dry-run)" "$2"
    run "$CKPT" restore "$image"
    refused "$1" "$2"
}

logs() {
    frozen append "$DIR" || return
    write_in_clone append
    write_in_clone append
    is "$output" "written 1" "$V: restore: a log in append mode may have grown"
    is "$(cat "$DIR/append")" "$(printf 'line of life %s\n' 0 1 1)" \
        "$V: each clone adds to a log in append mode"
    : >"$DIR/append"
    is_refused "$V: restore: a log in append mode that has shrunk is refused" \
        "'$DIR/append' has changed .*had it open .*--allow-changed-files"
    frozen log "$DIR" || return
    write_in_clone log
    is "$output" "written 1" "$V: restore: an unchanged log that is written at its end is permitted"
    write_in_clone log
    is "$output" "checkpointer: warning: '$DIR/log' has grown since the checkpoint; the JVM continues \
at its new end
written 1" "$V: restore: a log that is written at its end and has grown gives a warning"
    is "$(cat "$DIR/log")" "$(printf 'line of life %s\n' 0 1 1)" \
        "$V: a restored JVM continues at the new end of a log that has grown"
}

# A write-ahead log differs from a text log only by the lock that its database has on a file.
ahead() {
    mkdir -p "$DIR/ahead" "$DIR/named"
    frozen wal "$DIR/ahead" || return
    write_in_clone wal
    is "$output" "written 1" "$V: restore: an unchanged write-ahead log is permitted"
    is_refused "$V: restore: a write-ahead log that a clone has written is refused" \
        "'$DIR/ahead/wal' has changed .*lock on '$DIR/ahead/LOCK'.*--allow-changed-files"
    write_in_clone wal --allow-changed-files
    is "$output" "written 1" "$V: restore --allow-changed-files: a changed write-ahead log is permitted"
    frozen named "$DIR/named" || return
    write_in_clone named
    is_refused "$V: restore: a log with its own lock file that a clone has written is refused" \
        "'$DIR/named/named' has changed .*lock on '$DIR/named/db.lck'"
    frozen db.log "$DIR/named" || return
    write_in_clone db.log
    is_refused "$V: restore: a changed log in append mode next to a lock file is refused" \
        "'$DIR/named/db.log' has changed .*lock on '$DIR/named/db.lck'"
    frozen jul "$DIR" || return
    write_in_clone jul
    write_in_clone jul
    like "$output" "'$DIR/jul' has grown .*written 1" \
        "$V: restore: a changed log of java.util.logging, which locks a file too, is continued"
}

data() { # FOLDER WHERE
    local folder=$1 where=$2
    rm -f "$folder/data"
    frozen data "$folder" || return
    write_in_clone data
    is "$output" "written 1" "$V $where: restore: an unchanged file that was open for writing is permitted"
    is_refused "$V $where: restore: an open file that a clone has written is refused" \
        "'$folder/data' has changed .*had it open .*--allow-changed-files"
    write_in_clone data --allow-changed-files
    is "$output" "written 1" "$V $where: restore --allow-changed-files: a changed open file is permitted"
    printf 'type: file\naction: reopen\npath: %s\n' "$folder/data" >"$DIR/policies"
    write_in_clone data "--policies=$DIR/policies"
    is "$output" "written 1" "$V $where: restore: a changed open file with a policy 'reopen' is permitted"
}

mapped() { # FOLDER WHERE
    local folder=$1 where=$2
    rm -f "$folder/map"
    frozen map "$folder" || return
    write_in_clone map
    is "$output" "written 1" "$V $where: restore: an unchanged mapped file is permitted"
    is_refused "$V $where: restore: a mapped file that a clone has written is refused" \
        "'$folder/map' has changed .*open or mapped for writing"
    write_in_clone map --allow-changed-files
    is "$output" "written 1" "$V $where: restore --allow-changed-files: a changed mapped file is permitted"
    : >"$folder/map"
    is_refused "$V $where: restore: a mapped file that was emptied is refused" "'$folder/map'.*changed"
    run "$CKPT" restore --allow-changed-files "$image"
    refused "$V $where: restore --allow-changed-files: an emptied mapped file is refused" \
        "'$folder/map' has only 0 bytes now, and 1048576 of it were mapped"
}

# The process that was frozen continues and writes; a clone would lack what it wrote.
continues() {
    local original
    image=$DIR/image-continues
    rm -f "$DIR/map"
    start_jvm "continues-$V" - -cp "$CP" ChangedFiles "$DIR" map
    wait_line "$log" "written 0" || return
    original=$pid
    run "$CKPT" checkpoint --leave-running "$original" "$image"
    is "$status" 0 "$V: checkpoint --leave-running of a process with a mapped file succeeds"
    restore "continues-clone-$V" "$image"
    ok "$V: a clone runs next to the process that continues" wait_line "$log" "written 1"
    kill -KILL "$pid" "$original"
    wait_exit "$pid"
    is_refused "$V: restore: a mapped file written by the process that continued is refused" \
        "'$DIR/map'.* has changed"
}

# Mapped for reading, of a file opened for writing: whether mprotect() may make it writable.
may_write() {
    local protection
    rm -f "$DIR/map"
    frozen view "$DIR" || return
    restore "view-$V" "$image"
    wait_line "$log" "written 1"
    protection=$(sed -n '\|'"$DIR/map"'|,/^VmFlags/s/^VmFlags: //p' "/proc/$pid/smaps")
    like "$protection" "rd .*mr mw" "$V: a restored read-only mapping of a writable file may be made writable"
    kill -KILL "$pid"
    wait_exit "$pid"
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
