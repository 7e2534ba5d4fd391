#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# As in a container: the JVM is PID 1 of a PID namespace with its own /proc, is frozen from inside and
# from outside, and is restored as PID 1.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need unshare nsenter flock
[ "$(id -u)" -eq 0 ] || cannot_all "only root makes PID namespaces here"
unshare --pid --fork --mount-proc true 2>/dev/null || cannot_all "PID namespaces are not allowed here"
CONTAINER=(unshare --pid --fork --mount-proc --kill-child)

first_process() {
    local image=$TMP/pid1-$V
    run timeout 60 "${CONTAINER[@]}" "$CKPT" run --image "$image" --option addr=none -- \
        "$JAVA_HOME/bin/java" -jar "$SIMPLE" --period 20 --checkpoint-at 3 --until 6
    is "$status" 137 "$V: a JVM that is PID 1 freezes itself and ends with 137"
    run timeout 60 "${CONTAINER[@]}" "$CKPT" restore "$image"
    is "$status/$(tr '\n' ' ' <<<"$out")" "0/after restore 4 5 6 " \
        "$V: a JVM that is PID 1 is restored as PID 1"
}

from_outside() {
    local image=$TMP/outside-$V inner
    start "outside-$V" "${CONTAINER[@]}" "$CKPT" run --option addr=none -- \
        "$JAVA_HOME/bin/java" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    inner=$(cat "/proc/$pid/task/$pid/children")
    run "$CKPT" checkpoint ${inner%% *} "$image"
    is "$status/$err" "0/" "$V: from outside: a JVM is frozen by its outer PID"
    wait_exit "$pid"
    run timeout 20 "$CKPT" inspect "$image"
    like "$out" "PID 1," "$V: from outside: the image has the inner PID"
    start "back-$V" "$CKPT" restore "$image"
    ok "$V: from outside: the image is restored outside of the namespace" wait_line "$log" "after restore"
    stop "$pid"
}

# When PID 1 ends, all processes of the container are killed: a command in there, and the script that
# started it, end before. A command from outside waits for the end.
asked_inside() {
    local image=$TMP/inside-$V inner
    start "inside-$V" "${CONTAINER[@]}" "$CKPT" run --option addr=none -- \
        "$JAVA_HOME/bin/java" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    inner=$(cat "/proc/$pid/task/$pid/children")
    run nsenter --target ${inner%% *} --pid --mount sh -c '"$0" checkpoint 1 "$1" && echo "said $?"' \
        "$CKPT" "$image"
    is "$status/$out/$err" "0/said 0/" \
        "$V: from inside: a script in the container gets the result of the checkpoint"
    wait_exit "$pid"
    is "$status" 137 "$V: from inside: the container ends after the checkpoint"
    run "$CKPT" inspect --verify "$image"
    is "$status" 0 "$V: from inside: the image is complete"
}

# JVMs of several PID namespaces may share /tmp: each leaves the others' performance data alone.
shared_tmp() {
    local image=$TMP/shared-$V file
    start_jvm "shared-$V" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    file=/tmp/hsperfdata_$(id -un)/$pid
    run "$CKPT" checkpoint --leave-running "$pid" "$image"
    restore "clone-$V" "$image"
    wait_line "$log" "after restore"
    stop "$pid"
    ok "$V: shared /tmp: the end of a clone leaves the original's performance data" test -e "$file"
    stop "${file##*/}"
    ok "$V: shared /tmp: the original removes its performance data at its end" test ! -e "$file"
    restore "shared-$V" "$image"
    wait_line "$log" "after restore"
    file=/tmp/hsperfdata_$(id -un)/$pid
    "${CONTAINER[@]}" "$JAVA_HOME/bin/java" -version >/dev/null 2>&1
    ok "$V: shared /tmp: a JVM in another namespace leaves a clone's performance data" test -e "$file"
    stop "$pid"
    ok "$V: shared /tmp: a clone removes its performance data at its end" test ! -e "$file"

    # The image of first_process has PID 1 of one container, the file is that of PID 1 of another one.
    # shellcheck disable=SC2016 # for the inner shell
    run timeout 60 unshare --mount bash -c 'mount -t tmpfs none "$1" && cd "$1" && chmod 755 . &&
        echo of another >1 && exec 7<1 && flock 7 && shift && "$@" 7<&- && cat 1' - \
        "${file%/*}" "${CONTAINER[@]}" "$CKPT" restore "$TMP/pid1-$V"
    is "$status/$(tr '\n' ' ' <<<"$out")" "0/after restore 4 5 6 of another " \
        "$V: shared /tmp: a clone leaves the data of a JVM elsewhere with its PID"
}

