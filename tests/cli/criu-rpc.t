#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The command's part of the CRIU engine, on a real criu and on ones that fail: dump and restore of
# processes that are no JVMs, the probe, deadlines, interrupts, and what a killed criu leaves behind.
OWN_PIDS_NET=yes
. "$(dirname "${BASH_SOURCE[0]}")/../lib/own-pids.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu.sh"

criu_ready
CALL=("$BUILD/tests/criu-call" --criu "$CRIU")
FORGED=("$BUILD/tests/criu-call" --criu "$TMP/forged")
VERSION=$("$CRIU" --version | sed -n 's/^Version: //p')

# forged SCRIPT: a criu that is this shell script.
forged() {
    printf '#!/bin/bash\n%s\n' "$1" >"$TMP/forged"
    chmod 755 "$TMP/forged"
}
new_images() { # sets images: a new directory
    images=$(mktemp -d "$TMP/images.XXXXXX")
}
# victim: starts a session leader that appends to a file what it reads from a fifo. Sets pid, fifo.
victim_count=0
victim() {
    victim_count=$((victim_count + 1))
    fifo=$TMP/fifo$victim_count
    mkfifo "$fifo"
    start "victim$victim_count" setsid bash -c \
        'exec 3<>"$1"; echo started; while read -r line <&3; do echo "got $line"; done' victim "$fifo"
    wait_line "$log" started
}
lives() { # NAME: the victim still works
    victim_asked=$((${victim_asked:-0} + 1))
    echo "$victim_asked" >"$fifo"
    ok "$1" wait_line "$log" "got $victim_asked"
}
no_criu_is_left() { # NAME
    is "$(pgrep -f 'criu swrk' || true)" "" "$1"
}

# --- dump and restore

victim
new_images
run "${CALL[@]}" --say dump "$pid" "$images"
is "$status$err" 0 "a process is dumped"
is "$out" dumped "the caller is asked when all is written"
wait_exit "$pid" || true
is "$status" 137 "criu has ended the process"
start restored "${CALL[@]}" --say restore "$images"
restorer=$pid
wait_line "$log" restored
is "$(grep -c '^p' "$log")" 3 "a restore reports its stages"
old=$(sed -n 's/^restored //p' "$log")
is "$(ps -o ppid= -p "$old" | tr -d ' ')" "$restorer" "the restored process is a child of the command"
log=$TMP/victim1.log
lives "the restored process works"
kill -USR1 "$old"
wait_exit "$restorer" || true
is "$status" $((128 + 10)) "the command gets the true signal that ended the restored process"
is "$(find "$images" -name '*.img' -perm /077)" "" "no other user may read criu's files"

victim
new_images
run "${CALL[@]}" --leave-running dump "$pid" "$images"
is "$status$err" 0 "a process is dumped and continues"
lives "the process that was dumped runs"
kept=$images
run "${CALL[@]}" restore "$kept"
is "$status" 1 "a PID that is in use prevents a restore"
like "$err" "PID or TID of the image" "a PID that is in use is named as the reason"
lives "the process whose PID it is runs on"
no_criu_is_left "no criu is left after a restore that failed"

new_images
run "${CALL[@]}" --refuse dump "$pid" "$images"
is "$status $err" "1 criu-call: the caller refuses" "a dump that the caller refuses fails with its reason"
lives "the process continues after a refused dump"

# With a child, whose parent waits for it.
start family setsid bash -c 'tail -f /dev/null & echo "child $!"; wait $!; echo "ended $?"'
wait_line "$log" child
child=$(sed -n 's/^child //p' "$log")
new_images
run "${CALL[@]}" dump "$pid" "$images"
is "$status$err" 0 "a process with a child is dumped"
wait_exit "$pid" || true
family=$log
start restored2 "${CALL[@]}" restore "$images"
wait_line "$log" restored
kill -TERM "$child"
ok "the restored parent learns of the end of its child" wait_line "$family" "ended 143"

# --- what could be dumped, and not restored

