#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Huge pages of hugetlbfs: JVMs with -XX:+UseLargePages and every collector, and memory of native code.
# A restored process has huge pages again, and ordinary ones where too few are free; its data are
# unchanged in both cases. As root, because the pages are reserved for the test.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Load Anonymous
POOL=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
PAGES=400

[ -w "$POOL" ] || cannot_all "only root can reserve huge pages"
before=$(<"$POOL")
[ "$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)" -gt 3000 ] ||
    cannot_all "the machine has too little memory for huge pages"
trap 'echo "$before" >"$POOL"; tap_cleanup' EXIT

pool() { # PAGES: how many pages there are besides those that were there before
    echo "$((before + $1))" >"$POOL"
}

huge_kib() { # of the process
    awk '$1 == "HugetlbPages:" { print $2 }' "/proc/$pid/status"
}

rounds() {
    count_lines "$log" "round "
}

collector() { # NAME
    local name="$V, $1" base="huge-$V-$1" image=$DIR/image generation
    pool "$PAGES"
    start_jvm "$base" - "-XX:+Use$1GC" -XX:+UseLargePages -Xmx96m -XX:ReservedCodeCacheSize=64m \
        -cp "$CP" Load
    if ! wait_line "$log" "round 3"; then
        fail "$name: the program starts" "$(tail -n 5 "$log")"
        return
    fi
    ok "$name: the JVM has huge pages" [ "$(huge_kib)" -gt 0 ]
    for generation in 1 2; do
        freeze "$pid" "$image" "$name, generation $generation" || return
        [ "$generation" = 1 ] || pool 0
        restore "$base" "$image"
        if ! wait_line "$log" "round " --count "$(($(rounds) + 3))"; then
            fail "$name: generation $generation continues" "$(tail -n 3 "$log")"
            stop "$pid"
            return
        fi
        if [ "$generation" = 1 ]; then
            ok "$name: restore: the process has huge pages again" [ "$(huge_kib)" -gt 0 ]
        else
            is "$(huge_kib)" 0 "$name: restore: without huge pages it has ordinary ones"
        fi
    done
    stop "$pid"
    is "$status/$(grep -iE 'corrupt|error|exception' "$log")" 143/ \
        "$name: the program continues twice and finds its data unchanged"
}

native() {
    local name=native-$V generation
    gcc -O1 -g -shared -fPIC -pthread -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" \
        -o "$DIR/fileforms.so" "$TOP/tests/jvm/java/fileforms.c" 2>"$TMP/gcc.err" ||
        bail_out "gcc failed: $(head -c 600 "$TMP/gcc.err")"
    pool "$PAGES"
    FILEFORMS=" hugetlb " FILEFORMS_FOLDER=$DIR start_jvm "$name" - -cp "$CP" Anonymous \
        "$DIR/fileforms.so"
    for generation in 1 2 3; do
        if ! wait_line "$log" "ready $generation"; then
            fail "$V: the program starts" "$(tail -n 5 "$log")"
            return
        fi
        freeze "$pid" "$DIR/native" "$V, native memory, generation $generation" || return
        [ "$generation" != 2 ] || pool 0
        restore "$name" "$DIR/native"
        wait_line "$log" "looked $generation"
        is "$(grep -c '^hugetlb: ok' "$log")" "$generation" \
            "$V: restore: native memory of huge pages, generation $generation" ||
            diag "$(grep '^hugetlb' "$log")"
    done
    stop "$pid"
}

body() {
    local each
    native
    for each in Serial Parallel G1 Z; do
        collector "$each"
    done
}
each_jdk body
done_testing