# A container with its own /tmp, in which there is no agent: the library is copied and deleted.
BARE=(unshare --mount --pid --fork --mount-proc --kill-child
    bash -c 'mount --bind "$0" /tmp && cd / && exec "$@"')
without_library() {
    local tool=$TMP/tool world=$TMP/world-$V inner next
    mkdir -p "$tool" "$world"
    chmod 1777 "$world"
    cp "$CKPT" "$AGENT" "$tool/"
    cp "$SIMPLE" "$CKPT" "$world/"
    start "bare-$V" "${BARE[@]}" "$world" "$JAVA_HOME/bin/java" -jar /tmp/simple.jar --period 20
    wait_line "$log" 3
    inner=$(cat "/proc/$pid/task/$pid/children")
    inner=${inner%% *}
    not_ok "$V: without the agent's library: the container does not see it" test -e "/proc/$inner/root$tool"
    run "$tool/checkpointer" checkpoint --leave-running "$inner" /tmp/image
    is "$status/$err" "0/" "$V: without the agent's library: it is loaded, and the JVM frozen"
    is "$(find "$world" -name '*checkpointer-*')" "" "$V: without the agent's library: no copy of it is left"
    run "$tool/checkpointer" checkpoint "$inner" /tmp/image
    is "$status/$err" "0/" "$V: without the agent's library: the loaded agent freezes the JVM again"
    wait_exit "$pid"
    next=$(($(last_number "$log") + 3))
    start "again-$V" "${BARE[@]}" "$world" /tmp/checkpointer restore /tmp/image
    ok "$V: without the agent's library: the image is restored in the container" wait_line "$log" "$next"
    stop "$pid"
}

# A JVM whose root directory is another one, in which /tmp is a link to an absolute path.
linked_tmp() {
    local root=$TMP/root-$V
    [[ $JAVA_HOME == /usr/* ]] || return 0
    mkdir -p "$root/private/tmp"
    ln -s /private/tmp "$root/tmp"
    # shellcheck disable=SC2016 # for the inner shell
    start "linked-$V" unshare --mount bash -c 'root=$1 project=$2
        shift 2
        for folder in /usr /etc /proc /dev; do
            mkdir "$root$folder" && mount --rbind "$folder" "$root$folder" || exit
        done
        mkdir "$root/project" && mount --bind "$project" "$root/project" || exit
        for link in bin lib lib64; do ln -s "usr/$link" "$root/$link" || exit; done
        exec chroot "$root" "$@"' - "$root" "$TOP" /project/build/checkpointer run --option addr=none -- \
        "$JAVA_HOME/bin/java" -jar "/project/${SIMPLE#"$TOP"/}" --period 20
    wait_line "$log" 3
    run "$CKPT" check "$pid"
    contains "$status$out$err" "loaded, and it answers" \
        "$V: check finds the agent of a JVM whose /tmp is a link"
    run "$CKPT" checkpoint --leave-running "$pid" /tmp/image
    is "$status$out$err" 0 "$V: a JVM is frozen from outside of its root, in which /tmp is a link"
    ok "$V: the image is where the JVM's link points to" test -f "$root/private/tmp/image/image"
    stop "$pid"
}

body() {
    first_process
    from_outside
    asked_inside
    shared_tmp
    without_library
    linked_tmp
}
each_jdk body
done_testing
