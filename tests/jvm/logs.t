#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Logging continues in the same files after a restore, with no record lost or repeated: the JVM's own
# (-Xlog to a file, from JDK 9 on; -XX:LogFile) and java.util.logging's FileHandler. The JVM's own logs
# are made again where they are gone.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Logs
# The logs are below /tmp, and must not be in the image as temporary files are.
OPTIONS=(addr=none tmp_files=0)

# collections FILE: the numbers that the collections have in the JVM's log.
collections() {
    sed -n 's/.*\[gc,start *\] *GC(\([0-9]*\)).*/\1/p' "$1"
}

# freeze_and_restore NAME: until the restored program continues to count.
freeze_and_restore() {
    freeze "$pid" "$DIR/$1" "$V: $1" || return
    restore "$1-$V" "$DIR/$1"
    wait_more "$log" 3 || fail "$V: $1: the restored program continues to count"
}

jvm_log() {
    local gc=$DIR/gc.log all=$DIR/all.log before size generation
    start_jvm "jvm-$V" - -XX:+UseSerialGC "-Xlog:gc*:file=$gc" "-Xlog:safepoint,os:file=$all" \
        -cp "$CLASSES" Logs
    wait_line "$log" 3
    for generation in 1 2; do
        before=$(collections "$gc" | wc -l)
        size=$(stat -c %s "$all")
        freeze_and_restore jvm || return
        ok "$V: -Xlog:gc*:file: the log continues after restore $generation" \
            [ "$(collections "$gc" | wc -l)" -ge $((before + 3)) ]
        ok "$V: -Xlog:safepoint,os:file: the log continues after restore $generation" \
            [ "$(stat -c %s "$all")" -gt "$size" ]
    done
    stop "$pid"
    # Lines that a restored JVM wrote over would be missing.
    is "$(collections "$gc" | awk '$1 != NR - 1' | head -n 1)" "" \
        "$V: -Xlog:gc*:file: each collection is in the log once"
    in_sequence "$log" "$V: -Xlog: the program counts without a gap"
}

# FileHandler holds a lock on FILE.lck for as long as it is open.
file_handler() {
    local file=$DIR/handler.log number printed
    start_jvm "handler-$V" - -cp "$CLASSES" Logs "$file"
    wait_line "$log" 3
    run "$CKPT" checkpoint "$pid" "$DIR/handler"
    is "$status$err" 0 "$V: FileHandler: the checkpoint succeeds"
    wait_exit "$pid"
    restore "handler-$V" "$DIR/handler"
    ok "$V: FileHandler: the restored program continues" wait_more "$log" 3
    not_ok "$V: FileHandler: the restored JVM holds the lock of the log" lock_is_free "$file.lck"
    # A number is logged before it is printed, and the JVM closes the handler first at its end.
    printed=$(last_number "$log")
    stop "$pid"
    in_sequence "$file" "$V: FileHandler: every number is in the log once"
    number=$(last_number "$file")
    ok "$V: FileHandler: the log reaches the last printed number" [ "$number" -ge "$printed" ]
    is "$(ls "$DIR" | grep -c '^handler\.log')" 1 "$V: FileHandler: the lock file is removed at the end"
}

# lock_is_free FILE: whether no process has a POSIX lock on it.
lock_is_free() {
    python3 -c 'import fcntl, sys; fcntl.lockf(open(sys.argv[1], "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)' \
        "$1"
}

# begin_logs NAME FOLDER: a JVM with all its logs in the folder.
begin_logs() {
    local name=$1 folder=$2
    local options=(-XX:+UnlockDiagnosticVMOptions -XX:+LogVMOutput -XX:-DisplayVMOutput)
    shift 2
    mkdir -p "$folder"
    if jdk_has unified_logging; then
        options+=("-Xlog:gc*:file=$folder/gc-%p.log::filecount=3,filesize=20K")
    else
        options+=(-XX:+PrintGCDetails "-Xloggc:$folder/gc-%p.log")
    fi
    start_jvm "$name-$V" - -XX:+UseSerialGC "${options[@]}" "-XX:LogFile=$folder/vm-%p.log" \
        -cp "$CLASSES" Logs
    wait_line "$log" 3
    gc=$(echo "$folder"/gc-*.log) vm=$(echo "$folder"/vm-*.log)
}

