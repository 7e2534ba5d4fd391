#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The agent option signal=NAME: the signal freezes the JVM, and the restored one again; a refusal is
# told on standard error; signals that come meanwhile, or are blocked, or that the kernel sends; as
# PID 1; loaded late, changed and given back; and what is refused at the start.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl python3
compile Refuse Hooks
trap : USR1 RTMIN+1 # so that bash does not print what a JVM ended of
ALL="before second before first after first after second "

get() { # PATH
    curl -sS --max-time 20 "http://127.0.0.1:$port$1" 2>&1
}

# begin NAME OPTIONS JAVA-ARGUMENT...: starts a program with these options beside image=.
begin() {
    name="$V $1"
    image=$DIR/$1
    read -ra OPTIONS <<<"addr=none $2"
    start_jvm "$name" "$image" -cp "$CP" "${@:3}"
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
}

# ended WHAT: the JVM has been frozen by a signal, and said so.
ended() {
    wait_exit "$pid" 30
    is "$status" 137 "$name: $1"
}

# back WHAT [RUNNER...]: the restored process serves.
back() {
    CONFINE=("${@:2}")
    restore "$name" "$image"
    CONFINE=()
    ok "$name: $1" answers "$port" || diag "$(tail "$log")"
}

hooks() {
    grep -E '^(before|after) ' "$log" | tr '\n' ' '
}

