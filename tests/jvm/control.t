#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Who may use the agent's control socket, and how it is found: only its owner may connect, and the
# agent checks the credentials of each peer; the command accepts no socket that the JVM's owner did not
# make. Root outside of a container finds the socket from the PID alone, also that of a JVM with its
# own /tmp and PIDs, and loads the agent there.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3 unshare nsenter
compile Opened
[ "$(id -u)" -eq 0 ] || cannot_all "only root can act as another user and make namespaces"

# ask SOCKET [DIR]: sends what the command would send, and prints the answer. A peer that is refused
# gets the answer before it has sent anything.
cat >"$TMP/ask" <<'PYTHON'
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(20)
    try:
        s.connect(sys.argv[1])
        if sys.argv[2:]:
            s.sendall(b"checkpoint\ndirectory=" + sys.argv[2].encode() + b"\n\n")
    except OSError as e:
        sys.exit("connect: " + e.strerror)
    while part := s.recv(4096):
        print(part.decode(), end="")
PYTHON

owner_only() {
    local socket
    start_jvm "$V owner" - -jar "$SIMPLE" --period 20
    wait_line "$log" 1
    socket=$(control_socket "$pid")
    is "$(stat -c '%a %u %F' "$socket")" "600 0 socket" \
        "$V: control socket: only its owner may connect by its mode"
    run as_user python3 "$TMP/ask" "$socket"
    is "$out$err" "connect: Permission denied" "$V: control socket: another user cannot connect"
    chmod 666 "$socket"
    run as_user python3 "$TMP/ask" "$socket"
    is "$out" $'text only the JVM\'s owner and root may request a checkpoint\nfailed' \
        "$V: control socket: another user who can connect is refused by credentials"
    run python3 "$TMP/ask" "$socket" /nowhere/at/all
    contains "$out" "/nowhere/at/all" "$V: control socket: the owner gets an answer"
    ok "$V: control socket: the JVM continues after refused requests" wait_more "$log" 2
    stop "$pid"
}

# A request while the JVM starts: no agent can be loaded yet, and the agent that it has has no socket
# yet. Some of these requests arrive at that moment.
only_starting() {
    local turn class
    jdk_has unified_logging || return 0
    for turn in 1 2 3 4 5 6 7 8; do
        class=java/lang/ref/Finalizer
        [ $((turn % 2)) = 0 ] || class=java/lang/Thread
        start_jvm "$V starting $turn" - "-Xlog:class+init=info:file=$DIR/classes-$turn" -jar "$SIMPLE" \
            --period 20
        "$WAITFOR" --timeout 60 line "$DIR/classes-$turn" "$class" || break
        # The socket that a killed JVM with this PID would leave; not if the agent has already made its.
        python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$(control_socket "$pid")" 2>/dev/null || true
        freeze "$pid" "$DIR/starting" "$V: a JVM that is starting, turn $turn" || return
    done
    pass "$V: checkpoint: a JVM that is starting is frozen as soon as it has started"
}

# A request right after the restore, when there is no socket yet: nothing is loaded into the JVM.
just_restored() {
    local turn attached=0
    start_jvm "$V restored" - -jar "$SIMPLE" --period 5
    wait_line "$log" 2
    freeze "$pid" "$DIR/restored" "$V: a JVM before its restore" || return
    for turn in 1 2 3; do
        restore "$V restored" "$DIR/restored"
        wait_more "$log" 1
        run "$CKPT" checkpoint "$pid" "$DIR/restored-$turn"
        is "$status$err" 0 "$V: checkpoint: a JVM that was just restored is frozen, turn $turn"
        "$CKPT" inspect "$DIR/restored-$turn" | grep -q "Attach Listener" && attached=1
    done
    is "$attached" 0 "$V: checkpoint: nothing attaches to a JVM that was just restored"
}

# A socket with the right name that another user has made.
impostor() {
    local socket
    OPTIONS+=(control=false)
    start_jvm "$V impostor" as_user - -cp "$SIMPLE" example.Counter --period 20
    OPTIONS=(addr=none)
    wait_line "$log" 1
    socket=$(control_socket "$pid" 12345)
    python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
s.listen()
open(sys.argv[2], "w").close()
s.accept()[0].recv(1)' "$socket" "$TMP/listens" &
    tap_started+=($!)
    "$WAITFOR" --timeout 60 path "$TMP/listens" || fail "$V: the other user's socket listens"
    run as_user "$CKPT" checkpoint "$pid" "$USER_DIR/impostor"
    contains "$status$out/$err" \
        "1/checkpointer: the socket '/proc/$pid/root$socket' is not the JVM's: not permitted" \
        "$V: checkpoint: a control socket that another user has made is refused"
    rm -f "$socket" "$TMP/listens"
    stop "$pid"
}

