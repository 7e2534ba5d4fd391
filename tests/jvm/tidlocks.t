#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Native locks that name their owner by TID, which a restore changes: recursive, error-checking, robust
# and PI mutexes and read-write locks, in a library without symbols, held over the freeze by threads
# that sleep, spin or wait, with and without threads that wait for them. Many threads in dlopen, dlclose,
# dlsym and pthread_create, also with PIDs so small that an old TID is another thread's new one. TIDs
# that stay the same (--tids). Memory that only resembles a lock, also one that no thread can have taken:
# with small TIDs arbitrary numbers do. SQLite while threads query.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc python3
compile TidLocks Numbers Sqlite
SQLITE=$(library sqlite-jdbc) || exit
trap : USR1
RUNNER=()
LOADED=$(ldconfig -p 2>/dev/null | sed -n 's/.*libz\.so\.1 .*x86-64.*=> //p' | head -n 1)

native_half() {
    gcc -shared -fPIC -O2 -s -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -pthread \
        -o "$DIR/libtidlocks.so" "$TOP/tests/jvm/java/tidlocks.c" 2>"$TMP/gcc.err" && return
    skip "$V, held: each unlock succeeds" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
    return 1
}

# holds NAME MODE COUNT: locks that are held over a freeze, in two clones; in RUNNER, if it is set.
holds() {
    local clone
    enter
    start_jvm "$1-$V" "$DIR/$1" -cp "$CP" TidLocks "$DIR/libtidlocks.so" "$DIR/go-$1" "$2"
    wait_line "$log" ready || fail "$V, $1: the program starts"
    freeze_by_signal "$1" "$V, $1: the JVM is frozen by a signal" || { leave; return; }
    : >"$DIR/go-$1"
    for clone in 1 2; do
        restore "$1-$V-$clone" "$DIR/$1"
        wait_line "$log" done || fail "$V, $1, clone $clone: all locks can be released"
        wait_exit "$pid"
        is "$(grep -v '^right' "$log")" done "$V, $1, clone $clone: each lock excludes all but its owner"
        is "$(grep -c '^right' "$log")" "$3" "$V, $1, clone $clone: each unlock succeeds"
    done
    leave
}

# JVMs are started by the command in RUNNER, and frozen by a signal, because sockets of JVMs with such
# PIDs would have one name.
enter() {
    OPTIONS=(addr=none control=false signal=USR1)
    CONFINE=("${RUNNER[@]}")
}

leave() {
    CONFINE=() OPTIONS=(addr=none)
}

# freeze_by_signal NAME WHAT: the image is $DIR/NAME.
freeze_by_signal() {
    kill -USR1 "$(jvm_of "$pid")"
    wait_exit "$pid"
    [ -e "$DIR/$1/image" ] || {
        fail "$2" "$(grep -v '^r' "$log" | tail -n 5)"
        return 1
    }
}

look_alikes() {
    start_jvm "flawed-$V" - -cp "$CP" TidLocks "$DIR/libtidlocks.so" "$DIR/go-flawed" flawed
    wait_line "$log" ready || fail "$V, flawed: the program starts"
    freeze "$pid" "$DIR/flawed" "$V, flawed" || return
    : >"$DIR/go-flawed"
    restore "flawed-$V" "$DIR/flawed"
    wait_line "$log" done || fail "$V, flawed: the JVM is restored"
    is "$(grep changed "$log")" unchanged \
        "$V, flawed: memory that differs from a lock in one field is unchanged"

    start_jvm "craft-$V" - -cp "$CP" TidLocks "$DIR/libtidlocks.so" "$DIR/go-craft" craft
    wait_line "$log" ready || fail "$V, craft: the program starts"
    run "$CKPT" checkpoint "$pid" "$DIR/craft"
    like "$status $err" "^1 .*thread '.*' \([0-9]+\) seems to hold a native mutex at [0-9a-f]+" \
        "$V, craft: memory like a lock in all fields, without a second proof, is refused"
    : >"$DIR/go-craft"
    wait_line "$log" done || fail "$V, craft: the JVM continues"
    is "$(grep changed "$log")" unchanged "$V, craft: memory like a lock in all fields is unchanged"
}

# numbers NAME OWNER FRONT LIBRARY...: numbers that resemble a lock which no thread can have taken.
numbers() {
    local name=numbers-$1
    start_jvm "$name-$V" - -cp "$CP" Numbers "$DIR/go-$name" "${@:2}"
    wait_line "$log" ready || fail "$V, $name: the program starts"
    freeze "$pid" "$DIR/$name" "$V, $name" || return
    : >"$DIR/go-$name"
    restore "$name-$V" "$DIR/$name"
    wait_line "$log" done || fail "$V, $name: the JVM is restored"
    is "$(grep changed "$log")" "" \
        "$V, $name: numbers like a lock that no thread can have taken are unchanged"
}

