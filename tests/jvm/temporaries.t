#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Temporary files and folders of the JVM, such as unpacked web applications: one restored process
# deletes them at its end, and the next one has them nevertheless. Existing files are not overwritten,
# and files of another user are not taken for the JVM's own.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Temporaries

# begin NAME MIB [OPTION]: a JVM with its own temporary folder.
begin() {
    tmp=$DIR/tmp-$1
    mkdir -p "$tmp"
    OPTIONS=(addr=none ${3:+"$3"})
    start_jvm "$1-$V" "$DIR/$1" "-Djava.io.tmpdir=$tmp" -cp "$CP" Temporaries "$2"
    OPTIONS=(addr=none)
    wait_line "$log" 3
}

restore_next() { # NAME WHAT
    round=$((${round:-0} + 1))
    restore "$1-$V-$round" "$DIR/$1"
    ok "$V: $2" continues
}

continues() {
    wait_line "$log" "" && wait_more "$log" 2
}

# The content of the temporary folder, with modes and times.
listing() {
    (cd "$tmp" && find . -printf '%p %M %T@ %s\n' | sort)
}

deleted_files() {
    local before second
    begin lasting 0
    freeze "$pid" "$DIR/lasting" "$V: temporary files" || return
    before=$(listing)
    restore_next lasting "the first clone has its temporary files"
    stop "$pid"
    is "$(find "$tmp" -mindepth 1)" "" "$V: the first clone deletes its temporary files at its end"
    run "$CKPT" restore --dry-run "$DIR/lasting"
    is "$status$err/$(find "$tmp" -mindepth 1)" 0/ "$V: restore --dry-run makes no temporary files"
    restore_next lasting "the second clone has its temporary files"
    is "$(listing | sed '/shared/d;1d')" "$(sed '/shared/d;1d' <<<"$before")" \
        "$V: temporary files have their modes, times and sizes in the second clone"
    freeze "$pid" "$DIR/lasting" "$V: temporary files, generation 1"
    rm -rf "$tmp"
    restore_next lasting "the next generation has its temporary files although the folder is missing"
    kill -KILL "$pid"
    wait_exit "$pid"
    rm -rf "$tmp"
    restore "lasting-$V-second" "$DIR/lasting"
    second=$pid
    restore_next lasting "two clones at once have their temporary files"
    kill -KILL "$second"
    wait_exit "$second"
    is "$(cat "$TMP/lasting-$V"*.log | grep -c wrong)" 0 "$V: no clone misses a temporary file"
    is "$(find "$tmp" -name '.checkpointer*')" "" \
        "$V: restores leave no '.checkpointer' file in the temporary folder"

    is "$(ls -A "$DIR/lasting")" image$'\n'manifest.json "$V: image directory: no other file is left in it"
    kill -KILL "$pid"
    wait_exit "$pid"
    printf 'changed' >"$tmp/folder/other"
    restore "lasting-$V-changed" "$DIR/lasting"
    ok "$V: restore: an existing temporary file is not overwritten" wait_line "$log" "wrong: work"
    wait_exit "$pid"
}

foreign_files() {
    begin others 0
    freeze "$pid" "$DIR/others" "$V: temporary files that others replace" || return
    export RUN_SECONDS=20
    rm -rf "$tmp/war"
    ln -s /etc "$tmp/war"
    run "$CKPT" restore "$DIR/others"
    refused "$V: restore: a link in place of a temporary folder is refused" \
        "'$tmp/war' was the JVM's and is a link now; remove it"
    rm "$tmp/war"
    if [ "$(id -u)" = 0 ]; then
        mkdir "$tmp/war"
        chown 12345 "$tmp/war"
        run "$CKPT" restore "$DIR/others"
        refused "$V: restore: a temporary folder of another user is refused" \
            "'$tmp/war' was the JVM's and is another user's now; remove it"
        rmdir "$tmp/war"
    else
        cannot "$V: restore: a temporary folder of another user is refused" "needs root"
    fi
    rm "$tmp/folder/lib/a.jar"
    printf 'something else' >"$tmp/folder/lib/a.jar"
    run "$CKPT" restore "$DIR/others"
    refused "$V: restore: another file in place of an open temporary file is refused" \
        "'$tmp/folder/lib/a.jar' has changed since the checkpoint"
    unset RUN_SECONDS
    rm "$tmp/folder/lib/a.jar"
    restore_next others "a JVM is restored when foreign files are removed from its temporary folder"
    stop "$pid"
}

limited() {
    begin limited 3 tmp_files=2
    freeze "$pid" "$DIR/limited" "$V: too many temporary files" || return
    like "$(<"$log")" "temporary files that do not fit into 2 MiB.*: '$tmp/large'" \
        "$V: tmp_files=2: a temporary file that exceeds the limit is named"
    rm -rf "$tmp"
    restore "limited-$V" "$DIR/limited"
    ok "$V: tmp_files=2: only the file that exceeds the limit is missing" wait_line "$log" "wrong: large"
    wait_exit "$pid"

    begin none 0 tmp_files=0
    freeze "$pid" "$DIR/none" "$V: no temporary files" || return
    is "$("$CKPT" inspect "$DIR/none" | grep '^  t ')" "" \
        "$V: tmp_files=0: no empty file and no folder is in the image either"
    rm -rf "$tmp"
    run "$CKPT" restore "$DIR/none"
    refused "$V: tmp_files=0: no temporary file is in the image" "'$tmp/"
}

# A restored JVM whose working directory is a temporary folder, which is then removed.
work_folder() {
    begin work 0
    freeze "$pid" "$DIR/work" "$V: work folder" || return
    mkdir "$tmp/worked-in"
    restore "work-$V-1" --cwd "$tmp/worked-in" "$DIR/work"
    ok "$V: work folder: a JVM continues in a temporary folder" continues
    freeze "$pid" "$DIR/work" "$V: work folder, generation 1" || return
    rm -r "$tmp/worked-in"
    run "$CKPT" restore --dry-run "$DIR/work"
    is "$status$err" 0 "$V: work folder: --dry-run: a missing temporary folder is no obstacle"
    [ ! -e "$tmp/worked-in" ] || fail "$V: work folder: --dry-run makes no folder"
    restore "work-$V-2" "$DIR/work"
    ok "$V: work folder: the next generation continues in it" continues
    is "$(readlink "/proc/$pid/cwd")" "$(realpath "$tmp")/worked-in" \
        "$V: work folder: the working directory has its old name"
    stop "$pid"
}

body() {
    work_folder
    deleted_files
    foreign_files
    limited
}
each_jdk body
done_testing
