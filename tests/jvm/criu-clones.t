#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# An image of criu is restored where its numbers are about to be used: several times at once in PID
# namespaces of their own, which share /tmp; where the kernel would give a number of the image to
# criu; where only a process group or a zombie has one.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
compile NewLife

# watch_perfdata OUTPUT PID: writes what happens to the name of a JVM's hsperfdata, until its standard input
# ends; that is descriptor 7. Sets watcher.
watch_perfdata() {
    mkdir -p "/tmp/hsperfdata_$(id -un)"
    mkfifo "$1.in"
    exec 7<>"$1.in"
    python3 - "/tmp/hsperfdata_$(id -un)" "$2" >"$1" <<'PYTHON' 7<>"$1.in" &
import ctypes, os, select, struct, sys
MODIFY, MOVED_TO, CREATE, DELETE = 0x2, 0x80, 0x100, 0x200
NAMES = {MODIFY: "written", MOVED_TO: "renamed to it", CREATE: "made", DELETE: "deleted"}
libc = ctypes.CDLL(None)
watch = libc.inotify_init()
libc.inotify_add_watch(watch, sys.argv[1].encode(), MODIFY | MOVED_TO | CREATE | DELETE)
print("watching", flush=True)
while True:
    ready = select.select([watch, 7], [], [])[0]
    if watch not in ready:
        break
    events = os.read(watch, 65536)
    while events:
        _, mask, _, length = struct.unpack("iIII", events[:16])
        if events[16:16 + length].rstrip(b"\0").decode() == sys.argv[2]:
            print(NAMES.get(mask, mask), flush=True)
        events = events[16 + length:]
PYTHON
    watcher=$!
    tap_started+=("$watcher")
    wait_line "$1" watching
}

clones() {
    local i jvm log pids=() gc=-Xloggc:$DIR/logs/gc.log
    mkdir "$DIR/logs"
    ! jdk_has unified_logging || gc=-Xlog:gc:file=\"$DIR/logs/gc.log\"
    start_jvm "clone-$V" - "$gc" -cp "$CP" NewLife wait NUMBER
    jvm=$pid
    wait_line "$log" ready
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/clone"
    is "$status$out$err" 0 "$V: the JVM is dumped"
    wait_exit "$pid"
    rm "$DIR/logs/gc.log"
    watch_perfdata "$DIR/seen" "$jvm"
    for i in 1 2 3; do
        unshare --pid --fork --kill-child=KILL --mount-proc setsid "$CKPT" restore "--criu=$CRIU" \
            --env "NUMBER=$i" "$DIR/clone" >"$DIR/clone-$i" 2>&1 </dev/null 7>&- &
        pids+=("$!")
        tap_started+=("$!")
    done
    for i in 1 2 3; do
        ok "$V: clone $i of three at once, with a common /tmp, gets its own order" \
            wait_line "$DIR/clone-$i" "hook env NUMBER=[$i]"
    done
    kill -KILL "${pids[@]}"
    wait "${pids[@]}" || true
    is "$(ls "$DIR/logs")" gc.log "$V: with a common log, which was gone, one is made"
    echo >&7
    wait_exit "$watcher"
    exec 7>&-
    is "$(paste -sd, "$DIR/seen")" "watching,renamed to it,renamed to it,renamed to it" \
        "$V: with a common /tmp, the name of hsperfdata always leads to a whole file"
    is "$(find /tmp -maxdepth 1 -name '*.frozen')" "" "$V: no socket of the clones is left"

    for i in 5 6 9 14 30; do
        echo $((jvm - i)) >/proc/sys/kernel/ns_last_pid
        run "$CKPT" restore --detach "--criu=$CRIU" "$DIR/clone"
        is "$status$err${out%%$'\n'*}" "0$jvm" "$V: a restore succeeds $i processes before the JVM's number"
        kill -KILL "$jvm"
        "$WAITFOR" --timeout 60 exit "$jvm"
    done
}

