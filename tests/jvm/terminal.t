#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Text of another user's JVM that root's command prints has no control characters: file names in
# refusals, arguments of the command line, names in an image.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

ESCAPES=$'\e]0;owned\a\e[2J\x9b31m\xc2\x9b32m\xe2\x80\xaeright'

# clean TEXT WHAT: no byte below a blank but the newline, no DEL, no C1 control, no change of direction.
clean() {
    local bad
    bad=$(LC_ALL=C tr -d '\n\t -~\200-\377' <<<"$1" | od -An -tx1 | tr -d ' \n')
    is "$bad" "" "$2: no control character"
    not_ok "$2: no control character of Unicode, no other direction" \
        grep -qP '[\x{80}-\x{9f}\x{202a}-\x{202e}]' <<<"$1"
    ok "$2: it is UTF-8" iconv -f UTF-8 -t UTF-8 -o /dev/null <<<"$1"
}

body() {
    local file="$DIR/${ESCAPES}file"
    mkfifo "$file" # a kind that is refused, by its name
    start "hostile-$V" bash -c 'exec 7<>"$1" && shift && exec "$@"' - "$file" \
        "$JAVA" "-agentpath:$AGENT=addr=none" "-Descape=$ESCAPES" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint "$pid" "$DIR/image"
    isnt "$status" 0 "$V: the checkpoint is refused"
    contains "$err" "file" "$V: the refusal names the file"
    clean "$err" "$V: a refusal"
    run "$CKPT" check "$pid"
    clean "$out$err" "$V: check"
    stop "$pid"
    start_jvm "image-$V" - "-Descape=$ESCAPES" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    freeze "$pid" "$DIR/image" "$V: freeze" || return
    run "$CKPT" inspect "$DIR/image" --threads --descriptors
    run "$CKPT" inspect "$DIR/image"
    contains "$out" "-Descape=" "$V: inspect shows the arguments"
    clean "$out$err" "$V: inspect"
    run "$CKPT" "restore" "$DIR/$ESCAPES"
    isnt "$status" 0 "$V: a directory that is not there"
    clean "$err" "$V: the name of a directory"
    run "$CKPT" "$ESCAPES"
    clean "$(head -n 1 <<<"$err")" "$V: a word that is no command"
    run "$CKPT" restore "--$ESCAPES"
    clean "$err" "$V: a word that is no option"
}

each_jdk body
done_testing
