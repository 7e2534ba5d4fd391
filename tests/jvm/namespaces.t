#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# As in a container: the JVM is PID 1 of a PID namespace with a /proc of its own, is frozen from inside
# and from outside, and is restored as PID 1.  And root freezes what an ordinary user has restored.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need unshare
[ "$(id -u)" -eq 0 ] || cannot_all "only root makes PID namespaces here"
unshare --pid --fork --mount-proc true 2>/dev/null || cannot_all "PID namespaces are not allowed here"
CONTAINER=(unshare --pid --fork --mount-proc --kill-child)

first_process() {
    local image=$TMP/pid1-$V
    run timeout 60 "${CONTAINER[@]}" "$CKPT" run --image "$image" --option addr=none -- \
        "$JAVA_HOME/bin/java" -jar "$SIMPLE" --period 20 --checkpoint-at 3 --until 6
    is "$status" 137 "$V: PID 1 ends when it has frozen itself"
    run timeout 60 "${CONTAINER[@]}" "$CKPT" restore "$image"
    is "$status/$(tr '\n' ' ' <<<"$out")" "0/after restore 4 5 6 " "$V: and is restored as PID 1"
}

from_outside() {
    local image=$TMP/outside-$V inner
    start "outside-$V" "${CONTAINER[@]}" "$CKPT" run --option addr=none -- \
        "$JAVA_HOME/bin/java" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    inner=$(cat "/proc/$pid/task/$pid/children")
    run "$CKPT" checkpoint ${inner%% *} "$image"
    is "$status/$err" "0/" "$V: frozen from outside by its outer PID"
    wait_exit "$pid"
    run timeout 20 "$CKPT" inspect "$image"
    like "$out" "PID 1," "$V: the image knows the inner one"
    start "back-$V" "$CKPT" restore "$image"
    ok "$V: and is restored outside, with any PID" wait_line "$log" "after restore"
    stop "$pid"
}

body() {
    first_process
    from_outside
}
each_jdk body
done_testing
