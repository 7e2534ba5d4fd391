#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Objects that the collection before a checkpoint finds unreachable are cleaned before the process is
# inspected: a forgotten stream on a named pipe, which would be refused, does not prevent it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Leaks
start_relay
mkfifo "$TMP/fifo"
exec 6<>"$TMP/fifo" # so that opening it does not wait for a writer

begin() { # MODE JAVA-OPTION...
    name="$V: $*${again:-}"
    image=$DIR/$1
    start_jvm "$name" - "${@:2}" "-Drelay=$relay" -cp "$CP" Leaks "$1" \
        "$TMP/fifo" 6<&-
    wait_line "$log" ready
}

leaks() { # JAVA-OPTION...
    begin leaks "$@"
    run "$CKPT" checkpoint --no-gc "$pid" "$image"
    is "$status" 1 "$name: checkpoint --no-gc: unreachable open streams are refused"
    like "$err" "$TMP/fifo.*TCP connection" "$name: checkpoint --no-gc: the refusal names the open streams"
    stop "$pid"
    again=" again" begin leaks "$@"
    freeze "$pid" "$image" "$name: unreachable streams are closed before the inspection"
    restore "$name" "$image"
    ok "$name: a JVM with unreachable streams is restored" wait_line "$log" "cleaned 0"
    stop "$pid"
}

body() {
    local option
    for option in -XX:+UseSerialGC -XX:+UseG1GC -XX:+UseZGC; do
        ! jdk_takes "$option" || leaks "$option"
    done
    jdk_has cleaners || return 0
    begin slow
    freeze "$pid" "$image" "$name: slow cleaners"
    restore "$name" "$image"
    ok "$name: every slow cleaner has ended before the freeze" wait_line "$log" "cleaned 300 of 300"
    stop "$pid"
    begin stuck
    freeze "$pid" "$image" "$name: a cleaner that hangs does not prevent the checkpoint"
    contains "$(<"$log")" "warning: cleaners or finalizers are still running after the collection" \
        "$name: a cleaner that hangs is reported"
    restore "$name" "$image"
    ok "$name: a JVM with a cleaner that hangs is restored" wait_line "$log" "cleaned 0 of 300"
    stop "$pid"
}

each_jdk body
done_testing