# relative COMMAND...: starts a process with that child. Sets pid, and relative: the child's.
relative() {
    rm -f "$TMP/relative.log"
    # shellcheck disable=SC2016
    start relative setsid bash -c '"$@" & echo "child $!"; wait' relative "$@"
    wait_line "$log" "child "
    relative=$(sed -n 's/^child //p' "$log")
}
# not_restorable NAME PATTERN COMMAND...: refused before the dump; the child prints "ready".
not_restorable() {
    local name=$1 pattern=$2
    shift 2
    relative "$@"
    wait_line "$log" ready
    run "${CALL[@]}" probe "$pid"
    like "$status $err" "^1 criu-call: ${pattern//RELATIVE/$relative}" "$name is refused before the dump"
    kill -KILL "$relative" "$pid" 2>/dev/null || true # the one may end the other
}
READY=(bash -c 'echo ready; exec tail -f /dev/null')
for kind in net mnt uts ipc cgroup; do
    option=$kind
    [ "$kind" != mnt ] || option=mount
    not_restorable "a child in another $kind namespace" \
        "child process RELATIVE \('tail'\) is in another namespace \($kind\) than the JVM, .*" \
        unshare "--$option" "${READY[@]}"
done
not_restorable "a child whose children get another PID namespace" \
    "child process RELATIVE .* is in another namespace \(pid_for_children\)" unshare --pid "${READY[@]}"
not_restorable "a thread in another namespace" "child process RELATIVE .* is in another namespace \(uts\)" \
    python3 -c 'import ctypes, signal, threading
def other():
    ctypes.CDLL(None).unshare(0x04000000)
    print("ready", flush=True)
    signal.pause()
threading.Thread(target=other).start()'
ORPHAN='import ctypes, os, select, signal
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) # PR_SET_CHILD_SUBREAPER
here, there = os.pipe()
if not os.fork():
    os.setsid()
    leader = os.pidfd_open(os.getpid())
    orphan = os.fork()
    if orphan:
        os._exit(0)
    os.close(there)
    select.select([leader], [], []) # until the leader has ended
    print("ready", flush=True)
    os.read(here, 1) # until the parent has ended
'
not_restorable "a child in a session whose leader has ended" \
    "child process [0-9]+ .* is in a session whose leader, process [0-9]+, has ended" \
    python3 -c "${ORPHAN}os.wait()
signal.pause()"
not_restorable "a child in a session whose leader has ended and was not waited for" \
    "child process [0-9]+ .* is in a session whose leader, process [0-9]+, has ended" \
    python3 -c "${ORPHAN}signal.pause()"
not_restorable "a child in a directory of /proc" \
    "process RELATIVE .* has the directory '/proc/RELATIVE' open or as its working" \
    bash -c 'cd -P /proc/self && echo ready && exec tail -f /dev/null'
not_restorable "a child that has a directory of /proc open" \
    "process RELATIVE .* has the directory '/proc/1' open" \
    bash -c 'exec 9</proc/1 && echo ready && exec tail -f /dev/null'

# A child that gets there only when criu already works.
if [[ $VERSION != 3.* ]]; then
    mkfifo "$TMP/go" "$TMP/gone"
    cat >"$TMP/late" <<SCRIPT
#!/bin/bash
[ "\$CRTOOLS_SCRIPT_ACTION" != pre-dump ] || { echo go >"$TMP/go" && read -r _ <"$TMP/gone"; }
SCRIPT
    chmod 755 "$TMP/late"
    # shellcheck disable=SC2016
    relative bash -c 'read -r _ <"$1" && exec unshare --net bash -c "$3" late "$2"' \
        late "$TMP/go" "$TMP/gone" 'echo gone >"$1"; exec tail -f /dev/null'
    new_images
    run "${CALL[@]}" --criu-option "action-script $TMP/late" dump "$pid" "$images"
    like "$status $err" "^1 criu-call: child process $relative .* is in another namespace \(net\)" \
        "a child that changes its namespace during the dump makes it fail"
    ok "the processes continue after that" kill -0 "$relative"
    kill -KILL "$relative" "$pid" 2>/dev/null || true # the one may end the other
fi

# With closed standard streams.
victim
new_images
(
    exec "${CALL[@]}" --leave-running dump "$pid" "$images" <&- >&- 2>&-
)
is "$?" 0 "a process is dumped by a command without standard streams"
lives "the process continues"
forged_output=$(
    forged 'echo "some text" >&2; exit 3'
    exec "${FORGED[@]}" probe 2>&1 <&-
) || true
contains "$forged_output" "printed: 'some text'" "what criu prints is quoted also without standard input"
rm "$TMP/forged"

