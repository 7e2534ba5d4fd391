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
CASES="fifo-ends fifo-command fifo-gone fifo-waits paths links deleted-path deleted-directory other-name
    deleted-modes deleted-lock tmpfile closure kernel-files half-directory shm-deleted zero-shared
    mapped-twice mapped-twice-again mapped-in-pieces closed-memfd seals seals-future seals-noexec sysv
    owner lease"

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

start_forms() { # NAME FOLDER
    mkdir -p "$2"
    FILEFORMS=" ${CASES//$'\n'/ } " FILEFORMS_FOLDER=$2 start_jvm "$1" - -Xmx64m -cp "$CP" Anonymous \
        "$DIR/fileforms.so"
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

# What other processes use, or may use.
refusals() {
    local CASES="shm-deleted sysv-unmarked queue secret" file id
    start_forms "shared-$V" "$DIR/shared"
    wait_line "$log" "ready 1"
    file=$(find "/proc/$pid/fd" -lname '/dev/shm/fileforms-*')
    exec 9<"$file"
    run "$CKPT" checkpoint "$pid" "$DIR/refused"
    exec 9<&-
    like "$err" "\(deleted\)', which process [0-9]+ uses, too" \
        "$V: checkpoint: a deleted file of /dev/shm that another process uses is refused"
    id=$(sed -n 's/^segment //p' "$log")
    contains "$err" "memory is the System V segment $id (key 0x0), which is not marked to be removed" \
        "$V: checkpoint: a segment of System V that other processes may attach is refused"
    if grep -qx "no queue" "$log"; then
        skip "$V: checkpoint: a message queue is refused" "the kernel has none"
    else
        contains "$err" "is a POSIX message queue" "$V: checkpoint: a message queue is refused"
    fi
    if grep -qx "no secret" "$log"; then
        cannot "$V: checkpoint: secret memory is refused" "the kernel has none"
    else
        contains "$err" "is secret memory (memfd_secret)" "$V: checkpoint: secret memory is refused"
    fi
    stop "$pid"
    ipcrm -m "$id"
}

each_jdk body
each_jdk refusals
each_jdk clones
each_jdk directory
done_testing
