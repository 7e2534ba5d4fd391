#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Files that the kernel generates (/proc, /sys, cgroups): opened again for the new process, its threads
# and its cgroup. And descriptors that exist only for a moment: they neither refuse a checkpoint nor
# make an image useless.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile ProcFiles
ALL="files: self pid thread bare ours ended leader info meminfo stat mounts sys comm"

held() {
    start_jvm "hold-$V" "$DIR/hold" -cp "$CP" ProcFiles hold
    wait_line "$log" ready || return
    local original=$pid
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/hold"
    is "$status$out$err" 0 "$V: checkpoint: open files of /proc, /sys and a cgroup are permitted"
    restore "hold-clone-$V" "$DIR/hold"
    wait_exit "$pid"
    is "$(cat "$log")" "$ALL tasks" "$V: restore: files of /proc are the clone's own, not the original's"
    freeze "$original" "$DIR/again" "$V: files of /proc" || return
    restore "hold-$V" "$DIR/again"
    wait_exit "$pid"
    is "$(tail -n 1 "$log")" "$ALL tasks" \
        "$V: restore: files of /proc are the own ones of the second generation"
    # The image can be restored more than once.
    restore "hold-clone-$V" "$DIR/again"
    wait_exit "$pid"
    is "$(tail -n 1 "$log")" "$ALL tasks" "$V: restore: files of /proc are a second clone's own"
}

other() {
    local process
    tail -f /dev/null &
    process=$!
    tap_started+=("$process")
    start_jvm "other-$V" - -cp "$CP" ProcFiles other "/proc/$process/stat"
    wait_line "$log" ready || return
    run "$CKPT" checkpoint "$pid" "$DIR/other"
    is "$status" 1 "$V: checkpoint: an open file of /proc of another process is refused"
    like "$err" "'/proc/$process/stat', a file of another process" \
        "$V: checkpoint: an open file of /proc of another process is named"
    kill "$process"
    wait_exit "$process"
    freeze "$pid" "$DIR/other" "$V: with a file of /proc of an ended process"
    restore "other-$V" "$DIR/other"
    ok "$V: restore: an open file of /proc of an ended process is permitted" became_jvm "$pid"
    stop "$pid"
}

# in_cgroup DIRECTORY COMMAND...: becomes the command, inside that cgroup.
in_cgroup() {
    # shellcheck disable=SC2016 # for the shell that follows
    exec bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$@"
}

# A file of the process's cgroup: it becomes the file of the restored process's cgroup.
cgroup() {
    local top found=
    for top in /sys/fs/cgroup/pids /sys/fs/cgroup /sys/fs/cgroup/unified; do
        if [ -e "$top/cgroup.procs" ] && mkdir "$top/${TMP##*/}-a" "$top/${TMP##*/}-b" 2>/dev/null; then
            found=$top/${TMP##*/}
            cgroups+=("$found-a" "$found-b")
            break
        fi
    done
    if [ -z "$found" ]; then
        cannot "$V: restore: a file of the process's cgroup is that of the new cgroup" \
            "no cgroup can be made here"
        return
    fi
    start "cgroup-$V" in_cgroup "$found-a" "$CKPT" run --option addr=none -- "$JAVA" -cp "$CP" \
        ProcFiles other "$found-a/cgroup.procs"
    wait_line "$log" ready || return
    freeze "$pid" "$DIR/cgroup" "$V: with a file of the process's cgroup" || return
    start "cgroup-$V" in_cgroup "$found-b" "$CKPT" restore "$DIR/cgroup"
    ok "$V: restore: a JVM with a file of the process's cgroup is restored" became_jvm "$pid"
    is "$(readlink "/proc/$pid/fd"/* | grep cgroup.procs)" "$found-b/cgroup.procs" \
        "$V: restore: a file of the process's cgroup is that of the new cgroup"
    kill -KILL "$pid"
    wait_exit "$pid"
    rmdir "$found-a" "$found-b"
}
cgroups=()
trap 'rmdir "${cgroups[@]}" 2>/dev/null || :; tap_cleanup' EXIT

# Until the command has become the JVM.
became_jvm() {
    local deadline=$((SECONDS + 30))
    until grep -qs libjvm "/proc/$1/maps"; do
        [ "$SECONDS" -lt "$deadline" ] || return
    done
}

busy() { # WHAT
    local what=$1 image bad=0 good=0
    start_jvm "$what-$V" - -cp "$CP" ProcFiles "$what"
    wait_line "$log" 5 || return
    for image in 1 2 3 4; do
        run "$CKPT" checkpoint --leave-running "$pid" "$DIR/$what-$image"
        [ "$status$out$err" = 0 ] || { diag "$out$err" && bad=$((bad + 1)); }
    done
    is "$bad" 0 "$V: checkpoint: $2 are no obstacle"
    kill -KILL "$pid"
    wait_exit "$pid"
    for image in 1 2 3 4; do
        restore "$what-$image-$V" "$DIR/$what-$image"
        wait_more "$log" 1 && good=$((good + 1))
        kill -KILL "$pid"
        wait_exit "$pid"
        rm -r "${DIR:?}/$what-$image"
    done
    is "$good" 4 "$V: restore: every image of a process with $2 is restored"
}

body() {
    held
    other
    cgroup
    busy busy "files that are open for a moment"
    busy flicker "connections that exist for a moment"
    busy rush "connections that follow each other closely"
}
each_jdk body
done_testing
