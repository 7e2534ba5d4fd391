#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Temporary files and folders of the JVM, such as unpacked web applications: the end of one process
# that was restored from an image deletes them, and the next one has them all the same. Nothing that
# is there is overwritten, and nothing of another user is taken for the JVM's own.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Temporaries

# begin NAME MIB [OPTION]: a JVM with a temporary folder of its own.
begin() {
    tmp=$DIR/tmp-$1
    mkdir -p "$tmp"
    OPTIONS=(addr=none ${3:+"$3"})
    start_jvm "$1-$V" "$DIR/$1" "-Djava.io.tmpdir=$tmp" -cp "$CP" Temporaries "$2"
    OPTIONS=(addr=none)
    wait_line "$log" 3 60
}

again() { # NAME WHAT
    round=$((${round:-0} + 1))
    restore "$1-$V-$round" "$DIR/$1"
    ok "$V: $2" goes_on
}

goes_on() {
    wait_line "$log" "" 60 && wait_more "$log" 2
}

# What is in the temporary folder, with modes and times.
listing() {
    (cd "$tmp" && find . -printf '%p %M %T@ %s\n' | sort)
}

lasting() {
    local before second
    begin lasting 0
    freeze "$pid" "$DIR/lasting" "$V: temporary files" || return
    before=$(listing)
    again lasting "the first restore has its temporary files"
    stop "$pid"
    is "$(find "$tmp" -mindepth 1)" "" "$V: whose end deletes all of them"
    run "$CKPT" restore --dry-run "$DIR/lasting"
    is "$status$err/$(find "$tmp" -mindepth 1)" 0/ "$V: a rehearsal makes none of them"
    again lasting "the second restore has them again"
    is "$(listing | sed '/shared/d;1d')" "$(sed '/shared/d;1d' <<<"$before")" \
        "$V: with their modes, times and sizes"
    freeze "$pid" "$DIR/lasting" "$V: temporary files, generation 1"
    rm -rf "$tmp"
    again lasting "the next generation has them, with the whole folder gone"
    kill -KILL "$pid"
    wait_exit "$pid"
    rm -rf "$tmp"
    restore "lasting-$V-second" "$DIR/lasting"
    second=$pid
    again lasting "two restores at once have them"
    kill -KILL "$second"
    wait_exit "$second"
    is "$(cat "$TMP/lasting-$V"*.log | grep -c wrong)" 0 "$V: none was without one of them"
    is "$(find "$tmp" -name '.checkpointer*')" "" "$V: and no other file is left"

    is "$(ls -A "$DIR/lasting")" image$'\n'manifest.json "$V: the image's own files are none of them"
    kill -KILL "$pid"
    wait_exit "$pid"
    printf 'changed' >"$tmp/folder/other"
    restore "lasting-$V-changed" "$DIR/lasting"
    ok "$V: a file that is there is not overwritten" wait_line "$log" "wrong: work"
    wait_exit "$pid"
}

others() {
    begin others 0
    freeze "$pid" "$DIR/others" "$V: temporary files that others replace" || return
    export RUN_SECONDS=20
    rm -rf "$tmp/war"
    ln -s /etc "$tmp/war"
    run "$CKPT" restore "$DIR/others"
    refused "$V: a link in a folder's place" "'$tmp/war' was the JVM's and is a link now; remove it"
    rm "$tmp/war"
    if [ "$(id -u)" = 0 ]; then
        mkdir "$tmp/war"
        chown 12345 "$tmp/war"
        run "$CKPT" restore "$DIR/others"
        refused "$V: a folder of another user" "'$tmp/war' was the JVM's and is another user's now; remove it"
        rmdir "$tmp/war"
    else
        cannot "$V: a folder of another user" "needs root"
    fi
    rm "$tmp/folder/lib/a.jar"
    printf 'something else' >"$tmp/folder/lib/a.jar"
    run "$CKPT" restore "$DIR/others"
    refused "$V: another file where one was open" "'$tmp/folder/lib/a.jar' has changed since the checkpoint"
    unset RUN_SECONDS
    rm "$tmp/folder/lib/a.jar"
    again others "with those removed it is restored"
    stop "$pid"
}

limited() {
    begin limited 3 tmp_files=2
    freeze "$pid" "$DIR/limited" "$V: too many temporary files" || return
    like "$(<"$log")" "temporary files that do not fit into 2 MiB.*: '$tmp/large'" \
        "$V: a file that exceeds the limit is named"
    rm -rf "$tmp"
    restore "limited-$V" "$DIR/limited"
    ok "$V: and that alone is missing" wait_line "$log" "wrong: large"
    wait_exit "$pid"

    begin none 0 tmp_files=0
    freeze "$pid" "$DIR/none" "$V: no temporary files" || return
    rm -rf "$tmp"
    run "$CKPT" restore "$DIR/none"
    refused "$V: tmp_files=0: none of them is in the image" "'$tmp/"
}

# A restored JVM that works in a temporary folder, which then is gone.
work_folder() {
    begin work 0
    freeze "$pid" "$DIR/work" "$V: work folder" || return
    mkdir "$tmp/worked-in"
    restore "work-$V-1" --cwd "$tmp/worked-in" "$DIR/work"
    ok "$V: it works in a temporary folder" goes_on
    freeze "$pid" "$DIR/work" "$V: work folder, generation 1" || return
    rm -r "$tmp/worked-in"
    run "$CKPT" restore --dry-run "$DIR/work"
    is "$status$err" 0 "$V: a working directory that is a missing temporary folder is no obstacle"
    [ ! -e "$tmp/worked-in" ] || fail "$V: --dry-run makes no working directory"
    restore "work-$V-2" "$DIR/work"
    ok "$V: it works there again" goes_on
    is "$(readlink "/proc/$pid/cwd")" "$(realpath "$tmp")/worked-in" "$V: in a folder of that name"
    stop "$pid"
}

body() {
    work_folder
    lasting
    others
    limited
}
each_jdk body
done_testing
