#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Jars that were unpacked again before a restore: a jar that has the inode number and the time of change
# that an open one had at the checkpoint is not taken for that one.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile OpenJars

make_jar() { # PATH ENTRY
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").writestr(sys.argv[2], "text")' "$@"
    touch -d @1700000000 "$1"
}

body() {
    local restored
    mkdir -p "$DIR/jars"
    make_jar "$DIR/jars/open.jar" open-entry
    start_jvm "open-$V" - -cp "$CP" OpenJars "$DIR/jars/open.jar" "$DIR/jars/other.jar"
    wait_line "$log" ready
    freeze "$pid" "$DIR/image" "$V: a JVM with an open jar" || return
    # The inode of the open jar becomes that of another one.
    mv "$DIR/jars/open.jar" "$DIR/jars/inode"
    cp -p "$DIR/jars/inode" "$DIR/jars/open.jar"
    make_jar "$DIR/other.jar" other-entry
    cat "$DIR/other.jar" >"$DIR/jars/inode"
    touch -d @1700000000 "$DIR/jars/inode"
    restore "open-$V" "$DIR/image"
    restored=$pid
    mv "$DIR/jars/inode" "$DIR/jars/other.jar"
    wait_line "$log" "open 1"
    wait_exit "$restored"
    is "$status" 0 "$V: the restored JVM ends with 0"
    is "$(tail -n 3 "$log" | tr '\n' ' ')" "other.jar other-entry open.jar open-entry open 1 " \
        "$V: each jar has its own entries"
}
each_jdk body
done_testing
