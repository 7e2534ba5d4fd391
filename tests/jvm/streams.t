#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Descriptors 0 to 2. Standard streams are those of `restore`; but where one was closed when the JVM
# started, the number is another file's, the JDK's or the application's, and must stay that one.
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

# Two lives more, each from the image of the last.
lives() { # NAME WHAT
    local name=$1 what=$2 life
    for life in 1 2; do
        freeze "$pid" "$DIR/$name.image" "$what" || return
        start "$name-$V-$life" "$CKPT" restore "$DIR/$name.image"
        ok "$what: life $life" "$WAITFOR" --timeout 60 line "$DIR/$name.out" \
            "life $life of life 0" --pid "$pid" || { diag "$(cat "$log")"; return; }
    done
    kill -KILL "$pid"
    wait_exit "$pid" 10
    is "$(cat "$DIR/$name.data")" "$(printf 'life %s\n' 0 1 2)" \
        "$what: the application's own file gets all that it writes there, and nothing else"
}

body() {
    local closed
    for closed in "0" "0 1 2"; do
        launch "agent${closed// /}" "$closed" "-agentpath:$AGENT=addr=none" &&
            lives "agent${closed// /}" "$V: with $closed closed at the start"
    done
    launch late 0 -XX:+EnableDynamicAgentLoading 2>/dev/null || launch late 0
    lives late "$V: with 0 closed at the start, and the agent loaded late"
    launch open "" "-agentpath:$AGENT=addr=none" && lives open "$V: with all of them open"
    is "$(grep -c 'life 1' "$DIR/open.1" "$DIR/open.2" | tr '\n' ' ')" \
        "$DIR/open.1:0 $DIR/open.2:0 " "$V: what a restored JVM says does not go to the old streams"
    is "$(grep -c 'said on standard .* in life 1' "$TMP/open-$V-1.log")" 2 "$V: but to those of restore"
}
each_jdk body
done_testing
