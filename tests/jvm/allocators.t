#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Allocators rely on a property of anonymous memory: memory that was given back reads as zeros. With
# each of them preloaded, and with its settings for giving memory back, a restored JVM has its blocks,
# calloc() returns zeros, and the Java heap is sound, for several generations.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Anonymous
GENERATIONS=${GENERATIONS:-2}

build_library() { # NAME
    gcc -O1 -g -shared -fPIC -pthread -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" \
        -o "$DIR/$1.so" "$TOP/tests/jvm/java/$1.c" 2>"$TMP/gcc.err" ||
        bail_out "gcc failed: $(head -c 600 "$TMP/gcc.err")"
}

# with NAME FILE-PATTERN|- [KEY=VALUE...]: a JVM with this allocator, through its generations.
with() {
    local name=$1-$V what="$V, $1" preload=() file generation got
    if [ "$2" != - ]; then
        file=$(compgen -G "/usr/lib/*/$2" | head -n 1)
        if [ -z "$file" ]; then
cannot "$what: blocks and zeros are right in each generation" \
                "$2 is not installed, run tools/setup --test"
            return
        fi
        preload=("LD_PRELOAD=$file")
    fi
    CONFINE=(env "${preload[@]}" "${@:3}")
    start_jvm "$name" - -Xmx64m -XX:+UnlockDiagnosticVMOptions -XX:+VerifyAfterGC -cp "$CP" Anonymous \
        "$DIR/allocators.so"
    for ((generation = 1; generation <= GENERATIONS; generation++)); do
        wait_line "$log" "ready $generation" || break
        freeze "$pid" "$DIR/$name-$generation" "$what, generation $generation" || break
        restore "$name" "$DIR/$name-$generation"
        wait_line "$log" "looked $generation" 120 || break
        rm -rf "$DIR/$name-$((generation - 1))"
    done
    got=$(grep -c ': 0 torn, 0 not zero, 0 lost' "$log")
    is "$got" "$GENERATIONS" "$what: blocks and zeros are right in each generation"
    [ "$got" = "$GENERATIONS" ] || diag "$(grep '^generation' "$log" | tail -n 5)"
    is "$(count_lines "$log" "heap: wrong")" 0 "$what: the Java heap is unchanged in each generation"
    stop "$pid"
    rm -rf "$DIR/$name"-*
    CONFINE=()
}

body() {
    build_library allocators
    with glibc -
    with glibc-one-arena - MALLOC_ARENA_MAX=1
    with glibc-trimming - MALLOC_TRIM_THRESHOLD_=0 MALLOC_TOP_PAD_=0 MALLOC_MMAP_THRESHOLD_=65536
    with glibc-huge - GLIBC_TUNABLES=glibc.malloc.hugetlb=1
    with jemalloc libjemalloc.so.2
    with jemalloc-at-once libjemalloc.so.2 MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0
    with jemalloc-muzzy libjemalloc.so.2 MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:-1
    with jemalloc-never libjemalloc.so.2 MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1
    with tcmalloc libtcmalloc_minimal.so.4
    with tcmalloc-releasing libtcmalloc_minimal.so.4 TCMALLOC_RELEASE_RATE=100
    with mimalloc "libmimalloc.so.[0-9]"
    with mimalloc-resetting "libmimalloc.so.[0-9]" MIMALLOC_PAGE_RESET=1 MIMALLOC_RESET_DELAY=0
}
each_jdk body
done_testing