# storms NAME COUNT PROGRAM...: generations of a JVM with many threads that use locks.
storms() {
    local name=$1 count=$2 generation before
    shift 2
    enter
    start_jvm "$name-$V" "$DIR/$name" "$@"
    wait_line "$log" "round 2" || fail "$V, $name: the program starts"
    for ((generation = 1; generation <= count; generation++)); do
        freeze_by_signal "$name" "$V, $name: generation $generation is frozen by a signal" || break
        before=$(sed -n 's/^round //p' "$log" | tail -n 1)
        rm -rf "$DIR/frozen"
        mv "$DIR/$name" "$DIR/frozen"
        restore "$name-$V" "$DIR/frozen"
        wait_line "$log" "round $((before + 2))" || {
            fail "$V, $name: all threads continue after restore $generation" "$(tail -n 5 "$log")"
            break
        }
    done
    is "$generation" $((count + 1)) "$V, $name: $count generations continue"
    is "$(grep '^wrong' "$log" | head -n 5)" "" "$V, $name: locks exclude, and all calls succeed"
    kill -KILL "$(jvm_of "$pid")" 2>/dev/null
    wait_exit "$pid"
    leave
}

# jvm_of PID: PID, or if that is unshare, the process inside.
jvm_of() {
    local child
    [ ${#CONFINE[@]} -gt 0 ] || { echo "$1"; return; }
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        echo "$child"
    done | head -n 1
}

# The TIDs of a process, but for the first thread's.
tids() { # PID
    ls "/proc/$1/task" | grep -vx "$1" | sort -n | tr '\n' ' '
}

same_tids() {
    local before after first
    start_jvm "tids-$V" - -cp "$CP" TidLocks "$DIR/libtidlocks.so" "$DIR/go-tids"
    wait_line "$log" ready || fail "$V, tids: the program starts"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/tids"
    is "$status" 0 "$V, tids: checkpoint --leave-running succeeds"
    RUN_SECONDS=20 run "$CKPT" restore --tids "$DIR/tids"
    if [[ $err == *CAP_CHECKPOINT_RESTORE* ]] || [[ $err == *"cannot be chosen"* ]]; then
        cannot "$V, tids: --tids: each thread but the first has its old TID" "$err"
        kill -KILL "$pid"
        return
    fi
    refused "$V, tids: --tids: TIDs that are in use are refused" "the thread identifier [0-9]+ is in use; "
    freeze "$pid" "$DIR/tids" "$V, tids" || return
    before=$("$CKPT" inspect --json "$DIR/tids" | python3 -c 'import json, sys
print(*sorted(thread["tid"] for thread in json.load(sys.stdin)["threads"][1:]), "")')
    run "$CKPT" restore --tids --dry-run "$DIR/tids"
    is "$status$err" 0 "$V, tids: --tids --dry-run succeeds when the TIDs are free"
    restore "tids-$V" --tids "$DIR/tids"
    first=$pid
    after=$(wait_some "$first")
    : >"$DIR/go-tids"
    wait_line "$log" done || fail "$V, tids: the restored JVM continues"
    is "$(comm -23 <(tr ' ' '\n' <<<"$after" | sort) <(tr ' ' '\n' <<<"$before" | sort))" "" \
        "$V, tids: --tids: each thread but the first has its old TID"
    is "$(grep -c '^right' "$log")" 35 "$V, tids: each unlock succeeds"
}

# wait_some PID: the TIDs, as soon as there are 20; ten seconds at most.
wait_some() {
    local end=$((SECONDS + 10)) found=""
    while [ "$(wc -w <<<"$found")" -lt 20 ] && [ "$SECONDS" -lt "$end" ]; do
        found=$(tids "$1" 2>/dev/null)
    done
    echo "$found"
}

body() {
    native_half || return 0
    holds held "" 35
    holds waited waiters 49
    look_alikes
    numbers plain main nothing
    numbers first first nothing "$DIR/libtidlocks.so"
    numbers code main code "$DIR/libtidlocks.so"
    same_tids
    if [ -z "$LOADED" ]; then
        skip "$V, storms: all threads continue" "libz.so.1 is needed"
        return
    fi
    storms sqlite 4 -cp "$CP:$SQLITE" Sqlite
    storms storm 4 -cp "$CP" TidLocks "$DIR/libtidlocks.so" - storm "$LOADED"
    if unshare --pid --fork --mount-proc true 2>/dev/null; then
        RUNNER=(unshare --pid --fork --mount-proc --kill-child)
        holds small-waited waiters 49
        storms small-pids 4 -cp "$CP" TidLocks "$DIR/libtidlocks.so" - storm "$LOADED"
        RUNNER=()
    else
        cannot "$V, small-pids: all threads continue" "no PID namespace can be made here"
    fi
}
each_jdk body
done_testing
