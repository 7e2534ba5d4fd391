#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Java Flight Recorder: each restored JVM records into its own repository. Two clones at once,
# then the next generation of one; every dump is complete, begins before the first freeze and ends
# after the last restore; the end of one clone removes nothing of another.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
output=$("${JDKS[-1]}/bin/javac" --release 17 -d "$TMP/flight" "$TOP/tests/jvm/java/Flight.java" 2>&1) ||
    bail_out "javac failed: $output"

jcmd() { # PID COMMAND...
    run "$JAVA_HOME/bin/jcmd" "$@"
    [ "$status" = 0 ] || diag "jcmd $*: $out$err"
}

# repository PID: its directory, as JFR.configure shows it.
repository() {
    jcmd "$1" JFR.configure
    sed -n 's/^Repository path: *//p' <<<"$out"
}

# ticks FILE: the numbers of its events in one line: the first, the last, how many.
ticks() {
    "$JAVA_HOME/bin/jfr" print --events test.Tick "$1" | sed -n 's/^ *number = //p' | sort -n |
        awk 'NR == 1 { first = $1 } { last = $1 } END { print first + 0, last + 0, NR }'
}

# complete WHAT FILE NUMBER: the recording can be read, and has every tick from the first to NUMBER.
complete() {
    local first last count
    ok "$1: jfr summary reads the recording" "$JAVA_HOME/bin/jfr" summary "$2" || return
    read -r first last count < <(ticks "$2")
    is "$first $last" "1 $count" "$1: the recording has every event from the start"
    ok "$1: the recording has the events up to $3 (last: $last)" test "$last" -ge "$3"
}

# dumped WHAT PID FILE NUMBER: like complete, for a dump of that JVM's recording, taken after that tick.
dumped() {
    jcmd "$2" JFR.dump name=all "filename=$3"
    complete "$1" "$3" "$4"
}

clones() {
    local what="JDK $V" one two one_log number image=$DIR/image
    local places=()
    start_jvm "flight-$V" - "-Djava.io.tmpdir=$DIR" -XX:StartFlightRecording=name=all \
        -cp "$TMP/flight" Flight stream
    wait_line "$log" "tick 40"
    places+=("$(repository "$pid")")
    jcmd "$pid" JFR.dump name=all "filename=$DIR/before.jfr"
    freeze "$pid" "$image" "$what" || return

    restore "one-$V" "$image"
    one=$pid one_log=$log
    restore "two-$V" "$image"
    two=$pid
    wait_line "$one_log" "tick 100"
    ok "$what: an event stream inside the JVM continues" wait_line "$one_log" "streamed 100"
    wait_line "$log" "tick 100"
    places+=("$(repository "$one")" "$(repository "$two")")
    is "$(printf '%s\n' "${places[@]}" | sort -u | grep -c /)" 3 \
        "$what: the frozen JVM and both clones have their own repositories" || diag "${places[@]}"
    dumped "$what, first clone" "$one" "$DIR/one.jfr" 100
    dumped "$what, second clone" "$two" "$DIR/two.jfr" 100
    stop "$one"
    not_ok "$what: the first clone removes its repository at its end" test -e "${places[1]}"
    dumped "$what, second clone after the end of the first" "$two" "$DIR/after.jfr" 100

    freeze "$two" "$image" "$what, second clone" || return
    restore "three-$V" "$image"
    wait_line "$log" "tick "
    number=$(($(sed -n 's/^tick //p' "$log" | tail -n 1) + 20))
    wait_line "$log" "tick $number"
    dumped "$what, next generation" "$pid" "$DIR/three.jfr" "$number"
    jcmd "$pid" JFR.stop name=all
    jcmd "$pid" JFR.start name=all
    ok "$what, next generation: a recording can be stopped and started" grep -q "Started recording" <<<"$out"
    stop "$pid"
}

# A recording that is written at the end of the JVM, one in memory only, and a JVM that continues.
kinds() {
    local what="JDK $V"
    start_jvm "exit-$V" - "-Djava.io.tmpdir=$DIR" \
        "-XX:StartFlightRecording=name=all,dumponexit=true,filename=$DIR/exit.jfr" \
        -cp "$TMP/flight" Flight
    wait_line "$log" "tick 20"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/exit"
    is "$status$out$err" 0 "$what, dumponexit: checkpoint --leave-running succeeds"
    wait_line "$log" "tick 60"
    dumped "$what, dumponexit: the JVM that continues" "$pid" "$DIR/on.jfr" 60
    stop "$pid"
    rm -f "$DIR/exit.jfr"
    restore "exit2-$V" "$DIR/exit"
    wait_line "$log" "tick 60"
    stop "$pid"
    # The JVM that continued has ended and removed its own chunks.
    ok "$what, dumponexit: jfr summary reads the dump of a restored JVM" "$JAVA_HOME/bin/jfr" summary \
        "$DIR/exit.jfr"
    ok "$what, dumponexit: the dump of a restored JVM has events since the restore" \
        test "$(ticks "$DIR/exit.jfr" | cut -d" " -f2)" -ge 60

    start_jvm "memory-$V" - "-Djava.io.tmpdir=$DIR" -XX:StartFlightRecording=name=all,disk=false \
        -cp "$TMP/flight" Flight
    wait_line "$log" "tick 20"
    freeze "$pid" "$DIR/memory" "$what, in memory" || return
    restore "memory2-$V" "$DIR/memory"
    wait_line "$log" "tick 60"
    dumped "$what, in memory" "$pid" "$DIR/memory.jfr" 60
    stop "$pid"
}

each_jdk clones
each_jdk kinds
done_testing
