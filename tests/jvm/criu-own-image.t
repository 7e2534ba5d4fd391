#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM that `checkpointer restore` has made is dumped by CRIU: what came from our image does not depend
# on that file any more.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-by-hand.sh"
compile Endpoint

maps_image() { # PID DIR: prints how many mappings of the image it has
    grep -c -- "$2/image" "/proc/$1/maps" || true
}

with_huge_pages() { # PID: prints how many KiB have the advice
    awk '/^Size:/ { size = $2 } /^VmFlags:.* hg/ { sum += size } END { print sum + 0 }' "/proc/$1/smaps"
}

dumped() { # NAME JAVA-OPTION...
    local name=$1 was own=$DIR/own-$1 theirs=$DIR/theirs-$1
    shift
    OPTIONS=(addr=none)
    start_jvm "$name-$V" - -XX:-UsePerfData "$@" -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready
    freeze "$pid" "$own" "$V: $name: before the dump"
    restore "$name-$V" "$own"
    wait_line "$log" after
    isnt "$(maps_image "$pid" "$own")" 0 "$V: $name: a restored JVM maps its image"
    was=$(with_huge_pages "$pid")
    run "$CKPT" prepare "$pid"
    is "$status$err" 0 "$V: $name: the first half succeeds in a restored JVM"
    is "$(maps_image "$pid" "$own")" 0 "$V: $name: after the first half, no mapping of the image is left"
    is "$(with_huge_pages "$pid")" "$was" "$V: $name: advice on huge pages is kept"
    criu_ends "$pid" "$theirs" "$V: $name: a restored JVM"
    tap_pid_of[$log]=
    rm -r "$own"
    criu_restore "$theirs"
    is "$status$err" 0 "$V: $name: criu restores it when our image is gone"
    run "$CKPT" resume "$pid"
    is "$status$err" 0 "$V: $name: the second half succeeds"
    run "$JAVA_HOME/bin/jcmd" "$pid" GC.run
    is "$status" 0 "$V: $name: the JVM collects garbage"
    run "$CKPT" checkpoint "$pid" "$own"
    is "$status$err" 0 "$V: $name: the JVM is frozen by the built-in engine again"
    restore "$name-$V" "$own"
    ok "$V: $name: and restored again" wait_line "$log" after --count 3
    stop "$pid"
}

# The same by our own engine that uses CRIU.
by_engine() {
    local own=$DIR/own-engine
    OPTIONS=(addr=none)
    start_jvm "engine-$V" - -XX:-UsePerfData -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready
    freeze "$pid" "$own" "$V: engine: before the dump"
    restore "engine-$V" "$own"
    wait_line "$log" after
    run "$CKPT" checkpoint --engine=criu --criu "$CRIU" "$pid" "$DIR/engine"
    is "$status$err" 0 "$V: engine: a restored JVM is frozen with --engine=criu"
    wait_exit "$pid" || true
    rm -r "$own"
    start "engine-$V" "$CKPT" restore --criu "$CRIU" "$DIR/engine"
    ok "$V: engine: it is restored when the first image is gone" wait_line "$log" after --count 2
    stop "$pid"
}

# The application continues while its memory is replaced.
busy() {
    local own=$DIR/own-busy
    OPTIONS=(addr=none)
    start_jvm "busy-$V" - -XX:-UsePerfData -cp "$SIMPLE" example.Counter --period 2
    wait_line "$log" 20
    freeze "$pid" "$own" "$V: busy: before the first half"
    restore "busy-$V" "$own"
    wait_more "$log" 20
    run "$CKPT" prepare "$pid"
    is "$status$err" 0 "$V: busy: the first half succeeds"
    is "$(maps_image "$pid" "$own")" 0 "$V: busy: no mapping of the image is left"
    rm -r "$own"
    wait_more "$log" 100
    run "$CKPT" resume "$pid"
    is "$status$err" 0 "$V: busy: the second half succeeds"
    in_sequence "$log" "$V: busy: the counter misses nothing"
    stop "$pid"
}

body() {
    dumped serial -XX:+UseSerialGC
    dumped g1 -XX:+UseG1GC
    dumped parallel -XX:+UseParallelGC -XX:+UseTransparentHugePages
    by_engine
    busy
}
each_jdk body
done_testing
