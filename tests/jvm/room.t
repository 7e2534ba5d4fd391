#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The room for an image is compared with the size that it will need before any hook is called: free
# space of the directory's file system, and the limit on the size of files. SIGXFSZ does not end the JVM.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Opened

# no_room WHAT PATTERN: of the last `run` of a checkpoint of the JVM $process.
no_room() {
    is "$status" 1 "$1: the checkpoint is refused"
    like "$err" "$2" "$1: the reason is reported"
    wait_more "$log" 2 || fail "$1: the JVM continues"
    unlike "$(<"$log")" "before checkpoint" "$1: no hook is called"
}

small_disk() {
    local image=$TMP/small/image-$V before
    start_jvm "disk-$V" - -Xmx256m -cp "$CP" Opened heap:40
    wait_line "$log" ready
    run "$CKPT" checkpoint "$pid" "$image"
    no_room "$V: a file system that is too small" \
        "the image needs some [0-9]+ MiB, and '$image' has room for"
    is "$(ls -A "$TMP/small")" "" "$V: a file system that is too small: no file is left there"
    stop "$pid"
    start_jvm "garbage-$V" - -XX:+UseSerialGC -Xmx256m -cp "$CP" Opened garbage:60
    wait_line "$log" ready
    run "$CKPT" checkpoint --leave-running "$pid" "$image"
    is "$status$err" 0 "$V: a file system that is too small only with garbage: the checkpoint succeeds"
    before=$(sha256sum "$image"/*)
    run "$CKPT" checkpoint --leave-running "$pid" "$image"
    [ "$status" = 0 ] ||
        is "$(sha256sum "$image"/*)" "$before" \
            "$V: a file system without room for two images: the older image stays"
    stop "$pid"
    rm -rf "$image"
}

file_limit() {
    local image=$DIR/limit
    CONFINE=(prlimit --fsize=2097152:unlimited --)
    start_jvm "limit-$V" - -Xmx64m -XX:-UsePerfData -cp "$CP" Opened
    CONFINE=()
    wait_line "$log" ready
    run "$CKPT" checkpoint "$pid" "$image"
    no_room "$V: a limit on the size of files" \
        "the image needs a file of some [0-9]+ MiB, and the limit is 2048 KiB"
    prlimit --pid "$pid" --fsize=8388608:unlimited
    run "$CKPT" checkpoint "$pid" "$image"
    is "$status" 1 "$V: a limit that is nearly enough: the checkpoint is refused"
    like "$err" "the image needs a file of .*, and the limit is 8192 KiB" \
        "$V: a limit that is nearly enough: the reason is reported"
    wait_more "$log" 2 || fail "$V: a limit that is nearly enough: the JVM continues"
    is "$(find "$image" -type f 2>/dev/null)" "" "$V: a limit that is nearly enough: no file is left"
    prlimit --pid "$pid" --fsize=unlimited:unlimited
    freeze "$pid" "$image" "$V: without a limit"
    pass "$V: without a limit: the JVM is frozen"
}

body() {
    file_limit
    if [ -d "$TMP/small" ]; then
        small_disk
    else
        cannot "$V: a file system that is too small: the checkpoint is refused" "no tmpfs can be mounted here"
    fi
}

mkdir "$TMP/small"
if mount -t tmpfs -o size=32m tmpfs "$TMP/small" 2>/dev/null; then
    trap 'umount -l "$TMP/small"; tap_cleanup' EXIT
else
    rmdir "$TMP/small"
fi
each_jdk body
done_testing
