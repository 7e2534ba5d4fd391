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
CASES="fifo-ends fifo-command fifo-gone fifo-waits paths deleted-path deleted-directory deleted-modes
    deleted-lock closure mapped-twice mapped-twice-again closed-memfd seals seals-future seals-noexec
    sysv owner lease"

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

each_jdk body
done_testing
