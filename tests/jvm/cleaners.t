#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What the collection before a checkpoint finds unreachable is cleaned before the process is looked
# at: a forgotten stream on a named pipe, which would be refused, does not stand against it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Leaks
mkfifo "$TMP/fifo"
exec 6<>"$TMP/fifo" # so that opening it does not wait for a writer

begin() { # MODE JAVA-OPTION...
    name="$V $* ${again:-}"
    image=$DIR/$1
    start_jvm "$name" - "${@:2}" -cp "$CP" Leaks "$1" "$TMP/fifo" 6<&-
    wait_line "$log" ready
}

leaks() { # JAVA-OPTION...
    begin leaks "$@"
    run "$CKPT" checkpoint --no-gc "$pid" "$image"
    is "$status" 1 "$name: without a collection it is refused"
    like "$err" "$TMP/fifo.*TCP connection" "$name: for what is still open"
    stop "$pid"
    again=again begin leaks "$@"
    freeze "$pid" "$image" "$name: what nobody can reach is closed before the look"
    restore "$name" "$image"
    ok "$name: it can be frozen, and comes back" wait_line "$log" "cleaned 0"
    stop "$pid"
}

body() {
    local option
    for option in -XX:+UseSerialGC -XX:+UseG1GC -XX:+UseZGC; do
        ! java_takes "$JAVA_HOME" "$option" || leaks "$option"
    done
    [ "$V" -gt 8 ] || return 0
    begin slow
    freeze "$pid" "$image" "$name"
    restore "$name" "$image"
    ok "$name: every cleaner has run to its end" wait_line "$log" "cleaned 300 of 300"
    stop "$pid"
    begin stuck
    freeze "$pid" "$image" "$name: a cleaner that hangs does not stop the checkpoint"
    contains "$(<"$log")" "warning: cleaners or finalizers of the collection are still at work" \
        "$name: and is told of"
    restore "$name" "$image"
    ok "$name: it comes back" wait_line "$log" "cleaned 0 of 300"
    stop "$pid"
}

each_jdk body
done_testing