# A process outside of the tree that has the number only as its group.
group() {
    local jvm member
    start "group-$V" setsid --wait bash -c '(tail -f /dev/null &); tail -F /dev/null & exec "$@"' - \
        "$CKPT" run --option addr=none -- "$JAVA" -jar "$SIMPLE"
    wait_line "$log" 2
    jvm=$(pgrep -x java)
    member=$(pgrep -xf "tail -f /dev/null")
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/group"
    is "$status$out$err" 0 "$V: a JVM with a child is dumped"
    run "$CKPT" restore "--criu=$CRIU" "$DIR/group"
    refused "$V: a number that is only a process group's is refused with its name" \
        "process $member; end that process"
    kill -KILL "$member"
    "$WAITFOR" --timeout 60 exit "$member" # until then it is no zombie
    restore "group-$V" "--criu=$CRIU" "$DIR/group"
    wait_more "$log" 2
    pass "$V: a restore waits for zombies that have a number of the image as their group"
    member=$(pgrep -xf "tail -F /dev/null")
    kill -KILL "$jvm"
    wait_exit "$pid"
    run "$CKPT" restore "--criu=$CRIU" "$DIR/group"
    refused "$V: the number of a child of the JVM is checked" "process ID $member"
    kill -KILL "$member"
}

# in_namespace LOG COMMAND...: in a PID namespace of its own, in the background; sets pid.
in_namespace() {
    local output=$1
    shift
    unshare --pid --fork --kill-child=KILL --mount-proc setsid "$@" >"$output" 2>&1 </dev/null &
    pid=$!
    tap_started+=("$pid")
}

# A restore that is held in a script of criu's has its log to itself.
logs() {
    local jvm held before files
    [[ $("$CRIU" --version) != *"Version: 3."* ]] ||
        { cannot "$V: restores at the same time have a log each" "this criu aborts if it has a script" &&
            return; }
    start_jvm "logs-$V" - -jar "$SIMPLE" --period 20
    jvm=$pid
    wait_line "$log" 3
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/logs"
    is "$status$out$err" 0 "$V: logs: the JVM is dumped"
    wait_exit "$pid"
    files=$(echo "$DIR/logs"/criu-*)
    printf '#!/bin/bash\n[ "$CRTOOLS_SCRIPT_ACTION" != pre-restore ] || %s\n' \
        "{ echo held >>'$DIR/held'; exec tail -f /dev/null; }" >"$DIR/hold"
    chmod 755 "$DIR/hold"
    in_namespace "$DIR/held.log" "$CKPT" restore "--criu=$CRIU" "--criu-option=action-script $DIR/hold" \
        "$DIR/logs"
    held=$pid
    ok "$V: logs: a restore is held" "$WAITFOR" --timeout 60 path "$DIR/held"
    before=$(cksum <"$files/restore.log")
    in_namespace "$DIR/other.log" "$CKPT" restore "--criu=$CRIU" "$DIR/logs"
    ok "$V: logs: another one succeeds meanwhile" wait_line "$DIR/other.log" "after restore"
    is "$(cksum <"$files/restore.log")" "$before" "$V: logs: it does not write to the log of the first"
    ok "$V: logs: it has its own" grep -q "Restore finished" "$files/restore-2.log"
    kill -KILL "$pid" "$held"
    wait "$pid" "$held" || true
    run "$CKPT" restore --detach "--criu=$CRIU" "$DIR/logs"
    is "$status$err" 0 "$V: logs: a restore that is alone succeeds"
    ok "$V: logs: its log is restore.log" grep -q "Restore finished" "$files/restore.log"
    is "$(cd "$files" && echo restore*.log)" "restore-2.log restore.log" "$V: logs: there are no others"
    kill -KILL "$jvm"
    "$WAITFOR" --timeout 60 exit "$jvm"
}

each_jdk clones
each_jdk logs
each_jdk group
done_testing
