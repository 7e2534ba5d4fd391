#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A program's own memory is the same kind of memory after a restore as before: its content, and every
# call that tells anonymous memory from a file (MADV_DONTNEED, MADV_FREE, mremap, mprotect, guard
# pages, brk and more), over several generations. Reservations and sparse memory take no more memory
# than before.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Anonymous
GENERATIONS=4 # the first is the process that was left running
CASES="dontneed free mremap-grow mremap-move one-mapping mprotect guard collapse mlock mseal
    flags reservation sparse sparse-shared sparse-memfd zero-device private-file realloc arena brk stack"

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
            "$name: skipped"*)
                skip "$V, generation $2: anonymous memory behaves as before: $name" "${line#*skipped, }"
                ;;
            *) is "$line" "$name: ok" "$V, generation $2: anonymous memory behaves as before: $name" ;;
        esac
    done
}

body() {
    local generation name=anonymous-$V
    build_library anonymous
    head -c 1048576 /dev/zero | tr '\0' f >"$DIR/file"
    ANONYMOUS_FILE=$DIR/file start_jvm "$name" - -Xmx128m -cp "$CP" Anonymous "$DIR/anonymous.so"
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
            fail "$V, generation $generation: the program checks its memory" "$(tail -n 5 "$log")"
            return
        fi
        report_cases "$log" "$generation"
        rm -rf "$DIR/image-$((generation - 1))"
    done
    is "$(count_lines "$log" "heap: wrong")" 0 "$V: the Java heap is unchanged over all generations"
}
# refused_kind KIND MESSAGE: a checkpoint with memory of this kind is refused with this message.
refused_kind() {
    ANONYMOUS_REFUSED=$1 start_jvm "$1-$V" - -cp "$CP" Anonymous "$DIR/anonymous.so"
    wait_line "$log" "ready 1"
    if grep -qx "no key" "$log"; then
        cannot "$V: checkpoint: memory that an image cannot hold is refused: $1" \
            "the machine has no protection keys"
    else
        run "$CKPT" checkpoint "$pid" "$DIR/refused"
        like "$status $err" "^1 .*$2" "$V: checkpoint: memory that an image cannot hold is refused: $1"
    fi
    stop "$pid"
}

refusals() {
    refused_kind key "memory 'without a name' has a memory protection key"
}
# The JVM's own memory is not copied: the cost of a restore does not grow with the heap.
lazy_heap() {
    local collector kib
    for collector in Serial Parallel G1; do
        start_jvm "lazy-$V" - "-XX:+Use${collector}GC" -Xmx500m -jar "$SIMPLE" --heap 200
        wait_line "$log" 2
        freeze "$pid" "$DIR/lazy" "$V, $collector" || return
        restore "lazy-$V" "$DIR/lazy"
        wait_line "$log" "after restore"
        kib=$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$pid/status")
        ok "$V, $collector: restore: a heap of 200 MiB is not copied (${kib:-no} KiB are)" \
            [ "${kib:-999999}" -lt 100000 ]
        stop "$pid"
        rm -r "$DIR/lazy" "$log"
    done
}

each_jdk body
each_jdk refusals
each_jdk lazy_heap
done_testing
