#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# `restore --dry-run DIR` prints what a restore would print, and has no effect.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Opened
user_ready
SIMPLE=$(for_user "$SIMPLE")
CP=$CLASSES:$SIMPLE

ARGUMENTS=() # of the JVM

# take_image NAME ARGUMENT...: an image of Opened in $DIR/NAME, by the ordinary user; $port if it has one.
take_image() {
    local name=$1
    shift
    start_jvm "$name-$V" as_user - "${ARGUMENTS[@]}" -cp "$CP" Opened "$@"
    wait_line "$log" ready
    freeze as_user "$pid" "$IMAGES/$name" "$V: $name"
}

dry_run() { # DIR [OPTION...]
    run as_user "$CKPT" restore --dry-run "$@"
}

limited() { # LIMIT NAME PATTERN WHAT
    run as_user bash -c "ulimit $1; exec '$CKPT' restore --dry-run '$IMAGES/$2'"
    refused "$V: --dry-run: $4 is refused" "$3"
    RUN_SECONDS=30 run as_user bash -c "ulimit $1; exec '$CKPT' restore '$IMAGES/$2'"
    refused "$V: restore: $4 is refused" "$3"
}

# refused_in GROUP DIR WHAT PATTERN: a dry run in a control group, which is removed afterwards.
refused_in() {
    run bash -c 'echo $BASHPID >"$0" && exec "$@"' "$1/cgroup.procs" \
        "${AS_USER[@]}" "$CKPT" restore --dry-run "$2"
    refused "$3" "$4"
    rmdir "$1"
}

# The limit of a container on processes.
few_pids() { # DIR
    local group top=/sys/fs/cgroup
    [ ! -e $top/pids ] || top+=/pids
    group=$top/checkpointer-test-$$
    if ! mkdir "$group" 2>/dev/null || ! echo 8 2>/dev/null >"$group/pids.max"; then
        rmdir "$group" 2>/dev/null || true
        cannot "$V: --dry-run: a cgroup's pids.max that is too small is refused" "no cgroup can be made here"
        return
    fi
    refused_in "$group" "$1" "$V: --dry-run: a cgroup's pids.max that is too small is refused" \
        "needs [0-9]+ threads, and only .*the cgroup's pids.max"
}

# The limit of a container on memory: below the memory that a restore needs at once, for copied pages
# and memory files.
little_memory() { # DIR
    local group top=/sys/fs/cgroup file=memory.max
    [ ! -e $top/memory ] || { top+=/memory && file=memory.limit_in_bytes; }
    group=$top/checkpointer-test-$$
    # Swap counts too.
    if [ "$(awk '/^SwapTotal/ { print $2 }' /proc/meminfo)" != 0 ] || ! mkdir "$group" 2>/dev/null ||
        ! echo 10M 2>/dev/null >"$group/$file"; then
        rmdir "$group" 2>/dev/null || true
        cannot "$V: --dry-run: a cgroup's memory limit that is too small is refused" \
            "no such cgroup can be made here"
        return
    fi
    refused_in "$group" "$1" "$V: --dry-run: a cgroup's memory limit that is too small is refused" \
        "needs [0-9]+ MiB of memory at once, and the cgroup allows 10 MiB"
}

# 30 MiB of native memory, and 1 MiB that is locked, which an ordinary user may.
locked_memory() {
    if ! gcc -shared -fPIC -o "$USER_DIR/locked.so" -x c - <<'C'
#include <string.h>
#include <sys/mman.h>
static char memory[1 << 20], more[30 << 20];
__attribute__((constructor)) static void lock(void)
{
    mlock(memory, sizeof memory);
    memset(more, 1, sizeof more);
}
C
    then
        skip "$V: --dry-run: limits on locked memory and a cgroup's memory are checked" "gcc is not installed"
        return 1
    fi
    CONFINE=(env "LD_PRELOAD=$USER_DIR/locked.so")
    take_image locked until:20
    CONFINE=()
    run as_user bash -c "ulimit -l 64; exec '$CKPT' restore --dry-run '$IMAGES/locked'"
    is "$status" 0 "$V: --dry-run: a limit on locked memory that is too small is no obstacle"
    like "$err" "had 10[0-9]+ KiB of locked memory, and only 64 KiB may be locked here; .*ulimit -l" \
        "$V: --dry-run: a limit on locked memory that is too small gives a warning"
    dry_run "$IMAGES/locked"
    is "$err" "" "$V: --dry-run: no warning where all of the locked memory may be locked"
}