# A process that resembles a JVM and belongs to another user: where the command expects a file there is
# a pipe, and its socket accepts no connection. Root's command ends nevertheless.
hostile() {
    local home=$USER_DIR/hostile/lib/server
    as_user mkdir -p "$home"
    as_user mkfifo "$home/release"
    as_user dd if=/dev/zero of="$home/libjvm.so" bs=4096 count=1 status=none
    # shellcheck disable=SC2016 # Python's
    start "hostile" as_user python3 -c 'import mmap, os, signal, socket, sys
kept = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 4096, prot=mmap.PROT_READ)
path = "/tmp/.checkpointer_%d_pid%d" % (os.getuid(), os.getpid())
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen(0)
full = []
try:
    while True:
        full.append(socket.socket(socket.AF_UNIX))
        full[-1].settimeout(0)
        full[-1].connect(path)
except BlockingIOError:
    print("ready", flush=True)
signal.pause()' "$home/libjvm.so"
    wait_line "$log" ready
    RUN_SECONDS=50 run "$CKPT" check "$pid"
    like "$status$out" "^1.*its version cannot be read.*agent: cannot reach the agent at '/proc/$pid/" \
        "check: ends for another user's process that only resembles a JVM"
    RUN_SECONDS=50 run "$CKPT" checkpoint "$pid" "$TMP/hostile"
    like "$status$err" "^1checkpointer: cannot reach the agent at '/proc/$pid/" \
        "checkpoint: ends for a control socket that accepts no connection"
    stop "$pid"
    rm -f "/tmp/.checkpointer_12345_pid$pid"
}

# inner_of PID: the first child of `unshare --fork`.
inner_of() {
    local children
    children=$(cat "/proc/$1/task/$1/children")
    printf '%s\n' "${children%% *}"
}

