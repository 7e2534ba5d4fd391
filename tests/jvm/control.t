#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Who may use the agent's control socket, and how it is found: readable by its owner only, and who
# gets past that is asked for his credentials; the command on its side believes no socket that the
# JVM's owner did not make. Root outside finds it from the PID alone, also that of a JVM with a /tmp
# and PIDs of its own, and loads the agent there.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3 unshare nsenter
compile Opened
[ "$(id -u)" -eq 0 ] || cannot_all "only root is somebody else, and makes namespaces"

# ask SOCKET [DIR]: as the command would, whoever that is; prints the answer. Who is refused is so
# before he has said a word.
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
    is "$(stat -c '%a %u %F' "$socket")" "600 0 socket" "$V: the socket is its owner's alone"
    run as_user python3 "$TMP/ask" "$socket"
    is "$out$err" "connect: Permission denied" "$V: nobody else can connect to it"
    chmod 666 "$socket"
    run as_user python3 "$TMP/ask" "$socket"
    is "$out" $'text only the JVM\'s owner and root may ask for a checkpoint\nfailed' \
        "$V: and who can is asked for his credentials"
    run python3 "$TMP/ask" "$socket" /nowhere/at/all
    contains "$out" "/nowhere/at/all" "$V: the owner gets an answer"
    ok "$V: the JVM goes on" wait_more "$log" 2
    stop "$pid"
}

# Asked while it comes up: it takes no agent, and the one that it has has no socket yet. Some of these
# come at that moment.
only_starting() {
    local turn class
    [ "$V" -ge 11 ] || return 0 # has no such log
    for turn in 1 2 3 4 5 6 7 8; do
        class=java/lang/ref/Finalizer
        [ $((turn % 2)) = 0 ] || class=java/lang/Thread
        start_jvm "$V starting $turn" - "-Xlog:class+init=info:file=$DIR/classes-$turn" -jar "$SIMPLE" \
            --period 20
        "$WAITFOR" --timeout 20 line "$DIR/classes-$turn" "$class" || break
        # As a JVM that had this PID and was killed has left it; not if the agent is there already.
        python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$(control_socket "$pid")" 2>/dev/null || true
        freeze "$pid" "$DIR/starting" "$V: starting, turn $turn" || return
    done
    pass "$V: a JVM that is only starting is frozen when it has started"
}

# Asked as soon as it is back, when its socket is not yet: nothing is loaded into it for that.
just_restored() {
    local turn attached=0
    start_jvm "$V restored" - -jar "$SIMPLE" --period 5
    wait_line "$log" 2
    freeze "$pid" "$DIR/restored" "$V: restored: freeze" || return
    for turn in 1 2 3; do
        restore "$V restored" "$DIR/restored"
        wait_more "$log" 1
        run "$CKPT" checkpoint "$pid" "$DIR/restored-$turn"
        is "$status$err" 0 "$V: a JVM that was restored just now is frozen, turn $turn"
        "$CKPT" inspect "$DIR/restored-$turn" | grep -q "Attach Listener" && attached=1
    done
    is "$attached" 0 "$V: a JVM that was restored just now is asked without an attachment"
}

# A socket under the right name that somebody else has made.
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
    "$WAITFOR" --timeout 10 path "$TMP/listens" || fail "$V: somebody else listens there"
    run as_user "$CKPT" checkpoint "$pid" "$USER_DIR/impostor"
    contains "$status$out/$err" \
        "1/checkpointer: the socket '/proc/$pid/root$socket' is not the JVM's: not permitted" \
        "$V: a socket of somebody else's is not believed"
    rm -f "$socket" "$TMP/listens"
    stop "$pid"
}

# Something that looks like a JVM and belongs to another user: where the command expects a file there
# is a pipe, and its socket accepts no one. Root's command ends all the same.
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
        "check ends, whatever another user's process is"
    RUN_SECONDS=50 run "$CKPT" checkpoint "$pid" "$TMP/hostile"
    like "$status$err" "^1checkpointer: cannot reach the agent at '/proc/$pid/" \
        "checkpoint ends, though no one accepts"
    stop "$pid"
    rm -f "/tmp/.checkpointer_12345_pid$pid"
}

# inner_of PID: the first child of `unshare --fork`.
inner_of() {
    local children
    children=$(cat "/proc/$1/task/$1/children")
    printf '%s\n' "${children%% *}"
}