# is_open NAME PID FILE: the JVM has the file open at its path.
is_open() {
    local descriptor
    for descriptor in "/proc/$2/fd"/*; do
        [ "$(readlink "$descriptor")" != "$3" ] || { pass "$1" && return; }
    done
    fail "$1" "$(ls -l "/proc/$2/fd" | sed 's/.* [0-9]* -> //' | sort | uniq -c | head -n 40)"
}

# A log that is gone at the restore is made again, as at the start of a JVM.
gone() {
    local folder=$DIR/gone
    begin_logs gone "$folder"
    freeze "$pid" "$DIR/gone-image" "$V: gone" || return
    rm "$folder"/*
    run "$CKPT" restore --dry-run "$DIR/gone-image"
    is "$status" 0 "$V: logs that are gone: the image passes restore --dry-run"
    is "$(ls "$folder")" "" "$V: logs that are gone: restore --dry-run makes none"
    restore "gone-$V" "$DIR/gone-image"
    ok "$V: logs that are gone: the JVM is restored" wait_more "$log" 3
    is_open "$V: -Xlog to a file that is gone: the file is made again and used" "$pid" "$gc"
    is_open "$V: -XX:LogFile that is gone: the file is made again and used" "$pid" "$vm"
    contains "$(<"$log")" "the JVM's log '$vm' was gone" \
        "$V: -XX:LogFile that is gone: a warning names it"
    until [ -s "$gc" ] || ! kill -0 "$pid"; do wait_more "$log" 1 || break; done
    ok "$V: -Xlog to a file that is gone: the restored JVM writes to it" test -s "$gc"
    wait_more "$log" 20 # the log is rotated meanwhile
    is_open "$V: -Xlog to a file that is gone: the log is rotated after the restore" "$pid" "$gc"
    freeze "$pid" "$DIR/gone-image" "$V: logs that were made again" &&
        restore "gone-$V" "$DIR/gone-image" &&
        ok "$V: logs that were made again: the next image is restored" wait_more "$log" 3
    stop "$pid"
}

# Logs that were emptied or replaced by others are continued at their ends.
replaced() {
    local folder=$DIR/replaced
    begin_logs replaced "$folder"
    freeze "$pid" "$DIR/replaced-image" "$V: replaced" || return
    : >"$gc"
    rm "$vm" && echo "another JVM's line" >"$vm"
    restore "replaced-$V" "$DIR/replaced-image"
    ok "$V: logs that have changed: the JVM is restored" wait_more "$log" 3
    is "$(head -n 1 "$vm")" "another JVM's line" "$V: -XX:LogFile that was replaced: its content stays"
    stop "$pid"
    not_ok "$V: logs that have changed: the JVM leaves no hole in them" grep -qP '\x00' "$gc" "$vm"
}

# Log files that were deleted while the JVM runs, as by a tool that cleans up.
deleted() {
    local folder=$DIR/deleted
    begin_logs deleted "$folder"
    rm "$vm" "$gc"
    freeze "$pid" "$DIR/deleted-image" "$V: deleted" || return
    restore "deleted-$V" "$DIR/deleted-image"
    ok "$V: logs that were deleted before the checkpoint: the JVM is restored" wait_more "$log" 3
    is_open "$V: -XX:LogFile that was deleted before the checkpoint: the file is made again" "$pid" "$vm"
    stop "$pid"
}

# Names that are relative, quoted, HotSpot's default, or not on the command line.
unusual() {
    local folder=$DIR/unusual file files before=$PWD
    mkdir -p "$folder"
    cd "$folder" || return
    JAVA_TOOL_OPTIONS='-XX:+UnlockDiagnosticVMOptions -XX:+LogVMOutput -XX:-DisplayVMOutput' \
        start_jvm "unusual-$V" - -XX:+UseSerialGC '-Xlog:gc:"relative log.txt":time' \
        '-Xlog:safepoint:file="with:colon"' -cp "$CLASSES" Logs
    cd "$before" || return
    wait_line "$log" 3
    files=("$folder/relative log.txt" "$folder/with:colon" "$folder"/hotspot*.log)
    is "${#files[@]}/$(find "$folder" -type f | wc -l)" 3/3 "$V: unusual names: the JVM has three logs"
    freeze "$pid" "$DIR/unusual-image" "$V: unusual names" || return
    rm "$folder"/*
    restore "unusual-$V" "$DIR/unusual-image"
    ok "$V: unusual names: the JVM is restored without its logs" wait_more "$log" 3
    for file in "${files[@]}"; do
        is_open "$V: unusual names: ${file##*/} is made again" "$pid" "$file"
    done
    stop "$pid"
}

# On a machine that lacks the directory, the JVM could not start either.
no_directory() {
    local folder=$DIR/no-directory option
    begin_logs no-directory "$folder"
    freeze "$pid" "$DIR/no-directory-image" "$V: no directory" || return
    mv "$folder" "$folder.away"
    for option in --dry-run --verify; do
        RUN_SECONDS=20 run "$CKPT" restore "$option" "$DIR/no-directory-image"
        refused "$V: a log's directory is gone: restore $option is refused" \
            "the JVM's log '$folder/.*' is gone and cannot be made again: .*; make its directory"
    done
    printf 'type: file\npath: %s/**\naction: close\n' "$folder" >"$DIR/close-logs"
    restore "no-directory-$V" --policies="$DIR/close-logs" "$DIR/no-directory-image"
    ok "$V: a log's directory is gone: a policy that closes the logs lets the JVM be restored" \
        wait_more "$log" 3
    stop "$pid"
    mkdir "$folder"
    restore "no-directory-$V" "$DIR/no-directory-image"
    ok "$V: a log's directory was made: the JVM is restored" wait_more "$log" 3
    stop "$pid"
}

# A file of the application is never made again, whatever its name is.
of_application() {
    local file=$DIR/handler.log
    rm -f "$file"*
    start_jvm "application-$V" - -cp "$CLASSES" Logs "$file"
    wait_line "$log" 3
    freeze "$pid" "$DIR/application" "$V: a log of the application" || return
    mv "$file" "$file.away"
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/application"
    refused "$V: a log of the application that is gone is not made again" "the JVM used '$file'"
}

body() {
    ! jdk_has unified_logging || jvm_log
    file_handler
    gone
    replaced
    deleted
    ! jdk_has unified_logging || unusual
    no_directory
    of_application
}
each_jdk body
done_testing
