#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Every collector, and the options of a JVM that change the layout of its memory: with each of them a
# JVM is frozen twice by PID while it allocates, compiles and checks its own structures, and continues.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Load

rounds() {
    count_lines "$log" "round "
}

# cycle NAME [LOAD-ARGUMENT...]: freezes and restores a JVM with JVM_OPTIONS twice.
cycle() {
    local name="$V: $1" image=$DIR/image base="$V ${1//[^a-zA-Z0-9]/-}" generation
    shift
    start_jvm "$base" - "${JVM_OPTIONS[@]}" -cp "$CP" Load "$@"
    if ! wait_line "$log" "round 3"; then
        fail "$name: the program starts"
        stop "$pid"
        return
    fi
    for generation in 1 2; do
        if ! freeze "$pid" "$image" "$name, generation $generation"; then
            stop "$pid"
            return
        fi
        restore "$base" "$image"
        if ! wait_line "$log" "round " --count "$(($(rounds) + 3))"; then
            fail "$name: generation $generation continues" "$(tail -n 3 "$log")"
            stop "$pid"
            return
        fi
    done
    stop "$pid"
    is "$status/$(grep -iE 'corrupt|error|exception' "$log")" 143/ \
        "$name: the program continues twice and finds its data unchanged"
}

with() { # NAME OPTION... [-- LOAD-ARGUMENT...]
    local name=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    if jdk_takes "${options[@]}"; then
        JVM_OPTIONS=(-Xmx256m "${options[@]}")
        cycle "$name" "$@"
    else
        cannot "$V: $name: the program continues twice and finds its data unchanged" \
            "this JVM does not take ${options[*]}"
    fi
}

body() {
    local collector
    for collector in Serial Parallel G1; do
        with "$collector" "-XX:+Use${collector}GC"
        with "$collector without compressed oops" "-XX:+Use${collector}GC" -XX:-UseCompressedOops
    done
    with ZGC -XX:+UseZGC
    with Shenandoah -XX:+UseShenandoahGC
    with "Shenandoah without compressed oops" -XX:+UseShenandoahGC -XX:-UseCompressedOops
    with Epsilon -XX:+UnlockExperimentalVMOptions -XX:+UseEpsilonGC -Xmx2g -- --live 4
    with "no class data sharing" -Xshare:off
    with "transparent huge pages, G1" -XX:+UseTransparentHugePages -XX:+UseG1GC
    with "transparent huge pages, Parallel" -XX:+UseTransparentHugePages -XX:+UseParallelGC
    with "memory touched at start" -XX:+AlwaysPreTouch -XX:+UseSerialGC
    with "no compressed class pointers" -XX:-UseCompressedClassPointers
    with "interpreter only" -Xint -- --live 1 --no-classes
    with "compiled from the first call" -Xcomp -XX:TieredStopAtLevel=1 -- --live 1
    with "no tiers of compilation" -XX:-TieredCompilation
    with "200 threads" -XX:+UseG1GC -- --threads 200
    with "200 threads, ZGC" -XX:+UseZGC -- --threads 200
    with "no performance data" -XX:-UsePerfData
}
each_jdk body
done_testing