# Two containers with one /tmp: each JVM is PID 1, and only the one that is named is asked. A third has
# no agent yet.
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
        is "$status$out$err" 0 "$V: JVM $i with PID 1 in a /tmp of several is asked"
    done
    is "$(count_lines "${logs[0]}" "after restore") $(count_lines "${logs[1]}" "after restore")" "1 1" \
        "$V: and each once, no other instead"
    run "$CKPT" checkpoint "${inner[0]}" "$DIR/shared-0"
    is "$status$out$err" 0 "$V: one of them is frozen"
    wait_exit "${outer[0]}"
    start "$V shared 0" "${container[@]}" "$CKPT" restore "$DIR/shared-0"
    wait_line "$log" "after restore" 30
    run "$CKPT" checkpoint --leave-running "${inner[1]}" "$DIR/shared-1"
    is "$status$out$err" 0 "$V: the other one is asked while that is restored"
    wait_line "${logs[1]}" "after restore"
    is "$(count_lines "${logs[1]}" "after restore")" 2 "$V: and it was that one"
    inner[0]=$(inner_of "$pid")
    i=$(readlink "/proc/${inner[0]}/ns/pid")
    i=/tmp/.checkpointer_0_pid1_${i//[^0-9]/}
    kill -KILL "$pid" # and with it all of its namespace
    wait_exit "$pid"
    "$WAITFOR" --timeout 30 exit "${inner[0]}"
    ok "$V: one that is killed leaves its socket" test -S "$i"
    touch "$TMP/killed" # the next namespace may have the number of this one, and a socket of that name
    start "$V shared 3" "${container[@]}" "$CKPT" run --option addr=none -- "$JAVA" -cp "$CP" Opened
    wait_line "$log" 2
    is "$(find "$i" ! -newer "$TMP/killed" 2>/dev/null || true)" "" "$V: until the next one starts"
    run "$CKPT" checkpoint --leave-running "${inner[1]}" "$DIR/shared-1"
    is "$status$out$err" 0 "$V: those that live keep theirs"
    stop "$pid"
    stop "${outer[1]}"
    stop "${outer[2]}"
}

# new-tmp FOLDER TREE MODE: mounts another /tmp, of this mode, over /tmp. What is below the old one and
# is still needed stays where it is: the tree, and the copies for the ordinary user.
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

# Another /tmp, and PIDs of its own: as in a container. Image and socket are in that /tmp.
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
    not_ok "$V: $what: its socket is not in our /tmp" \
        grep -q checkpointer_ <(find /tmp -maxdepth 1 -newermt "@$began" -name ".checkpointer_0_pid$inner")
    run "$CKPT" checkpoint "$inner" "/tmp/images/$V"
    is "$status$out$err" 0 "$V: $what: root outside freezes it, by its PID here"
    not_ok "$V: $what: the directory is one that the JVM sees" test -e "/tmp/images/$V"
    ok "$V: $what: and is written there" test -s "/proc/$holder/root/tmp/images/$V/image"
    nsenter --mount --pid --target "$holder" "$CKPT" restore "/tmp/images/$V" >>"$log" 2>&1 &
    tap_started+=($!)
    ok "$V: $what: where it is restored" wait_line "$log" "$(($(last_number "$log") + 2))"
    kill -KILL "$holder"
    wait_exit "$pid"
}

# A JVM that was started with the agent, where /tmp cannot be written: the message says so.
# MOUNT is what a shell does to /tmp; its $1 is TMP, its $2 TOP.
no_tmp() { # WHAT PROBLEM MOUNT COMMAND...
    local what=$1 problem=$2
    start "$V ${what//\//}" unshare --mount bash -c "$3"' && cd / && shift 2 && exec "$@"' - "$TMP" "$TOP" \
        "${@:4}" "$CKPT" run --option addr=none -- "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 2 || fail "$V: $what: it starts" || return 0
    run "$CKPT" checkpoint "$pid" "$TMP/no-tmp"
    like "$status$out$err" "^1checkpointer: the /tmp of JVM $pid $problem.*mount a writable .*signal" \
        "$V: $what is named as what is in the way, and other ways to ask"
    run "$CKPT" check "$pid"
    contains "$out" "the /tmp of JVM $pid $problem" "$V: $what: check says so too"
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
        no_tmp "a /tmp of another user's" "cannot be written by its user" \
            'bash "$1/new-tmp" "$1" "$2" 755' "${AS_USER[@]}"
        from_outside "with the agent" "$CKPT" run --option addr=none -- "$JAVA" -jar "$SIMPLE" \
            --period 20
        from_outside "from the jar" "$JAVA" "-javaagent:$BUILD/checkpointer.jar=addr=none" -jar "$SIMPLE" \
            --period 20
        from_outside "without an agent" "$JAVA" -jar "$SIMPLE" --period 20
    else
        cannot "$V: from outside" "namespaces are not allowed here"
    fi
}
user_ready
SIMPLE=$(for_user "$SIMPLE")
hostile
each_jdk body
done_testing
