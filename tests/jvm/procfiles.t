#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Files that the kernel makes up (/proc, /sys, cgroups): opened again for the new process, its
# threads and its cgroup. And descriptors that exist only for an instant: no checkpoint is refused,
# and no image dead, because of them.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile ProcFiles
ALL="files: self pid thread bare ours ended leader info meminfo stat mounts sys comm"

held() {
    start_jvm "hold-$V" "$DIR/hold" -cp "$CP" ProcFiles hold
    wait_line "$log" ready || return
    local original=$pid
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/hold"
    is "$status$out$err" 0 "$V: a checkpoint with files of /proc, /sys and a cgroup open"
    restore "hold-clone-$V" "$DIR/hold"
    wait_exit "$pid" 30
    is "$(cat "$log")" "$ALL tasks" "$V: a clone reads its own files, not the original's"
    freeze "$original" "$DIR/again" "$V: files of /proc" || return
    restore "hold-$V" "$DIR/again"
    wait_exit "$pid" 30
    is "$(tail -n 1 "$log")" "$ALL tasks" "$V: files of /proc are the restored process's own"
    # the image lasts
    restore "hold-clone-$V" "$DIR/again"
    wait_exit "$pid" 30
    is "$(tail -n 1 "$log")" "$ALL tasks" "$V: files of /proc are a second clone's own"
}

other() {
    local process
    tail -f /dev/null &
    process=$!
    tap_started+=("$process")
    start_jvm "other-$V" - -cp "$CP" ProcFiles other "/proc/$process/stat"
    wait_line "$log" ready || return
    run "$CKPT" checkpoint "$pid" "$DIR/other"
    is "$status" 1 "$V: a file of another process is refused"
    like "$err" "'/proc/$process/stat', a file of another process" "$V: and named"
    kill "$process"
    wait_exit "$process" 10
    freeze "$pid" "$DIR/other" "$V: a file of a process that has ended"
    restore "other-$V" "$DIR/other"
    ok "$V: a file of a process that has ended is no obstacle" became_jvm "$pid"
    stop "$pid"
}

# in_cgroup DIRECTORY COMMAND...: becomes the command, inside that cgroup.
in_cgroup() {
    # shellcheck disable=SC2016 # for the shell that follows
    exec bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$@"
}

# A file of the cgroup that the process is in: of the new process's cgroup, wherever that is.
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
        cannot "$V: a file of the process's cgroup is the new one's" "no cgroup can be made here"
        return
    fi
    start "cgroup-$V" in_cgroup "$found-a" "$CKPT" run --option addr=none -- "$JAVA" -cp "$CP" \
        ProcFiles other "$found-a/cgroup.procs"
    wait_line "$log" ready || return
    freeze "$pid" "$DIR/cgroup" "$V: a file of the process's cgroup" || return
    start "cgroup-$V" in_cgroup "$found-b" "$CKPT" restore "$DIR/cgroup"
    ok "$V: a file of the process's cgroup is the new one's" became_jvm "$pid"
    is "$(readlink "/proc/$pid/fd"/* | grep cgroup.procs)" "$found-b/cgroup.procs" \
        "$V: and not that of where it was frozen"
    kill -KILL "$pid"
    wait_exit "$pid" 10
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
    is "$bad" 0 "$V: no checkpoint is refused because of $2"
    kill -KILL "$pid"
    wait_exit "$pid" 10
    for image in 1 2 3 4; do
        restore "$what-$image-$V" "$DIR/$what-$image"
        wait_line "$log" 1 30 && good=$((good + 1))
        kill -KILL "$pid"
        wait_exit "$pid" 10
        rm -r "${DIR:?}/$what-$image"
    done
    is "$good" 4 "$V: every image of a process with $2 restores"
}

body() {
    held
    other
    cgroup
    busy busy "files that are open for an instant"
    busy flicker "connections that live for an instant"
}
each_jdk body
done_testing