# Containers that share one /tmp: each JVM is PID 1, and only the one that is named gets the request.
# A third JVM has no agent yet.
shared_tmp() {
    local name inner=() logs=() outer=() i container=(unshare --pid --fork --mount-proc --kill-child)
    for name in 0 1; do
        start "$V shared $name" "${container[@]}" "$CKPT" run --option addr=none -- \
            "$JAVA" -cp "$CP" Opened
        wait_line "$log" 2
        outer+=("$pid") logs+=("$log") inner+=("$(inner_of "$pid")")
    done
    start "$V shared 2" "${container[@]}" "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 2
    outer+=("$pid") logs+=("$log") inner+=("$(inner_of "$pid")")
    for i in 0 1 2; do
        run "$CKPT" checkpoint --leave-running "${inner[i]}" "$DIR/shared-$i"
        is "$status$out$err" 0 "$V: shared /tmp: checkpoint of JVM $i, which has PID 1, succeeds"
    done
    is "$(count_lines "${logs[0]}" "after restore") $(count_lines "${logs[1]}" "after restore")" "1 1" \
        "$V: shared /tmp: each JVM gets its own request once"
    run "$CKPT" checkpoint "${inner[0]}" "$DIR/shared-0"
    is "$status$out$err" 0 "$V: shared /tmp: JVM 0 is frozen"
    wait_exit "${outer[0]}"
    start "$V shared 0" "${container[@]}" "$CKPT" restore "$DIR/shared-0"
    wait_line "$log" "after restore"
    run "$CKPT" checkpoint --leave-running "${inner[1]}" "$DIR/shared-1"
    is "$status$out$err" 0 "$V: shared /tmp: checkpoint of JVM 1 next to the restored JVM 0 succeeds"
    wait_line "${logs[1]}" "after restore"
    is "$(count_lines "${logs[1]}" "after restore")" 2 \
        "$V: shared /tmp: JVM 1 itself gets the request next to the restored JVM 0"
    inner[0]=$(inner_of "$pid")
    i=$(readlink "/proc/${inner[0]}/ns/pid")
    i=/tmp/.checkpointer_0_pid1_${i//[^0-9]/}
    kill -KILL "$pid" # ends all of its namespace
    wait_exit "$pid"
    "$WAITFOR" --timeout 60 exit "${inner[0]}"
    ok "$V: shared /tmp: a JVM that is killed leaves its control socket" test -S "$i"
    touch "$TMP/killed" # the next namespace may get the same number, and a socket of that name
    start "$V shared 3" "${container[@]}" "$CKPT" run --option addr=none -- "$JAVA" -cp "$CP" Opened
    wait_line "$log" 2
    is "$(find "$i" ! -newer "$TMP/killed" 2>/dev/null || true)" "" \
        "$V: shared /tmp: a JVM that starts removes the socket of a killed one"
    run "$CKPT" checkpoint --leave-running "${inner[1]}" "$DIR/shared-1"
    is "$status$out$err" 0 "$V: shared /tmp: a JVM that starts leaves the sockets of others alone"
    stop "$pid"
    stop "${outer[1]}"
    stop "${outer[2]}"
}

# new-tmp FOLDER TREE MODE: mounts another /tmp, of this mode, over /tmp. The folders below the old one
# that are still needed stay visible: the tree, and the copies for the ordinary user.
cat >"$TMP/new-tmp" <<'SHELL'
set -e
new=$1/new
mkdir -p "$new"
mount -t tmpfs -o "mode=$3" tmpfs "$new"
for kept in "$1/bin" "$2"; do
    if [[ $kept == /tmp/* && -d $kept ]]; then
        mkdir -p "$new${kept#/tmp}"
        mount --bind "$kept" "$new${kept#/tmp}"
    fi
done
mount --rbind "$new" /tmp
SHELL

# Its own /tmp and PIDs, as in a container. Image and socket are in that /tmp.
# shellcheck disable=SC2016 # for the inner shell
CONTAINER=(unshare --mount --pid --fork --mount-proc --kill-child bash -c '
    bash "$1/new-tmp" "$1" "$2" 1777 && mkdir -m 700 /tmp/images && cd / && shift 2 || exit
    "$@" || tail -f /dev/null' - "$TMP" "$TOP")

from_outside() { # WHAT COMMAND...
    local what=$1 holder inner began=$EPOCHSECONDS
    start "$V $what" "${CONTAINER[@]}" "${@:2}"
    wait_line "$log" 2 || return
    holder=$(cat "/proc/$pid/task/$pid/children")
    holder=${holder%% *}
    inner=$(cat "/proc/$holder/task/$holder/children")
    inner=${inner%% *}
    not_ok "$V: $what: the control socket is not in the /tmp outside" \
        grep -q checkpointer_ <(find /tmp -maxdepth 1 -newermt "@$began" -name ".checkpointer_0_pid$inner")
    run "$CKPT" checkpoint "$inner" "/tmp/images/$V"
    is "$status$out$err" 0 "$V: $what: root freezes a JVM in a container by its PID outside"
    not_ok "$V: $what: the image directory is not made outside of the container" test -e "/tmp/images/$V"
    ok "$V: $what: the image is written inside of the container" \
        test -s "/proc/$holder/root/tmp/images/$V/image"
    nsenter --mount --pid --target "$holder" "$CKPT" restore "/tmp/images/$V" >>"$log" 2>&1 &
    tap_started+=($!)
    ok "$V: $what: the image is restored inside of the container" \
        wait_more "$log" 2
    kill -KILL "$holder"
    wait_exit "$pid"
}

# A JVM that was started with the agent where /tmp cannot be written: the message names the reason.
# MOUNT is what a shell does to /tmp; its $1 is TMP, its $2 TOP.
no_tmp() { # WHAT PROBLEM MOUNT COMMAND...
    local what=$1 problem=$2
    start "$V ${what//\//}" unshare --mount bash -c "$3"' && cd / && shift 2 && exec "$@"' - "$TMP" "$TOP" \
        "${@:4}" "$CKPT" run --option addr=none -- "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 2 || fail "$V: $what: the program starts" || return 0
    run "$CKPT" checkpoint "$pid" "$TMP/no-tmp"
    like "$status$out$err" "^1checkpointer: the /tmp of JVM $pid $problem.*mount a writable .*signal" \
        "$V: checkpoint: $what is named as the reason, with other ways to ask"
    run "$CKPT" check "$pid"
    contains "$out" "the /tmp of JVM $pid $problem" "$V: check: $what is reported"
    stop "$pid"
}

body() {
    owner_only
    only_starting
    just_restored
    impostor
    if unshare --mount --pid --fork --mount-proc true 2>/dev/null; then
        shared_tmp
        no_tmp "a read-only /tmp" "is read-only" "mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp"
        # shellcheck disable=SC2016 # for the inner shell
        no_tmp "another user's /tmp" "cannot be written by its user" \
            'bash "$1/new-tmp" "$1" "$2" 755' "${AS_USER[@]}"
        from_outside "a JVM with the agent" "$CKPT" run --option addr=none -- "$JAVA" -jar "$SIMPLE" \
            --period 20
        from_outside "a JVM with the jar" "$JAVA" "-javaagent:$BUILD/checkpointer.jar=addr=none" \
            -jar "$SIMPLE" --period 20
        from_outside "a JVM without an agent" "$JAVA" -jar "$SIMPLE" --period 20
    else
        cannot "$V: root freezes a JVM in a container by its PID outside" "namespaces are not allowed here"
    fi
}
user_ready
SIMPLE=$(for_user "$SIMPLE")
hostile
each_jdk body
done_testing
