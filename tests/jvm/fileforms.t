#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Forms of files and of shared memory that a process may have open or mapped, over several
# generations: named pipes with both ends inside, descriptors with O_PATH, deleted files and
# directories, locks and leases, memory files with seals, shared memory that is mapped twice or was
# closed, segments of System V.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Anonymous
GENERATIONS=3 # the first is the process that was left running
CASES="fifo-ends fifo-command fifo-gone fifo-waits fifo-left fifo-numbers packets paths links
    deleted-path deleted-directory other-name deleted-modes deleted-lock tmpfile closure kernel-files
    half-directory shm-deleted zero-shared mapped-twice mapped-twice-again mapped-in-pieces closed-memfd
    seals seals-future seals-noexec sysv owner fifo-owner lease lease-write"

build_library() { # NAME
    gcc -O1 -g -shared -fPIC -pthread -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" \
        -o "$DIR/$1.so" "$TOP/tests/jvm/java/$1.c" 2>"$TMP/gcc.err" ||
        bail_out "gcc failed: $(head -c 600 "$TMP/gcc.err")"
}

report_cases() { # LOG GENERATION: a check for each case
    local name line from=1
    [ "$2" = 1 ] || from="/^looked $(($2 - 1))\$/"
    for name in $CASES; do
        line=$(sed -n "$from,/^looked $2\$/{/^$name: /p}" "$1" | head -n 1)
        case $line in
            "$name: skipped"*) skip "$V, generation $2: $name" "${line#*skipped, }" ;;
            *) is "$line" "$name: ok" "$V, generation $2: $name" ;;
        esac
    done
}

# Two file systems, whose first files have the same number.
mount_two() { # FOLDER
    local name
    for name in one two; do
        mkdir -p "$1/$name"
        mount -t tmpfs tmpfs "$1/$name" 2>"$TMP/mount.err" || return 0
        MOUNTED+=("$1/$name")
    done
}
MOUNTED=()
trap '[ ${#MOUNTED[@]} = 0 ] || umount -l "${MOUNTED[@]}"; tap_cleanup' EXIT

start_forms() { # NAME FOLDER [as_user]
    if [ -n "${3:-}" ]; then
        as_user mkdir -p "$2"
    else
        mkdir -p "$2"
        mount_two "$2"
    fi
    FILEFORMS=" ${CASES//$'\n'/ } " FILEFORMS_FOLDER=$2 \
        start_jvm "$1" ${3:+"$3"} - -Xmx64m -cp "$CP" Anonymous "$DIR/fileforms.so"
}

body() {
    local generation name=fileforms-$V
    build_library fileforms
    start_forms "$name" "$DIR/forms"
    for ((generation = 1; generation <= GENERATIONS; generation++)); do
        if ! wait_line "$log" "ready $generation"; then
            fail "$V: the program starts" "$(tail -n 5 "$log")"
            return
        fi
        if [ "$generation" = 1 ]; then # the process itself must not change either
            run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-1"
            is "$status$err" 0 "$V: checkpoint --leave-running succeeds"
        else
            freeze "$pid" "$DIR/image-$generation" "$V, generation $generation" || return
            restore "$name" "$DIR/image-$generation"
        fi
        if ! wait_line "$log" "looked $generation" 120; then
            fail "$V, generation $generation: the program checks its files" "$(tail -n 5 "$log")"
            return
        fi
        report_cases "$log" "$generation"
    done
}

# Two clones at the same time: each has files and memory of its own.
clones() {
    local CASES="deleted-modes other-name closure closed-memfd sysv shm-deleted" number
    start_forms "original-$V" "$DIR/clones"
    wait_line "$log" "ready 1"
    freeze "$pid" "$DIR/cloned" "$V, clones" || return
    for number in 1 2; do
        restore "clone-$V-$number" "$DIR/cloned"
        wait_line "$log" "looked 1"
        is "$(grep -c ': ok' "$log")/$(grep -c ': ' "$log")" 6/6 \
            "$V: clone $number has its own files and memory" || diag "$(grep ': ' "$log")"
    done
}

# Closed at the restore: it has no signals any more.
closed() {
    local CASES="fifo-owner"
    start_forms "closed-$V" "$DIR/closed"
    wait_line "$log" "ready 1"
    freeze "$pid" "$DIR/owned" "$V, a rule at the restore" || return
    printf 'type: file\npath: %s/*\naction: close\n' "$DIR/closed" >"$DIR/rules"
    restore "closed-$V" --policies "$DIR/rules" "$DIR/owned"
    wait_line "$log" "looked 1"
    is "$(grep '^fifo-owner' "$log")" "fifo-owner: it is closed" \
        "$V: restore: a rule closes a descriptor that sends signals"
    stop "$pid"
}

