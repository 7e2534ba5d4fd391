#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Text from another user's JVM that root's command prints has no control characters: file names in
# refusals, arguments of the command line, names in an image.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

ESCAPES=$'\e]0;owned\a\e[2J\x9b31m\xc2\x9b32m\xe2\x80\xaeright'

# clean TEXT WHAT: no control character but tab and newline, no C1 control, no change of direction.
clean() {
    local bad
    bad=$(LC_ALL=C tr -d '\n\t -~\200-\377' <<<"$1" | od -An -tx1 | tr -d ' \n')
    is "$bad" "" "$2: no control character is printed"
    not_ok "$2: no C1 control and no change of direction is printed" \
        grep -qP '[\x{80}-\x{9f}\x{202a}-\x{202e}]' <<<"$1"
    ok "$2: the output is UTF-8" iconv -f UTF-8 -t UTF-8 -o /dev/null <<<"$1"
}

body() {
    local file="$DIR/${ESCAPES}file"
    mkfifo "$file" # a kind that is refused, by its name
    printf 'type: file\npath: **file\naction: error\n' >"$DIR/rules" # an inherited one is accepted
    start "hostile-$V" bash -c 'exec 7<>"$1" && shift && exec "$@"' - "$file" \
        "$JAVA" "-agentpath:$AGENT=addr=none,policies=$DIR/rules" "-Descape=$ESCAPES" \
        -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint "$pid" "$DIR/image"
    isnt "$status" 0 "$V: a refusal: the checkpoint is refused"
    contains "$err" "file" "$V: a refusal: the file is named"
    clean "$err" "$V: a refusal"
    run "$CKPT" check "$pid"
    clean "$out$err" "$V: check"
    stop "$pid"
    start_jvm "image-$V" - "-Descape=$ESCAPES" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    freeze "$pid" "$DIR/image" "$V: the JVM" || return
    run "$CKPT" inspect "$DIR/image" --threads --descriptors
    run "$CKPT" inspect "$DIR/image"
    contains "$out" "-Descape=" "$V: inspect: the arguments are shown"
    clean "$out$err" "$V: inspect"
    run "$CKPT" "restore" "$DIR/$ESCAPES"
    isnt "$status" 0 "$V: restore: a missing directory is refused"
    clean "$err" "$V: restore: the name of a missing directory"
    run "$CKPT" "$ESCAPES"
    clean "$(head -n 1 <<<"$err")" "$V: an unknown command"
    run "$CKPT" restore "--$ESCAPES"
    clean "$err" "$V: an unknown option"
}

each_jdk body
done_testing
