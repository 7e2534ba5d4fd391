#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Logging goes on in the same files after a restore, nothing lost and nothing twice: the JVM's own
# (-Xlog to a file, from JDK 9 on) and java.util.logging's FileHandler.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Logs

# collections FILE: the numbers that the collections have in the JVM's log.
collections() {
    sed -n 's/.*\[gc,start *\] *GC(\([0-9]*\)).*/\1/p' "$1"
}

# again NAME: freezes the program and brings it back until it has counted on.
again() {
    freeze "$pid" "$DIR/$1" "$V: $1" || return
    restore "$1-$V" "$DIR/$1"
    wait_more "$log" 3 || fail "$V: $1: it counts on"
}

jvm_log() {
    local gc=$DIR/gc.log all=$DIR/all.log before size generation
    start_jvm "jvm-$V" - -XX:+UseSerialGC "-Xlog:gc*:file=$gc" "-Xlog:safepoint,os:file=$all" \
        -cp "$CLASSES" Logs
    wait_line "$log" 3
    for generation in 1 2; do
        before=$(collections "$gc" | wc -l)
        size=$(stat -c %s "$all")
        again jvm || return
        ok "$V: -Xlog:gc*:file goes on after restore $generation" \
            [ "$(collections "$gc" | wc -l)" -ge $((before + 3)) ]
        ok "$V: and so does another -Xlog file" [ "$(stat -c %s "$all")" -gt "$size" ]
    done
    stop "$pid"
    # What a restored JVM wrote over would be missing.
    is "$(collections "$gc" | awk '$1 != NR - 1' | head -n 1)" "" \
        "$V: no collection is missing from the log, none is there twice"
    in_sequence "$log" "$V: nor a number of the program's"
}

# FileHandler holds a lock on FILE.lck for as long as it is open.
file_handler() {
    local file=$DIR/handler.log number said
    start_jvm "handler-$V" - -cp "$CLASSES" Logs "$file"
    wait_line "$log" 3
    run "$CKPT" checkpoint "$pid" "$DIR/handler"
    is "$status$err" 0 "$V: FileHandler: a checkpoint"
    wait_exit "$pid"
    restore "handler-$V" "$DIR/handler"
    ok "$V: FileHandler: and a restore" wait_more "$log" 3
    not_ok "$V: FileHandler: its lock is taken again" flock_free "$file.lck"
    said=$(last_number "$log") # logged before it was said; at its end the JVM closes the handler first
    stop "$pid"
    in_sequence "$file" "$V: FileHandler: goes on in its file"
    number=$(last_number "$file")
    ok "$V: FileHandler: up to the end" [ "$number" -ge "$said" ]
    is "$(ls "$DIR" | grep -c '^handler\.log')" 1 "$V: FileHandler: its lock file is gone at the end"
}

# flock_free FILE: whether nobody has a POSIX lock on it.
flock_free() {
    python3 -c 'import fcntl, sys; fcntl.lockf(open(sys.argv[1], "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)' \
        "$1"
}

body() {
    [ "$V" -lt 9 ] || jvm_log
    file_handler
}
each_jdk body
done_testing
