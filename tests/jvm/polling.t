#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A file that is open for short moments only, such as a configuration file that is polled, is mostly not
# in the image: it may change before the restore. A file that stays open is in the image, and must not
# change. The choice of the moment is tested by tests/unit/transient_files.c; here the file is open for
# half of the time.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Polling

body() {
    local turn dead=0 image=$DIR/image-12
    head -c 30000 /dev/zero >"$DIR/polled"
    head -c 10 /dev/zero >"$DIR/kept"
    mv "$DIR/kept" "$DIR/kept (deleted)" # its name looks like that of a deleted file
    start_jvm "polling-$V" - -cp "$CP" Polling "$DIR/polled" "$DIR/kept (deleted)"
    wait_line "$log" ready
    for turn in {1..12}; do
        run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-$turn"
        [ "$status$err" = 0 ] || fail "$V: checkpoint $turn succeeds" "$status $err"
    done
    stop "$pid"
    printf 'changed\n' >"$DIR/polled"
    for turn in {1..12}; do
        run "$CKPT" restore --dry-run "$DIR/image-$turn"
        [ "$status" = 0 ] || { dead=$((dead + 1)) && diag "$err"; }
    done
    ok "$V: restore: at least 7 of 12 images do not depend on a file that is open only for moments" \
        test "$dead" -le 5
    printf 'changed\n' >"$DIR/kept (deleted)"
    run "$CKPT" restore --dry-run "$image"
    refused "$V: restore: a file that stays open and has changed is refused" "kept \(deleted\)' has changed"
}

each_jdk body
done_testing