# --- options

victim
new_images
# wrong_option OPTION TEXT [OPTION...]: the probe refuses that option in criu's words.
wrong_option() {
    local option=$1 text=$2
    shift 2
    run "${CALL[@]}" "$@" --criu-option "$option" --criu-option file-locks probe
    is "$status$out$err" "1criu-call: criu cannot accept its option '$option': $text; see 'criu --help'" \
        "the probe finds that criu does not accept '$option'"
}
wrong_option no-such-option "unrecognized option '--no-such-option'"
wrong_option "--no-such-option 12" "unrecognized option '--no-such-option'" --criu-option link-remap
wrong_option ghost-limit "option '--ghost-limit' requires an argument"
wrong_option v4 "unrecognized option '--v4'"
run "${CALL[@]}" --criu-option no-such-option check
like "$status$out" "^1no program: criu cannot accept its option 'no-such-option'" "check reports it too"
run "${CALL[@]}" --criu-option '--ghost-limit=2M' --criu-option 'file-locks' --criu-option "skip-mnt /mnt" \
    probe
is "$status$err" 0 "the probe accepts options of criu's own"
run "${CALL[@]}" --criu-option no-such-option dump "$pid" "$images"
is "$status$(ls "$images")" 1 "an option that criu does not have is refused before the dump: $err"
lives "the process continues after a wrong option"
for option in --images-dir=/tmp 'tree 12' leave-running leave-stopped; do
    run "${CALL[@]}" --criu-option "$option" --leave-running dump "$pid" "$images"
    like "$err" "criu's option '$option' cannot be given" "criu's option '$option' is refused"
done
run "${CALL[@]}" --criu-option '--ghost-limit=2M' --criu-option 'file-locks' --leave-running \
    dump "$pid" "$images"
is "$status$err" 0 "options of criu's own are passed on"

# --- damaged images

damaged() { # NAME PATTERN COMMAND...: what a restore of a copy says after the command, run in it
    local name=$1 pattern=$2
    shift 2
    rm -rf "$TMP/copy"
    cp -a "$kept" "$TMP/copy"
    (cd "$TMP/copy" && "$@")
    run "${CALL[@]}" restore "$TMP/copy"
    is "$status" 1 "$name is refused"
    like "$err" "$pattern" "$name is named"
}
pages=$(basename "$kept"/pages-1.img)
damaged "a pages file that was cut short" "'pages-1.img' has [0-9]+ bytes, and had" truncate -s 4096 "$pages"
damaged "a pages file with another content" "'pages-1.img' was changed" \
    dd if=/dev/urandom of="$pages" bs=1 count=1 conv=notrunc status=none
damaged "a missing file" "'pstree.img' cannot be read" rm pstree.img
damaged "a file too many" "'pages-2.img' is not of this image" touch pages-2.img
damaged "a symbolic link" "'fs-[0-9]+.img' cannot be read" \
    bash -c 'name=$(echo fs-*.img); mv "$name" ../moved && ln -s ../moved "$name"'
damaged "an empty list" "list of criu's files is damaged" bash -c 'echo "[]" >files.json'

# --- a criu that does not work

run "$BUILD/tests/criu-call" --criu "$TMP/none" probe
like "$err" "criu '$TMP/none' cannot be started: no such file" "a path that does not exist is named"
run "$BUILD/tests/criu-call" --criu no-such-criu probe
like "$err" "'no-such-criu' is not in PATH; install" "a name that is not in PATH is named"
touch "$TMP/forged"
run "${FORGED[@]}" probe
like "$err" "cannot be started: permission denied" "a criu that is not executable is named"
run "$BUILD/tests/criu-call" --criu /tmp probe
like "$err" "cannot be started: is a directory" "a directory is not taken for a criu"
mkdir -p "$TMP/path"
cp "$(readlink -f "$CRIU")" "$TMP/path/criu"
run env "PATH=$TMP/path:$PATH" "$BUILD/tests/criu-call" probe
like "$out" "^[0-9]+ $TMP/path/criu\$" "criu is found in PATH"
forged 'echo "cannot do it" >&2; exit 3'
run "${FORGED[@]}" probe
like "$err" "'$TMP/forged' ended with status 3, and printed: 'cannot do it'" \
    "what a criu prints that ends at once is quoted"
