#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Logging continues in the same files after a restore, with no record lost or repeated: the JVM's own
# (-Xlog to a file, from JDK 9 on) and java.util.logging's FileHandler.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Logs

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

body() {
    ! jdk_has unified_logging || jvm_log
    file_handler
}
each_jdk body
done_testing