# The working directory was deleted: the restored process is in another one of that kind.
directory() {
    mkdir "$DIR/gone"
    cd "$DIR/gone"
    start_jvm "gone-$V" - -jar "$SIMPLE" --period 50
    cd "$TOP"
    wait_line "$log" 3
    rmdir "$DIR/gone"
    freeze "$pid" "$DIR/nowhere" "$V: a deleted working directory" || return
    restore "nowhere-$V" "$DIR/nowhere"
    ok "$V: a deleted working directory: the restored process continues" wait_more "$log" 2
    like "$(readlink "/proc/$pid/cwd")" ' \(deleted\)$' \
        "$V: a deleted working directory: that of the restored process is deleted, too"
    is "$(find /tmp /dev/shm /var/tmp -maxdepth 1 -name '.checkpointer-*' 2>"$TMP/find.err")" "" \
        "$V: a deleted working directory: no directory is left behind"
    stop "$pid"
}

is_aio() { # WHOSE: the last refusal names asynchronous I/O, once
    local name="$V: checkpoint: rings of asynchronous I/O are refused in one line, $1"
    if grep -qx "no ring" "$log"; then
        cannot "$name" "the kernel has none"
    else
        is "$(grep -c 'asynchronous I/O of the kernel (io_setup.*; use other I/O' <<<"$err")" 1 "$name"
    fi
}

# What other processes use, or may use.
refusals() {
    local CASES="shm-deleted sysv-unmarked queue secret aio lease-mapped closed-memfd" file memory id
    local name="$V: checkpoint: memory that another process uses is refused"
    start_forms "shared-$V" "$DIR/shared"
    wait_line "$log" "ready 1"
    file=$(find "/proc/$pid/fd" -lname '/dev/shm/fileforms-*')
    memory=$(sed -n 's/^0*\([0-9a-f]*\)-0*\([0-9a-f]*\) .*memfd:closed.*/\1-\2/p' "/proc/$pid/maps")
    memory=/proc/$pid/map_files/${memory%%$'\n'*}
    exec 9<"$file"
    [ "$(id -u)" != 0 ] || exec 8<"$memory"
    run "$CKPT" checkpoint "$pid" "$DIR/refused"
    exec 9<&- 8<&-
    if [ "$(id -u)" != 0 ]; then
        skip "$name" "only root can open it"
    else
        contains "$err" "memory '/memfd:closed (deleted)' is of a file without a name that another" "$name"
    fi
    if grep -qx "no lease" "$log"; then
        cannot "$V: checkpoint: a lease on a file that is mapped is refused" "the file system has none"
    else
        contains "$err" "is mapped, and the JVM has a lease for writing on it" \
            "$V: checkpoint: a lease on a file that is mapped is refused"
    fi
    like "$err" "\(deleted\)', which process [0-9]+ uses, too" \
        "$V: checkpoint: a deleted file of /dev/shm that another process uses is refused"
    id=$(sed -n 's/^segment //p' "$log")
    contains "$err" "the System V segment $id (key 0x0) is attached, which is not marked to be removed" \
        "$V: checkpoint: a segment of System V that other processes may attach is refused"
    is_aio "the JVM of root"
    if grep -qx "no queue" "$log"; then
        skip "$V: checkpoint: a message queue is refused" "the kernel has none"
    else
        contains "$err" "has a POSIX message queue open" "$V: checkpoint: a message queue is refused"
    fi
    if grep -qx "no secret" "$log"; then
        cannot "$V: checkpoint: secret memory is refused" "the kernel has none"
    else
        contains "$err" "has secret memory (memfd_secret)" "$V: checkpoint: secret memory is refused"
    fi
    stop "$pid"
    ipcrm -m "$id"
}

# Of processes that this user may not examine, only those count that may open the file.
hidden() {
    local CASES="shm-deleted" FILEFORMS_MODE
    if [ "$(id -u)" != 0 ]; then
        skip "$V: checkpoint: deleted files that other users may use" "it needs processes of two users"
        return
    fi
    for FILEFORMS_MODE in 0600 0666; do
        export FILEFORMS_MODE
        [ "$FILEFORMS_MODE" = 0600 ] || CASES+=" aio"
        start_forms "hidden-$FILEFORMS_MODE-$V" "$USER_DIR/hidden-$V" as_user
        wait_line "$log" "ready 1"
        if [ "$FILEFORMS_MODE" = 0600 ]; then
            freeze as_user "$pid" "$USER_DIR/hidden-image-$V" "$V: a deleted file that only its user may open"
            continue
        fi
        run as_user "$CKPT" checkpoint "$pid" "$USER_DIR/hidden-image2-$V"
        is_aio "a JVM without privileges"
        like "$err" "\(deleted\)', which process [0-9]+ may use, too \(it cannot be examined\)" \
            "$V: checkpoint: a deleted file that hidden processes may have opened is refused"
        stop "$pid"
    done
    unset FILEFORMS_MODE
}

each_jdk body
each_jdk refusals
each_jdk hidden
each_jdk clones
each_jdk closed
each_jdk directory
done_testing
