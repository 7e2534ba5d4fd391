#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# `restore --cwd DIR`: relative names, absolute ones and child processes follow the new working
# directory; without it the JVM works where it was frozen, from wherever it is restored.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile WorkDir

folder() { # PATH CONTENT
    mkdir -p "$1"
    printf '%s\n' "$2" >"$1/note"
}

# tool_in FOLDER OPTION...: restores with the tool as main class, started in that folder.
tool_in() {
    local folder=$1
    shift
    RUN_SECONDS=60 run bash -c 'cd "$1" && shift && exec "$@"' - "$folder" "$CKPT" restore "$@" \
        "$DIR/image" -- 'WorkDir$Tool'
}

works_in() { # FOLDER CONTENT NAME
    local line missing=
    for line in "property [$1/note]" "file [$1/note]" "canonical [$1/note]" \
        "path [$1/note]" "real [$1/note]" \
        "old file [$1/note]" "old path [$1/note]" "stream [${2:0:1}]" "content [$2]" "child [$1/note]"; do
        grep -qxF -- "tool $line" <<<"$out" || missing+="$line; "
    done
    is "$missing" "" "$3"
}

body() {
    local frozen=$DIR/frozen here="$DIR/here with blanks é"
    folder "$frozen" original
    folder "$here" mine
    cd "$frozen" || bail_out "no folder"
    start_jvm "work-$V" - -cp "$CP" WorkDir
    cd "$TOP" || bail_out "no folder"
    wait_line "$log" "before child"
    freeze "$pid" "$DIR/image" "$V: the JVM" || return

    tool_in "$here" --cwd .
    is "$status" 0 "$V: restore --cwd .: the main class ends with 0"
    works_in "$here" mine "$V: restore --cwd .: every kind of name leads to the caller's directory"
    is "$(cat "$here/note")" rewritten "$V: restore --cwd .: the file in the caller's directory is rewritten"
    is "$(cat "$frozen/note")" original "$V: restore --cwd .: the file in the frozen directory is unchanged"

    folder "$here" mine
    tool_in "$here"
    works_in "$frozen" original "$V: restore without --cwd: every kind of name leads to the frozen directory"
    is "$(cat "$here/note")" mine "$V: restore without --cwd: the file in the caller's directory is unchanged"

    folder "$here" mine
    folder "$here/below" deeper
    tool_in "$here" --cwd=below
    works_in "$here/below" deeper "$V: restore --cwd: a name relative to the caller's directory is accepted"

    mv "$frozen" "$frozen-moved"
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: restore without --cwd: a missing frozen directory is refused with a hint" "frozen'.*--cwd"
    tool_in "$here" --cwd .
    is "$status" 0 "$V: restore --cwd: the frozen directory may be missing"
    RUN_SECONDS=20 run "$CKPT" restore --cwd "$here/none" "$DIR/image"
    refused "$V: restore --cwd: a missing new directory is refused" "'$here/none' \(--cwd\)"
}

each_jdk body
done_testing
