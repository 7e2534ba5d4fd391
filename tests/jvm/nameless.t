#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Files that were deleted while the JVM has them open or mapped: each restored process has their
# content, descriptors and mappings of one file share one file, and too large ones are refused. The
# files of a JDK that an update has replaced are kept in the same way.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Nameless

restore_next() { # WHAT
    round=$((${round:-0} + 1))
    restore "nameless-$V-$round" "$DIR/image"
    ok "$V: $1" continues
}

continues() {
    wait_line "$log" "" && wait_more "$log" 2
}

kept() {
    local first
    start_jvm "nameless-$V" - -cp "$CP" Nameless "$DIR" 300
    wait_line "$log" 3
    freeze "$pid" "$DIR/image" "$V: deleted files" || return
    restore_next "restore: deleted files are there in a restored process"
    first=$pid
    restore_next "restore: deleted files are there in a second clone at the same time"
    stop "$first"
    freeze "$pid" "$DIR/image" "$V: deleted files, generation 1"
    restore_next "restore: deleted files are there in generation 1"
    freeze "$pid" "$DIR/image" "$V: deleted files, generation 2"
    restore_next "restore: deleted files are there in generation 2"
    stop "$pid"
    is "$(cat "$TMP/nameless-$V"*.log | grep -c wrong)" 0 "$V: restore: each deleted file has its own content"
}

large() {
    OPTIONS=(addr=none tmp_files=1)
    start_jvm "large-$V" - -cp "$CP" Nameless "$DIR" 3000
    OPTIONS=(addr=none)
    wait_line "$log" 3
    run "$CKPT" checkpoint "$pid" "$DIR/large"
    is "$status" 1 "$V: a large deleted file: the checkpoint is refused"
    like "$err" "'$DIR/open \(deleted\)' is a deleted file of 3 MiB, more than is allowed" \
        "$V: a large deleted file: the refusal names it"
    is "$(grep -c "$DIR/open" <<<"$err")" 1 "$V: a large deleted file: the refusal names it once"
    like "$err" "allow it by --tmp-files=[34] " "$V: a large deleted file: the refusal says how it would pass"
    ok "$V: a large deleted file: the JVM continues after the refusal" wait_more "$log" 2
    freeze "$pid" "$DIR/large" "$V: a large deleted file, with --tmp-files" --tmp-files=4 &&
        restore "large-$V" "$DIR/large"
    ok "$V: a large deleted file: with --tmp-files it is restored" continues
    stop "$pid"
}

# An update replaces a whole JDK while the JVM runs, and later the JDK is removed.
updated() {
    [ "$JAVA_HOME" = "${JDKS[0]}" ] || return 0 # it copies the whole JDK
    cp -r "$(realpath "$JAVA_HOME")" "$DIR/jdk"
    local JAVA=$DIR/jdk/bin/java
    start_jvm "updated-$V" - -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    cp -r "$DIR/jdk" "$DIR/new"
    rm -r "$DIR/jdk"
    mv "$DIR/new" "$DIR/jdk"
    freeze "$pid" "$DIR/updated" "$V: an updated JDK" || return
    restore "updated-$V-1" "$DIR/updated"
    ok "$V: an updated JDK: the restored process continues with the old one" continues
    freeze "$pid" "$DIR/updated" "$V: an updated JDK, generation 1" || return
    rm -r "$DIR/jdk"
    restore "updated-$V-2" "$DIR/updated"
    ok "$V: a removed JDK: the next generation continues with the old one" continues
    stop "$pid"
}

body() {
    updated
    kept
    large
}
each_jdk body
done_testing
