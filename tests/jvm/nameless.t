#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Files that were deleted while the JVM has them open or mapped: each restored process has their
# content, descriptors and mappings of one file are one file, and too large ones are refused. So do
# the files of a JDK that an update has replaced.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Nameless

again() { # WHAT
    round=$((${round:-0} + 1))
    restore "nameless-$V-$round" "$DIR/image"
    ok "$V: $1" goes_on
}

goes_on() {
    wait_line "$log" "" 60 && wait_more "$log" 2
}

kept() {
    local first
    start_jvm "nameless-$V" - -cp "$CP" Nameless "$DIR" 300
    wait_line "$log" 3
    freeze "$pid" "$DIR/image" "$V: deleted files" || return
    again "deleted files are there in a restored process"
    first=$pid
    again "and in a second one at the same time"
    stop "$first"
    freeze "$pid" "$DIR/image" "$V: deleted files, generation 1"
    again "deleted files are there in the next generation"
    freeze "$pid" "$DIR/image" "$V: deleted files, generation 2"
    again "and in the one after that"
    stop "$pid"
    is "$(cat "$TMP/nameless-$V"*.log | grep -c wrong)" 0 "$V: each had what was written"
}

large() {
    OPTIONS=(addr=none tmp_files=1)
    start_jvm "large-$V" - -cp "$CP" Nameless "$DIR" 3000
    OPTIONS=(addr=none)
    wait_line "$log" 3
    run "$CKPT" checkpoint "$pid" "$DIR/large"
    is "$status" 1 "$V: a large deleted file: the checkpoint is refused"
    like "$err" "'$DIR/open \(deleted\)' is a deleted file of 3 MiB, more than is allowed" \
        "$V: a large deleted file: by name"
    is "$(grep -c "$DIR/open" <<<"$err")" 1 "$V: a large deleted file: once"
    ok "$V: a large deleted file: the JVM continues" wait_more "$log" 2
    stop "$pid"
}

# An update replaces a whole JDK under the running JVM, and in the end there is none.
updated() {
    [ "$JAVA_HOME" = "${JDKS[0]}" ] || return 0 # copies much
    cp -r "$(realpath "$JAVA_HOME")" "$DIR/jdk"
    local JAVA=$DIR/jdk/bin/java
    start_jvm "updated-$V" - -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    cp -r "$DIR/jdk" "$DIR/new"
    rm -r "$DIR/jdk"
    mv "$DIR/new" "$DIR/jdk"
    freeze "$pid" "$DIR/updated" "$V: an updated JDK" || return
    restore "updated-$V-1" "$DIR/updated"
    ok "$V: an updated JDK: the restored process continues with the old one" goes_on
    freeze "$pid" "$DIR/updated" "$V: an updated JDK, generation 1" || return
    rm -r "$DIR/jdk"
    restore "updated-$V-2" "$DIR/updated"
    ok "$V: an updated JDK: so does the next generation, without any" goes_on
    stop "$pid"
}

body() {
    updated
    kept
    large
}
each_jdk body
done_testing