threads() { # PID
    cat "/proc/$1"/task/*/comm | grep -cx 'ckpt signal'
}

# Refused, and told why; then frozen; then the next generation. All with the signal blocked by
# whoever started the JVM, and by whoever restores it.
life() {
    CONFINE=(env --block-signal=USR1)
    begin life signal=SIGUSR1 Refuse udp
    CONFINE=()
    is "$(threads "$pid")" 1 "$name: one thread waits for it"
    kill -USR1 "$pid"
    wait_line "$log" "signal USR1: checkpoint called off" || fail "$name: a refusal is told"
    contains "$(<"$log")" "checkpointer: warning: signal USR1: checkpoint called off, the application" \
        "$name: in the agent's manner"
    like "$(<"$log")" 'called off.*UDP socket' "$name: with the reasons"
    is "$(hooks)" "$ALL" "$name: and all hooks are called"
    is "$(get /)" serving "$name: the JVM goes on"
    is "$(ls "$image" 2>/dev/null)" "" "$name: there is no image"
    is "$(get /release)" released "$name: the obstacle goes"
    hung_up "$port"
    kill -USR1 "$pid"
    ended "a later signal freezes it"
    contains "$(<"$log")" "checkpointer: info: signal USR1: the image is in '$image', the JVM ends" \
        "$name: and that is told"
    is "$(hooks)" "${ALL}before second before first " "$name: after its hooks"
    back "it is restored" env --block-signal=USR1
    kill -USR1 "$pid"
    ended "a signal freezes the restored process too"
    is "$(count_lines "$log" "the image is in")" 2 "$name: which is told as well"
    back "and the second generation is restored"
    is "$(hooks)" "$ALL$ALL${ALL}" "$name: with its hooks"
    run timeout 20 "$CKPT" checkpoint --leave-running "$pid" "$image-other"
    is "$status$err" 0 "$name: it can be asked otherwise too"
    stop "$pid"
}

# While a hook runs, while threads are parked: one checkpoint, and none in the restored process.
meanwhile() {
    local jvm storm
    begin meanwhile "signal=RTMIN+3 hook_timeout=60" Hooks stubborn "$DIR/go"
    jvm=$pid
    kill -RTMIN+3 "$jvm"
    wait_line "$log" "before second" || fail "$name: the hook is called"
    kill -RTMIN+3 "$jvm"
    bash -c 'while kill -RTMIN+3 "$1"; do :; done' - "$jvm" 2>/dev/null &
    storm=$!
    tap_started+=("$storm")
    touch "$DIR/go"
    ended "it is frozen among many signals"
    wait_exit "$storm"
    back "and comes back"
    run timeout 20 "$CKPT" checkpoint --leave-running "$pid" "$image-other"
    is "$status$err" 0 "$name: and stays"
    is "$(count_lines "$log" "before third")" 2 "$name: old signals do not freeze it again"
    is "$(get /)" serving "$name: it serves"
    stop "$pid"
}

# Signals during a checkpoint that is refused are part of it.
no_queue() {
    begin queue "signal=USR1 hook_timeout=60" Hooks stubborn "$DIR/go-on"
    kill -USR1 "$pid"
    wait_line "$log" "before second" || fail "$name: the hook is called"
    exec 9<>/dev/tcp/127.0.0.1/"$port" # a connection, which stands against it
    printf 'GET / HTTP/1.1\r\nHost: x\r\n' >&9
    kill -USR1 "$pid"
    kill -USR1 "$pid"
    touch "$DIR/go-on"
    wait_line "$log" "signal USR1: checkpoint called off" || fail "$name: refused"
    printf '\r\n' >&9
    like "$(timeout 20 cat <&9)" serving "$name: it goes on"
    exec 9>&-
    run timeout 20 "$CKPT" checkpoint --leave-running "$pid" "$image-other"
    is "$status$err" 0 "$name: and can be frozen"
    is "$(count_lines "$log" "before third")" 2 "$name: three signals are one request"
    kill -USR1 "$pid"
    ended "one that comes later is a new one"
}

# The kernel sends WINCH when a terminal changes its size: nobody has asked.
terminal() {
    name="$V terminal" image=$DIR/terminal log=$TMP/$V-terminal.log
    mkfifo "$DIR/resize"
    python3 - "$log" "$DIR/resize" "$CKPT" run --image "$image" --option addr=none --option signal=WINCH -- \
        "$JAVA" -cp "$CP" Refuse udp <<'PYTHON' &
import fcntl, os, struct, sys, termios
log, fifo, command = sys.argv[1], sys.argv[2], sys.argv[3:]
master, slave = os.openpty()
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(slave, 0), os.dup2(out, 1), os.dup2(out, 2)
    os.closerange(3, 64)
    os.execv(command[0], command)
with open(fifo) as asked:
    for line in asked:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(line), 0, 0))
        os.write(os.open(log, os.O_WRONLY | os.O_APPEND), b"resized %d\n" % child)
os.kill(child, 9)
PYTHON
    tap_started+=("$!")
    wait_line "$log" "ready " || fail "$name: it starts"
    exec 9>"$DIR/resize"
    echo 101 >&9
    wait_line "$log" "resized " || fail "$name: the terminal has another size"
    pid=$(port_of "$log" resized)
    run timeout 20 "$CKPT" checkpoint "$pid" "$image"
    is "$status" 1 "$name: another request is refused"
    unlike "$(<"$log")" "signal WINCH" "$name: a terminal's new size is no request"
    kill -WINCH "$pid"
    ok "$name: a signal that a process sends is one" wait_line "$log" "signal WINCH: checkpoint called off"
    exec 9>&-
    wait_exit "${tap_started[-1]}"
}

# Loaded into a running JVM; changed to a signal that is blocked; given back.
late() {
    name="$V late" image=$DIR/late
    OPTIONS=()
    start "$name" env --block-signal=35 "$JAVA" -cp "$CP" Refuse udp
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
    load 'addr=none,signal=USR1'
    contains "$(<"$log")" "option 'signal=USR1': a signal cannot tell where the image is to go; add" \
        "$name: wants image="
    load "addr=none,signal=USR2,image=$image"
    contains "$(<"$log")" "agent option 'signal=USR2': libjvm.so handles it already" \
        "$name: HotSpot's own is refused"
    load "addr=none,image=$image"
    is "$(threads "$pid")" 0 "$name: loaded without, no thread"
    load "signal=USR1"
    is "$(caught 10)/$(threads "$pid")" 1/1 "$name: an option that is added takes the signal"
    kill -USR1 "$pid"
    wait_line "$log" "signal USR1: checkpoint called off" || fail "$name: it asks"
    load "signal=RTMIN+1"
    is "$(caught 10)/$(caught 35)" 0/1 "$name: changed, the old one is given back"
    load "signal=RTMIN+1"
    run timeout 20 "$CKPT" checkpoint "$pid" "$image"
    is "$status" 1 "$name: another request is refused too"
    is "$(count_lines "$log" "checkpoint called off")" 1 "$name: changes ask for nothing"
    is "$(get /release)" released "$name: the obstacle goes"
    hung_up "$port"
    kill -RTMIN+1 "$pid"
    ended "the new one freezes it"
    back "and it is restored"
    load "signal=none"
    is "$(caught 35)" 0 "$name: and given back in the restored process"
    kill -RTMIN+1 "$pid"
    wait_exit "$pid"
    is "$status" $((128 + 35)) "$name: then the signal does what it did"
}

load() { # OPTIONS
    run timeout 20 "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"$1\""
}

caught() { # NUMBER: 1 if the process handles that signal
    python3 -c 'import re, sys
mask = int(re.search("SigCgt:\t(.*)", open(f"/proc/{sys.argv[1]}/status").read())[1], 16)
print(mask >> int(sys.argv[2]) - 1 & 1)' "$pid" "$1"
}

# Without the option nothing is different.
default() {
    name="$V default"
    OPTIONS=(addr=none)
    start_jvm "$name" "$DIR/default" -cp "$CP" Refuse none
    wait_line "$log" "ready "
    is "$(threads "$pid")/$(caught 10)" 0/0 "$name: no thread, no handler"
    kill -USR1 "$pid"
    wait_exit "$pid"
    is "$status" 138 "$name: the signal does what it always does"
}

# Another copy of the agent takes nothing.
twice() {
    local other=$DIR/other.so
    name="$V twice"
    cp "$AGENT" "$other"
    OPTIONS=(addr=none signal=USR1)
    start_jvm "$name" "$DIR/twice" "-agentpath:$other=addr=none,signal=RTMIN+1,image=$DIR/twice" \
        -cp "$CP" Refuse none
    wait_line "$log" "ready "
    is "$(caught 10)/$(caught 35)" 1/0 "$name: the second one gives its signal back"
    kill -USR1 "$pid"
    ended "the first one's works"
}

# -Xrs leaves TERM to others; without it HotSpot's own handler would replace ours.
reduced() {
    begin reduced signal=TERM -Xrs Refuse none
    kill -TERM "$pid"
    ended "with -Xrs TERM asks"
    ok "$name: and there is an image" test -f "$image/image"
}

# wrong OPTIONS PATTERN: the JVM does not start.
wrong() {
    RUN_SECONDS=20 run "$JAVA" "-agentpath:$AGENT=addr=none,$1" -cp "$CP" Refuse none
    if [ "$status" = 1 ] && [[ $out != *ready* ]] && [[ $err == *"checkpointer: error: "*$2* ]]; then
        pass "$V start: $1 is refused"
    else
        fail "$V start: $1 is refused" "status $status, said: $out$err"
    fi
}

# One of each kind; all names are in tests/unit/options.c.
wrong_ones() {
    local with=image=$DIR/wrong
    wrong signal=USR1 "option 'signal=USR1': a signal cannot tell where the image is to go; add the"
    wrong "signal=USR2,$with" "'signal=USR2': libjvm.so handles it already; choose USR1 or"
    wrong "signal=TERM,$with" "HotSpot ends the JVM by it; start the JVM with -Xrs, or choose"
    wrong "signal=SEGV,$with" "'signal=SEGV': HotSpot handles it; choose"
    wrong "signal=KILL,$with" "no process can handle it; choose"
    wrong "signal=RTMAX-3,$with" "the last real-time signals are the JDK's and the engine's own; choose"
}

# As PID 1, whom the kernel spares signals that it does not handle.
first_process() {
    local container=(unshare --pid --fork --mount-proc --kill-child) outer
    if ! { [ "$(id -u)" -eq 0 ] && "${container[@]}" true 2>/dev/null; }; then
        cannot "$V PID 1" "PID namespaces are not allowed here"
        return
    fi
    CONFINE=("${container[@]}")
    begin pid1 signal=USR1 Refuse none
    CONFINE=()
    outer=$pid
    kill -USR1 "$(child "$outer")"
    ended "as PID 1 it is frozen"
    back "and restored as PID 1" "${container[@]}"
    outer=$pid
    kill -USR1 "$(child "$outer")"
    ended "and frozen again"
}

child() { # PID
    tr -d ' ' <"/proc/$1/task/$1/children"
}

body() {
    life
    meanwhile
    no_queue
    terminal
    late
    default
    twice
    reduced
    wrong_ones
    first_process
}

each_jdk body
done_testing