forged 'kill -SEGV $$'
run "${FORGED[@]}" probe
like "$err" "was ended by signal 11" "a criu that crashes is reported"
printf 'no program' >"$TMP/forged"
run "${FORGED[@]}" probe
is "$status" 1 "a file that is no program is reported: $err"

# A forged criu that speaks the protocol, with another version.
speaks() { # MAJOR MINOR SUBLEVEL CHECK-SUCCESS
    cat >"$TMP/forged" <<PYTHON
#!/usr/bin/env python3
import socket, sys
s = socket.socket(fileno=int(sys.argv[2]))
while True:
    request = s.recv(65536)
    if not request:
        break
    kind = request[1]
    if kind == 10:
        s.send(bytes([8, 10, 16, 1, 0x52, 6, 8, $1, 16, $2, 32, $3]))
    elif kind == 3:
        text = b"Error (criu/cr-check.c:1): the kernel lacks something"
        s.send(bytes([8, 3, 16, $4]) + (b"" if $4 else bytes([0x4a, len(text)]) + text))
    else:
        break
PYTHON
    chmod 755 "$TMP/forged"
}
newer_than() { [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]; }
speaks 3 17 1 1
for option in action-script=/bin/true '--action-script /bin/true' "action-script /bin/true"; do
    run "${FORGED[@]}" --criu-option "$option" probe
    like "$err" "criu 3.17.1 cannot run an action script .*that needs criu 4.0 .*leave the option" \
        "the option '$option' is refused for a criu that would abort"
done
if newer_than 6.13; then
    run "${FORGED[@]}" probe
    like "$err" "criu 3.17.1 cannot start on Linux .*, which needs criu 4.1" \
        "a criu that cannot start on this kernel is named with the version that can"
fi
speaks 4 1 1 1
python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print("listens", flush=True)
input()' \
    <"$fifo" >"$TMP/listener" 2>&1 &
listener=$!
tap_started+=("$listener")
exec 5<>"$fifo"
wait_line "$TMP/listener" listens
if newer_than 6.16; then
    run "${FORGED[@]}" probe "$listener"
    like "$err" "criu 4.1.1 cannot dump process $listener, which has Internet sockets, .* needs criu 4.2" \
        "a criu that cannot dump sockets on this kernel is refused for a process with a socket"
fi
run "${FORGED[@]}" probe "$(pgrep -f "victim $fifo")"
is "$status" 0 "it is accepted for a process without one: $err"
speaks 4 2 1 0
run "${FORGED[@]}" probe
like "$err" "criu cannot work here: the kernel lacks something" "what criu's own check finds is quoted"

# --- the limit on open files

victim
limited() { # LIMIT COMMAND...
    (ulimit -n "$1" && shift && "$@")
}
run limited 64 "${CALL[@]}" probe "$pid"
like "$status $err" "^1 criu-call: criu needs 512 open files, and this command may have 64; raise the limit" \
    "a limit on open files that is too low for criu is named"
new_images
run bash -c 'ulimit -Sn 64; exec "$@"' - "${CALL[@]}" --leave-running dump "$pid" "$images"
is "$status$err" 0 "a low limit that may be raised is raised"
lives "the process that was dumped with a raised limit runs"

# --- deadline and interrupts

forged 'exec tail -f /dev/null'
run "${FORGED[@]}" --timeout 1 probe
like "$err" "no answer for 1 s" "a criu that hangs is ended at the deadline"
is "$(pgrep -f 'tail -f /dev/null' | grep -vx "$child" || true)" "" "the criu that hung is gone"

# A dump that hangs or is killed in the middle: criu runs a script at each stage.
cat >"$TMP/script" <<'SCRIPT'
#!/bin/bash
case $CRTOOLS_SCRIPT_ACTION in
    "$HANG_AT") echo hung >>"$MARK" && exec tail -f /dev/null ;;
    "$KILL_AT") kill -KILL "$PPID" ;;
    "$FAIL_AT") exit 1 ;;
