#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# restore --missing=exception: files that cannot be opened again, or are others now, do not prevent a
# restore. The application gets a RestoreException that names each, and their descriptors are dead, also
# in the next generation. Without the option the image is refused.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
RUN_SECONDS=30

OPTIONS=(addr=none "policies=$TMP/rules")

# frozen WHAT CHECKPOINTS: the program with all its files, frozen by its first checkpoint.
frozen() {
    rm -rf "$DIR/files" "$image"
    mkdir -p "$DIR/files/directory"
    for name in read log data locked stays; do
        printf 'content of %s\n' "$name" >"$DIR/files/$name"
    done
    mkfifo "$DIR/files/pipe"
    start_jvm "$1" "$image" -cp "$CP" Missing "$DIR/files" "$2"
    wait_exit "$pid"
    [ "$status" = 137 ] || diag "$(<"$log")"
    is "$status" 137 "$1: the JVM is frozen"
}

# again WHAT [OPTION...]: restores the image until the JVM ends or is frozen again.
again() {
    : >"$log"
    restore "$1" "${@:2}" "$image"
    wait_exit "$pid"
    output=$(<"$log")
}

# excepted NAME PATTERN: of `again`, the exception for one file.
excepted() {
    like "$output" "suppressed java.io.FileNotFoundException descriptor [0-9]+: .*'$DIR/files/$1'$2" \
        "$what: --missing=exception: the RestoreException names a file that is $3"
}

all_gone() {
    local what="JDK $V: files that are gone" name
    frozen "$what" 2 || return
    rm -r "$DIR/files"/{read,log,data,locked,directory,pipe}
    run "$CKPT" restore "$image"
    refused "$what: without --missing the image is refused" "no such file"
    run "$CKPT" restore --missing=refuse "$image"
    refused "$what: --missing=refuse: the image is refused" "no such file"
    run "$CKPT" restore --dry-run --missing=exception "$image"
    is "$status $out" "0 '$image' would be restored here" "$what: --dry-run --missing=exception succeeds"
    is "$(grep -c 'warning: not opened again, with --missing=exception: descriptor' <<<"$err")" 6 \
        "$what: --dry-run --missing=exception lists the files that are missing"

    again "$what" --missing=exception
    is "$status" 137 "$what: --missing=exception: the JVM is restored and frozen again"
    contains "$output" "failed org.crac.RestoreException" \
        "$what: --missing=exception: there is a RestoreException"
    is "$(grep -c '^suppressed ' <<<"$output")" 6 \
        "$what: --missing=exception: each file has its own exception"
    for name in read log data locked directory pipe; do
        excepted "$name" ": no such file" "gone: $name"
        contains "$output" "$name fails java" "$what: --missing=exception: the descriptor is dead: $name"
    done
    contains "$output" "afterRestore was called" "$what: --missing=exception: the hooks run"
    contains "$output" "stays works" "$what: --missing=exception: other descriptors work"
    is "$(ls "$DIR/files" | tr '\n' ' ')" "new-0 stays " "$what: --missing=exception makes no file again"

    again "$what, next generation"
    contains "$output" returned "$what, next generation: there is no exception any more"
    contains "$output" "read fails java" "$what, next generation: the descriptor stays dead"
    contains "$output" "new 0" "$what, next generation: writing to a dead descriptor reaches no other file"
    contains "$output" "closing works" "$what, next generation: dead descriptors can be closed"
    contains "$output" end "$what, next generation: the program ends as usual"
}

others() {
    local what="JDK $V: files that are others now"
    frozen "$what" 1 || return
    printf 'short\n' >"$DIR/files/read"
    : >"$DIR/files/log"
    rm "$DIR/files/pipe" && : >"$DIR/files/pipe"
    rm "$DIR/files/data" && mkfifo "$DIR/files/data"
    rmdir "$DIR/files/directory" && : >"$DIR/files/directory"
    again "$what" --missing=exception
    is "$(grep -c '^suppressed ' <<<"$output")" 5 \
        "$what: --missing=exception: each file has its own exception"
    excepted read " has changed" "another one now"
    excepted log " has changed" "a log that was emptied"
    excepted data " is no longer a file of the same kind" "a named pipe now"
    excepted pipe " is no longer a file of the same kind" "a file instead of a named pipe now"
    excepted directory " is no longer a file of the same kind" "a file instead of a directory now"
    contains "$output" "locked works" "$what: --missing=exception: an unchanged file keeps its lock"
    contains "$output" "read fails java" "$what: --missing=exception: the descriptor is dead: read"
    is "$(cat "$DIR/files/log")" "" "$what: --missing=exception: nothing is written to the other file"
    contains "$output" "new 0" \
        "$what: --missing=exception: writing to a dead descriptor reaches no other file"
    again "$what" --missing=exception --allow-changed-files
    unlike "$output" "files/log' has changed" "$what: --allow-changed-files goes first"
}

none() {
    local what="JDK $V: no file is missing"
    frozen "$what" 1 || return
    again "$what" --missing=exception
    contains "$output" returned "$what: --missing=exception has no effect"
    is "$(grep -c ' works$' <<<"$output")" 8 "$what: --missing=exception: all descriptors work"
}

mapped() {
    local what="JDK $V: a mapped file"
    rm -rf "$image"
    head -c 1048576 /dev/zero >"$DIR/map" # not the JVM's own, of which the image would have a copy
    start_jvm "$what" - -cp "$CP" ChangedFiles "$DIR" map
    wait_line "$log" "written 0" && freeze "$pid" "$image" "$what"
    rm "$DIR/map"
    run "$CKPT" restore --missing=exception "$image"
    refused "$what: --missing=exception: a mapped file that is gone is refused all the same" \
        "the JVM used '$DIR/map'"
    run "$CKPT" restore --missing=perhaps "$image"
    is "$status" 2 "$what: --missing=perhaps is refused"
    contains "$err" "expected refuse or exception" "$what: --missing=perhaps: the values are named"
}

# Requested from outside: no application catches the exception, so it is reported.
from_outside() {
    local what="JDK $V: a checkpoint from outside"
    printf 'content\n' >"$DIR/input"
    start "$what" "$CKPT" run --option addr=none -- "$JAVA" -cp "$CP" Polling "$DIR/input" "$DIR/input"
    wait_line "$log" "turn"
    freeze "$pid" "$image" "$what" || return
    rm "$DIR/input"
    : >"$log"
    restore "$what" --missing=exception "$image"
    wait_line "$log" "$DIR/input': no such file"
    contains "$(<"$log")" "restored, but afterRestore failed" \
        "$what: --missing=exception: the file is reported"
    stop "$pid"
}

body() {
    image=$DIR/image
    printf '%s\n' 'type: file' "path: $DIR/files/pipe" 'action: reopen' >"$TMP/rules"
    all_gone
    others
    none
    mapped
    from_outside
}

compile Missing Polling ChangedFiles
each_jdk body
done_testing
