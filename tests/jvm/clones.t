#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Ten JVMs from one image at once: each continues separately, is found by its own PID, and can be
# frozen into its own image; the image that they come from stays unchanged.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Load
CLONES=10

body() {
    local i before pids=() good=0 found sums
    start_jvm "original-$V" - -Xmx128m -cp "$CP" Load --live 4
    wait_line "$log" "round 3" || fail "$V: the original starts"
    freeze "$pid" "$DIR/image" "$V: the original" || return
    before=$(sha256sum <"$DIR/image/image")
    for ((i = 0; i < CLONES; i++)); do
        restore "clone-$V-$i" "$DIR/image"
        pids+=("$pid")
    done
    for ((i = 0; i < CLONES; i++)); do
        wait_line "$TMP/clone-$V-$i.log" "round " --count 5 && good=$((good + 1))
    done
    is "$good" "$CLONES" "$V: all $CLONES clones of one image continue"
    found=$("$JAVA_HOME/bin/jps" 2>/dev/null | grep -c -wF "$(printf '%s\n' "${pids[@]}")")
    is "$found" "$CLONES" "$V: jps lists each clone"

    freeze "${pids[0]}" "$DIR/first" "$V: a clone"
    restore "clone-$V-0" "$DIR/first"
    pids[0]=$pid
    ok "$V: a clone that was frozen continues from its own image" \
        wait_line "$TMP/clone-$V-0.log" "round " \
        --count $(($(count_lines "$TMP/clone-$V-0.log" "round ") + 3))
    good=0
    for ((i = 0; i < CLONES; i++)); do
        stop "${pids[i]}"
        [ "$status/$(grep -cv '^round ' "$TMP/clone-$V-$i.log")" = 143/0 ] && good=$((good + 1))
    done
    is "$good" "$CLONES" "$V: each clone ends by its own SIGTERM and has found its memory unchanged"
    sums=$(grep -h -m 1 -x 'round [0-9]*' "$TMP/clone-$V"-*.log | sort -u | wc -l)
    is "$sums" 1 "$V: all clones began at the same point"
    is "$(sha256sum <"$DIR/image/image")" "$before" "$V: restore: the image stays unchanged"
}
each_jdk body
done_testing