esac
SCRIPT
chmod 755 "$TMP/script"
export MARK=$TMP/mark HANG_AT='' KILL_AT='' FAIL_AT=''
SCRIPTED=(--criu-option "action-script $TMP/script")
at() { # VARIABLE STAGE COMMAND...: with the script doing that at the stage
    local -x "$1=$2"
    shift 2
    "$@"
}
nothing_is_left() { # NAME: of the scripts that hang
    is "$(pgrep -fx 'tail -f /dev/null' | grep -vx "$child" || true)" "" "$1"
}

signals=(INT TERM HUP) dump_stages=(pre-dump post-dump)
restore_stages=(pre-restore post-restore pre-resume)
if [[ $VERSION == 3.17* ]]; then
    cannot "calls that a script interrupts" "criu $VERSION aborts if it has a script and the RPC's notices"
    signals=() dump_stages=() restore_stages=()
    victim
    victim=$pid
fi
for signal in "${signals[@]}"; do
    new_images
    rm -f "$MARK"
    victim
    victim=$pid
    at HANG_AT post-dump start interrupted "${CALL[@]}" "${SCRIPTED[@]}" dump "$victim" "$images"
    caller=$pid
    ok "a dump hangs in a script" "$WAITFOR" --timeout 60 path "$MARK"
    kill -s "$signal" "$caller"
    wait_exit "$caller" || true
    is "$status" $((128 + $(kill -l "$signal"))) "SIG$signal ends a dump that hangs"
    like "$(<"$TMP/interrupted.log")" "interrupted by signal" "SIG$signal is given as the reason"
    rm "$TMP/interrupted.log"
    log=$TMP/victim$victim_count.log
    lives "the process continues after SIG$signal"
done
for stage in "${dump_stages[@]}"; do
    new_images
    at HANG_AT "$stage" run "${CALL[@]}" "${SCRIPTED[@]}" --timeout 5 dump "$victim" "$images"
    like "$err" "no answer for 5 s" "a dump that hangs at $stage is ended at its deadline"
    lives "the process continues after the deadline at $stage"
    new_images
    at KILL_AT "$stage" run "${CALL[@]}" "${SCRIPTED[@]}" dump "$victim" "$images"
    like "$err" "ended by signal 9" "a criu that is killed at $stage is reported"
    lives "the process continues after criu was killed at $stage"
    new_images
    at FAIL_AT "$stage" run "${CALL[@]}" "${SCRIPTED[@]}" dump "$victim" "$images"
    is "$status" 1 "a script that fails at $stage makes the dump fail: $err"
    lives "the process continues after a script failed at $stage"
done
nothing_is_left "nothing that a killed criu has started is left"

# A restore that hangs or is killed leaves no process.
new_images
run "${CALL[@]}" dump "$victim" "$images"
is "$status$err" 0 "a process is dumped for restores that fail"
wait_exit "$victim" || true
for stage in "${restore_stages[@]}"; do
    at KILL_AT "$stage" run "${CALL[@]}" "${SCRIPTED[@]}" restore "$images"
    is "$status" 1 "a restore whose criu is killed at $stage fails: $err"
    not_ok "no process is left of a restore that was killed at $stage" test -d "/proc/$victim"
    at HANG_AT "$stage" run "${CALL[@]}" "${SCRIPTED[@]}" --timeout 5 restore "$images"
    like "$err" "no answer for 5 s" "a restore that hangs at $stage is ended at its deadline"
    not_ok "no process is left of a restore that hung at $stage" test -d "/proc/$victim"
done
nothing_is_left "nothing that a failed restore has started is left"
run "${CALL[@]}" --refuse restore "$images"
is "$status $err" "1 criu-call: the caller refuses" "a restore that the caller refuses fails with its reason"
not_ok "no process is left of a restore that was refused" test -d "/proc/$victim"
start restored3 "${CALL[@]}" restore "$images"
wait_line "$log" restored
log=$TMP/victim$victim_count.log
lives "the image is restored after all"

# --- an established connection

cat >"$TMP/server.py" <<'PYTHON'
import select, socket
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1], flush=True)
peer, _ = listener.accept()
listener.close()
print("accepted", flush=True)
while True:
    # Not in recv(), which fails between the end of a killed criu and the end of the repair mode.
    select.select([peer], [], [])
    data = peer.recv(100)
    if not data:
        break
    peer.send(b"echo " + data)
