#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# async-profiler runs in a JVM that is frozen by its PID and restored, twice, and continues to take samples:
# with interval timers, with POSIX timers of each thread, and for allocations and locks. With event=wall the
# JVM is restored, but the profiler knows the old process ID. With events of the kernel the checkpoint is
# refused in one line, and succeeds when the profiler is stopped.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Profiled
PROFILER=$TMP/libasyncProfiler.so
python3 - "$(library async-profiler)" "$PROFILER" <<'PYTHON'
import sys, zipfile
open(sys.argv[2], "wb").write(zipfile.ZipFile(sys.argv[1]).read("linux-x64/libasyncProfiler.so"))
PYTHON

profile() { # COMMAND: one of async-profiler's for the running JVM
    "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "$PROFILER" "\"$1\"" >"$DIR/jcmd" 2>&1
}

# begin EVENT INTERVAL. The JVM's own warning that the command loads an agent is no concern of this test.
begin() {
    rm -f "$DIR/$1-late"
    start "$1-$V" "$JAVA" -Xmx64m -XX:+IgnoreUnrecognizedVMOptions -XX:+EnableDynamicAgentLoading \
        "-agentpath:$PROFILER=start,event=$1,interval=$2" -cp "$CLASSES" Profiled "$DIR/$1-late"
    wait_line "$log" 4
}

# Samples of late(), which runs in the restored JVM only.
has_late_samples() { # EVENT
    local tries
    for tries in {1..20}; do
        wait_more "$log" 2 || return
        profile "dump,collapsed,file=$DIR/dump"
        ! grep -q 'Profiled.late' "$DIR/dump" || return 0
    done
    diag "$(tail -n 5 "$log")" "$(cut -c 1-200 "$DIR/dump" | tail -n 5)"
    return 1
}

continues() { # EVENT INTERVAL
    local generation
    begin "$1" "$2"
    for generation in 1 2; do
        freeze "$pid" "$DIR/$1" "$V: event=$1, generation $generation" || return
        touch "$DIR/$1-late"
        restore "$1-$V" "$DIR/$1"
        ok "$V: event=$1: the profiler takes samples in generation $generation" has_late_samples "$1"
        profile "stop"
        profile "start,event=$1,interval=$2"
        ok "$V: event=$1: the profiler can be started again in generation $generation" \
            has_late_samples "$1"
    done
    unlike "$(<"$log")" 'WARN|ERROR' "$V: event=$1: no warnings are printed" ||
        diag "$(grep -E 'WARN|ERR' "$log")"
    stop "$pid"
}

wall() {
    begin wall 10ms
    freeze "$pid" "$DIR/wall" "$V: event=wall" || return
    restore "wall-$V" "$DIR/wall"
    ok "$V: event=wall: the JVM is restored" wait_more "$log" 4
    stop "$pid"
}

# Where the kernel lets the profiler have its events.
kernel_events() {
    begin cpu 10ms
    if ! readlink "/proc/$pid"/fd/* 2>/dev/null | grep -q perf_event; then
        skip "$V: event=cpu: the checkpoint is refused" "the kernel has no perf events for this user"
        stop "$pid"
        return
    fi
    run "$CKPT" checkpoint "$pid" "$DIR/cpu"
    is "$status" 1 "$V: event=cpu: the checkpoint is refused"
    is "$(grep -c 'perf_event' <<<"$err")" 1 "$V: event=cpu: perf events are one line" || diag "$err"
    contains "$err" 'asprof stop' "$V: event=cpu: the refusal says how to stop the profiler"
    profile stop
    freeze "$pid" "$DIR/cpu" "$V: event=cpu, stopped" || return
    restore "cpu-$V" "$DIR/cpu"
    touch "$DIR/cpu-late"
    profile "start,event=cpu,interval=10ms"
    ok "$V: event=cpu: the profiler can be started in the restored JVM" has_late_samples cpu
    stop "$pid"
}

body() {
    continues itimer 10ms
    continues ctimer 10ms
    continues alloc 100k
    continues lock 10us
    wall
    kernel_events
}
each_jdk body
done_testing
