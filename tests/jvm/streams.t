#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Descriptors 0 to 2. Standard streams are those of `restore`; but if one was closed when the JVM
# started, its number belongs to a file of the JDK or the application, and must stay that file.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Streams

# launch NAME CLOSED JAVA-ARGUMENT...: a JVM with the descriptors of CLOSED closed. Sets pid.
launch() {
    local name=$1 closed=$2 number
    shift 2
    (
        for number in $closed; do
            eval "exec $number>&-"
        done
        exec "$JAVA" "$@" -cp "$CP" Streams "$DIR/$name.out" "$DIR/$name.data"
    ) </dev/null >"$DIR/$name.1" 2>"$DIR/$name.2" &
    pid=$!
    tap_started+=("$pid")
    "$WAITFOR" --timeout 60 line "$DIR/$name.out" "life 0" --pid "$pid" ||
        { diag "$(cat "$DIR/$name".*)"; return 1; }
}

# two_generations NAME WHAT: each from the image of the one before.
two_generations() {
    local name=$1 what=$2 life
    for life in 1 2; do
        freeze "$pid" "$DIR/$name.image" "$what" || return
        start "$name-$V-$life" "$CKPT" restore "$DIR/$name.image"
        ok "$what: generation $life is restored" \
            "$WAITFOR" --timeout 60 line "$DIR/$name.out" \
            "life $life of life 0" --pid "$pid" || { diag "$(cat "$log")"; return; }
    done
    kill -KILL "$pid"
    wait_exit "$pid"
    is "$(cat "$DIR/$name.data")" "$(printf 'life %s\n' 0 1 2)" \
        "$what: the application's file has only its own output"
}

body() {
    local closed
    for closed in "0" "0 1 2"; do
        launch "agent${closed// /}" "$closed" "-agentpath:$AGENT=addr=none" &&
            two_generations "agent${closed// /}" "$V: with $closed closed at the start"
    done
    launch late 0 -XX:+EnableDynamicAgentLoading 2>/dev/null || launch late 0
    two_generations late "$V: with 0 closed at the start, and the agent loaded late"
    launch open "" "-agentpath:$AGENT=addr=none" &&
        two_generations open "$V: with 0, 1 and 2 open at the start"
    is "$(grep -c 'life 1' "$DIR/open.1" "$DIR/open.2" | tr '\n' ' ')" \
        "$DIR/open.1:0 $DIR/open.2:0 " "$V: output of a restored JVM does not go to the old streams"
    is "$(grep -c 'said on standard .* in life 1' "$TMP/open-$V-1.log")" 2 \
        "$V: output of a restored JVM goes to the streams of restore"
}
each_jdk body
done_testing