PYTHON
cat >"$TMP/client.py" <<'PYTHON'
import socket, sys
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for line in open(sys.argv[2]):
    peer.send(line.encode())
    print(peer.recv(100).decode(), end="", flush=True)
PYTHON
start server setsid python3 "$TMP/server.py"
server=$pid
wait_line "$log" port
mkfifo "$TMP/lines"
exec 6<>"$TMP/lines"
server_log=$log
start client python3 "$TMP/client.py" "$(sed -n 's/^port //p' "$log")" "$TMP/lines"
client=$log
wait_line "$server_log" accepted
answers() { # NAME: the connection works
    answers_count=$((${answers_count:-0} + 1))
    echo "$answers_count" >&6
    ok "$1" wait_line "$client" "echo $answers_count"
}
tables() { # prints how many tables criu has in the packet filter
    "$BUILD/tests/criu-call" tables
}
answers "the connection works before"
before=$(tables)
new_images
run "${CALL[@]}" dump "$server" "$images"
like "$err" "Connected TCP socket.*use --tcp-established" "a connection is refused with a hint"
answers "the connection works after a refusal"
TCP=("${CALL[@]}" --tcp-established)
[ ${#dump_stages[@]} = 0 ] || TCP+=("${SCRIPTED[@]}")
for stage in "${dump_stages[@]}"; do
    new_images
    at KILL_AT "$stage" run "${TCP[@]}" dump "$server" "$images"
    is "$status" 1 "a dump with a connection fails when criu is killed at $stage"
    answers "the connection works after criu was killed at $stage"
done
if [ ${#dump_stages[@]} -gt 0 ]; then
    new_images
    at HANG_AT post-dump run "${TCP[@]}" --timeout 5 dump "$server" "$images"
    is "$status" 1 "a dump with a connection fails at its deadline"
    answers "the connection works after the deadline"
fi
new_images
run "${TCP[@]}" --refuse dump "$server" "$images"
is "$status" 1 "a dump with a connection fails when the caller refuses"
answers "the connection works after the caller refused"

# The caller is killed: another process undoes what is left.
if [ ${#dump_stages[@]} -gt 0 ]; then
    mkfifo "$TMP/watch"
    exec 7<>"$TMP/watch"
    "$BUILD/tests/criu-call" undo "$server" <"$TMP/watch" >"$TMP/undo.log" 2>&1 7>&- &
    watcher=$!
    tap_started+=("$watcher")
    wait_line "$TMP/undo.log" ready
    rm -f "$MARK"
    at HANG_AT post-dump start killed "${TCP[@]}" dump "$server" "$images"
    killed=$pid
    ok "a dump with a connection hangs" "$WAITFOR" --timeout 60 path "$MARK"
    kill -KILL "$killed"
    wait_exit "$killed" || true
    exec 7>&-
    ok "what a killed caller left is undone" wait_exit "$watcher"
    answers "the connection works after the caller was killed"
    is "$(tables)" "$before" "no table of criu's is left in the packet filter"
    for left in $(pgrep -fx 'tail -f /dev/null' | grep -vx "$child"); do
        kill "$left"
    done
fi

new_images
run "${TCP[@]}" dump "$server" "$images"
is "$status$err" 0 "a process with an established connection is dumped"
wait_exit "$server" || true
start restored4 "${TCP[@]}" restore "$images"
wait_line "$log" restored
answers "the connection works in the restored process"
is "$(tables)" "$before" "criu has removed its table at the restore"
kill "$server"
log=$TMP/victim$victim_count.log

# --- an ordinary user

if [[ $VERSION == 3.* ]]; then
    cannot "an ordinary user's dump and restore" "criu $VERSION works for root only"
elif [ "$(id -u)" = 0 ]; then
    # Where that user can read it.
    cp -aL "$(dirname "$CRIU")" "$TMP/criu"
    sed -i "s,$(dirname "$CRIU"),$TMP/criu,g" "$TMP/criu/criu" 2>/dev/null || true
    chmod -R a+rX "$TMP/criu"
    cp "$BUILD/tests/criu-call" "$TMP/criu-call"
    chmod 711 "$TMP"
    cd /
    USER_CALL=("$TMP/criu-call" --criu "$TMP/criu/criu")
    AS=(setpriv --reuid 12345 --regid 12345 --clear-groups)
    with() { # CAPABILITIES COMMAND...
        local list=$1
        shift
        "${AS[@]}" --inh-caps "$list" --ambient-caps "$list" "$@"
    }
    exec 5>&- 6>&- # root's, which that user could not open again
    start user "${AS[@]}" setsid bash -c 'echo started; exec tail -f /dev/null'
    wait_line "$log" started
    chmod 666 "$log"
    theirs=$pid
    run "${AS[@]}" "${USER_CALL[@]}" probe "$theirs"
    like "$err" "who lacks CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN; run as root" \
        "what an ordinary user lacks for a dump is named"
    run with +checkpoint_restore "${USER_CALL[@]}" --criu-option no-such-option probe "$theirs"
    like "$err" "cannot accept its option 'no-such-option': unrecognized option '--no-such-option'; see" \
        "an ordinary user's probe finds an option that criu does not have"
    run with +checkpoint_restore "${USER_CALL[@]}" --criu-option ghost-limit=2M probe "$theirs"
    is "$status$err" 0 "an ordinary user's probe accepts an option of criu's own"
    images=$(mktemp -d "$TMP/images.XXXXXX")
    chown 12345:12345 "$images"
    run with +checkpoint_restore "${USER_CALL[@]}" dump "$theirs" "$images"
    is "$status$err" 0 "an ordinary user with CAP_CHECKPOINT_RESTORE dumps a process of its own"
    wait_exit "$theirs" || true
    full=$(printf '%016x' $(((2 << $(</proc/sys/kernel/cap_last_cap)) - 1)))
    if grep -qx "CapBnd:[[:space:]]$full" /proc/self/status; then
        list=+checkpoint_restore
    else
        list=+checkpoint_restore,+setpcap
        run with +checkpoint_restore "${USER_CALL[@]}" restore "$images"
        like "$err" "cannot restore as this user, who lacks CAP_SETPCAP" \
            "what an ordinary user lacks for a restore where capabilities are limited is named"
    fi
    start user2 with "$list" "${USER_CALL[@]}" restore "$images"
    wait_line "$log" restored
    is "$(stat -c %u "/proc/$theirs")" 12345 "the restored process is the user's"
    kill "$theirs"

    start user3 "${AS[@]}" setsid bash -c 'echo started; exec tail -f /dev/null'
    wait_line "$log" started
    theirs=$pid
    run setpriv --bounding-set -sys_resource "${USER_CALL[@]}" probe "$theirs"
    like "$err" "CAP_SYS_RESOURCE for another user's process $theirs; give these" \
        "what root lacks for another user's process is named"
    run with +checkpoint_restore "${USER_CALL[@]}" probe "$$"
    like "$err" "CAP_SYS_PTRACE for another user's process $$, CAP_SYS_RESOURCE" \
        "what an ordinary user lacks for another user's process is named"
    relative "${AS[@]}" tail -f /dev/null
    run setpriv --bounding-set -sys_resource "${USER_CALL[@]}" probe "$pid"
    like "$err" "CAP_SYS_RESOURCE for another user's process $relative; give these" \
        "what root lacks for another user's child process is named"
    kill "$relative" "$pid"
    kill "$theirs"
fi
log=$TMP/victim$victim_count.log

# --- the log and the disk

# A log directory that is read-only.
mkdir "$TMP/read-only" "$TMP/small"
new_images
mount -t tmpfs -o ro none "$TMP/read-only"
run "${CALL[@]}" --log "$TMP/read-only" dump "$victim" "$images"
is "$status" 1 "a log that cannot be written makes the dump fail: $err"
lives "the process continues if the log cannot be written"
umount "$TMP/read-only"
mount -t tmpfs -o size=64k none "$TMP/small"
run "${CALL[@]}" dump "$victim" "$TMP/small"
is "$status" 1 "a full disk makes the dump fail: $err"
lives "the process continues if the disk is full"
umount "$TMP/small"
mkdir "$TMP/log"
run "${CALL[@]}" --leave-running --log "$TMP/log" dump "$victim" "$images"
is "$status$err" 0 "the log may be in another directory than the images"
ok "the log is in that directory" test -s "$TMP/log/dump.log"
kill "$victim"
no_criu_is_left "no criu is left"
done_testing