file_states() { # everything in the folder that a rehearsal could have touched
    find "$USER_DIR" -printf '%p %s %m %T@ %C@\n' | sort
}

body() {
    local before port file traced bad
    user_ready
    IMAGES=$USER_DIR/images-$V
    file=$USER_DIR/file-$V
    as_user mkdir -p "$IMAGES" && as_user touch "$file"
    port=$(free_port)
    take_image open "read:$file" "write:$USER_DIR/log-$V" "port:$port" threads:10 until:20
    unset port

    before=$(file_states)
    dry_run "$IMAGES/open"
    is "$status $out$err" "0 '$IMAGES/open' would be restored here" \
        "$V: --dry-run: a good image gives 0 and one line"
    is "$(file_states)" "$before" "$V: --dry-run: makes, changes and removes no file"
    dry_run --verify "$IMAGES/open"
    is "$status" 0 "$V: --dry-run --verify: a good image gives 0"
    if command -v strace >/dev/null && as_user strace -o /dev/null true 2>/dev/null; then
        traced=$USER_DIR/trace-$V
        run as_user strace -f -o "$traced" "$CKPT" restore --dry-run "$IMAGES/open"
        bad='(listen|unlink|unlinkat|rename|renameat|mkdir|link|symlink)\('
        bad=$(grep -E " $bad|O_CREAT|O_TRUNC|F_SETLK|F_OFD_SETLK|[^C]LOCK_" "$traced" || true)
        is "$bad" "" "$V: --dry-run: makes no system call that others could notice"
    elif command -v strace >/dev/null; then
        cannot "$V: --dry-run: makes no system call that others could notice" "ptrace is not allowed here"
    else
        skip "$V: --dry-run: makes no system call that others could notice" "strace is not installed"
    fi

    # The user may no longer open the file; the old descriptor had more rights.
    chmod 0 "$file"
    dry_run "$IMAGES/open"
    refused "$V: --dry-run: a file that may no longer be opened is refused" \
        "cannot open '$file' again: permission denied; let the user"
    chmod 644 "$file"

    limited "-v 500000" open "address space, and the limit is 500000 KiB; raise 'ulimit -v'" \
        "too little address space"
    limited "-d 20000" open "writable memory, and the limit is 20000 KiB; raise 'ulimit -d'" \
        "too little writable memory"
    if jdk_takes -XX:+UseZGC; then
        ARGUMENTS=(-XX:+UseZGC -Xmx32m)
        take_image zgc heap:1
        ARGUMENTS=()
        limited "-f 400" zgc "KiB of a file in memory, and the limit is 400 KiB; raise 'ulimit -f'" \
            "too small a limit on the size of files"
    fi
    as_user mkdir -p "$USER_DIR/tmp-$V"
    ARGUMENTS=("-Djava.io.tmpdir=$USER_DIR/tmp-$V")
    take_image temporary temporary:900
    ARGUMENTS=()
    rm -f "$USER_DIR/tmp-$V"/opened*
    limited "-f 400" temporary "KiB of a temporary file, and the limit is 400 KiB; raise 'ulimit -f'" \
        "too small a limit for a temporary file that is created again"
    if [ "$(id -u)" = 0 ]; then
        limited "-u 8" open "needs [0-9]+ threads, and only .*raise 'ulimit -u'" \
            "too small a limit on threads"
    fi
    few_pids "$IMAGES/open"
    locked_memory && little_memory "$IMAGES/locked"
    dry_run "$IMAGES/open"
    is "$status" 0 "$V: --dry-run: refused dry runs have no lasting effect"

    # Two restores after the dry runs succeed.
    for file in 1 2; do
        restore "twice-$file-$V" as_user "$IMAGES/open"
        wait_exit "$pid"
        is "$status $(tail -n 1 "$log")" "0 20" "$V: --dry-run: restore $file after it succeeds"
    done
}

busy_port() {
    local port server image
    IMAGES=$USER_DIR/images-$V
    port=$(free_port)
    image=$USER_DIR/images-$V/port
    take_image port "port:$port" until:1000
    start "server-$V" python3 -c "import socket, signal
s = socket.create_server(('127.0.0.1', $port)); print('up', flush=True); signal.pause()"
    server=$pid
    wait_line "$log" up
    dry_run "$image"
    refused "$V: --dry-run: a port that another process has is refused" \
        "cannot listen at 127.0.0.1:$port again: .*; stop the process that listens there"
    kill "$server"
    wait_exit "$server"
    unset port
    dry_run "$image"
    is "$status" 0 "$V: --dry-run: a port that is free again is no obstacle"
}

each_jdk body
each_jdk busy_port
done_testing
