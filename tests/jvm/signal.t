#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The agent option signal=NAME: the signal freezes the JVM, and the restored JVM too; a refusal is
# reported on standard error; signals that arrive during a checkpoint, are blocked, or are sent by the
# kernel; as PID 1; loaded late, changed and given back; and signals that are refused at the start.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl python3
compile Refuse Hooks
trap : USR1 RTMIN+1 # so that bash does not print the signal that a JVM ended by
ALL="before second before first after first after second "

get() { # PATH
    curl -sS --max-time 20 "http://127.0.0.1:$port$1" 2>&1
}

# begin NAME OPTIONS JAVA-ARGUMENT...: starts a program with these options besides image=.
begin() {
    name="$V: $1"
    image=$DIR/$1
    read -ra OPTIONS <<<"addr=none $2"
    start_jvm "$name" "$image" -cp "$CP" "${@:3}"
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
}

# ended WHAT: the JVM has been frozen by a signal.
ended() {
    wait_exit "$pid"
    is "$status" 137 "$name: $1"
}

# restore_and_ask WHAT [RUNNER...]: the restored process answers.
restore_and_ask() {
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

# First refused with a reason; then frozen; then the next generation. The signal is blocked in the
# processes that start and restore the JVM.
generations() {
    CONFINE=(env --block-signal=USR1)
    begin generations signal=SIGUSR1 Refuse device
    CONFINE=()
    is "$(threads "$pid")" 1 "$name: one thread waits for the signal"
    kill -USR1 "$pid"
    wait_line "$log" "signal USR1: checkpoint cancelled" || fail "$name: a refusal is reported"
    contains "$(<"$log")" "checkpointer: warning: signal USR1: checkpoint cancelled, the application" \
        "$name: a refusal is reported as a warning of the agent"
    like "$(<"$log")" 'cancelled.*/dev/ptmx' "$name: a refusal is reported with its reasons"
    is "$(hooks)" "$ALL" "$name: a refusal calls all hooks"
    is "$(get /)" serving "$name: the JVM answers after a refusal"
    is "$(ls "$image" 2>/dev/null)" "" "$name: a refusal leaves no image"
    is "$(get /release)" released "$name: the program removes the obstacle"
    clients_are_gone "$port"
    kill -USR1 "$pid"
    ended "a signal after the refusal freezes the JVM"
    contains "$(<"$log")" "checkpointer: info: signal USR1: the image is in '$image', the JVM ends" \
        "$name: the checkpoint is reported with its image"
    is "$(hooks)" "${ALL}before second before first " "$name: the checkpoint calls the beforeCheckpoint hooks"
    restore_and_ask "the JVM is restored" env --block-signal=USR1
    kill -USR1 "$pid"
    ended "a signal freezes the restored JVM"
    is "$(count_lines "$log" "the image is in")" 2 "$name: the second checkpoint is reported"
    restore_and_ask "the second generation is restored"
    is "$(hooks)" "$ALL$ALL${ALL}" "$name: all hooks are called in each generation"
    run timeout 20 "$CKPT" checkpoint --leave-running "$pid" "$image-other"
    is "$status$err" 0 "$name: a checkpoint by the command succeeds too"
    stop "$pid"
}

# While a hook runs, while threads are parked: one checkpoint, and none in the restored process.
# Not a real-time signal: each of those waits on its own, and 1024 of them prevent a checkpoint.
meanwhile() {
    local jvm storm
    begin meanwhile "signal=USR1 hook_timeout=60" Hooks stubborn "$DIR/go"
    jvm=$pid
    kill -USR1 "$jvm"
    wait_line "$log" "before second" || fail "$name: the hook is called"
    kill -USR1 "$jvm"
    bash -c 'while kill -USR1 "$1"; do :; done' - "$jvm" 2>/dev/null &
    storm=$!
    tap_started+=("$storm")
    touch "$DIR/go"
    ended "the JVM is frozen during many signals"
    wait_exit "$storm"
    restore_and_ask "the JVM frozen during many signals is restored"
    run timeout 20 "$CKPT" checkpoint --leave-running "$pid" "$image-other"
    is "$status$err" 0 "$name: the restored JVM can be frozen by the command"
    is "$(count_lines "$log" "before third")" 2 \
        "$name: signals of before the freeze do not freeze the restored JVM"
    is "$(get /)" serving "$name: the restored JVM answers after many signals"
    stop "$pid"
}

# Signals during a checkpoint that is refused are part of it.
no_queue() {
    begin queue "signal=USR1 hook_timeout=60" Hooks stubborn "$DIR/go-on"
    kill -USR1 "$pid"
    wait_line "$log" "before second" || fail "$name: the hook is called"
    exec 9<>/dev/tcp/127.0.0.1/"$port" # a connection, which prevents the checkpoint
    printf 'GET / HTTP/1.1\r\nHost: x\r\n' >&9
    kill -USR1 "$pid"
    kill -USR1 "$pid"
    touch "$DIR/go-on"
    wait_line "$log" "signal USR1: checkpoint cancelled" || fail "$name: the checkpoint is refused"
    printf '\r\n' >&9
    like "$(timeout 20 cat <&9)" serving "$name: the JVM answers after the refusal"
    exec 9>&-
    run timeout 20 "$CKPT" checkpoint --leave-running "$pid" "$image-other"
    is "$status$err" 0 "$name: the JVM can be frozen by the command after the refusal"
    is "$(count_lines "$log" "before third")" 2 "$name: three signals during one checkpoint are one request"
    kill -USR1 "$pid"
    ended "a signal after the checkpoint is a new request"
}

# The kernel sends WINCH when a terminal changes its size: that is no request.
terminal() {
    name="$V: terminal" image=$DIR/terminal log=$TMP/$V-terminal.log
    mkfifo "$DIR/resize"
    python3 - "$log" "$DIR/resize" "$CKPT" run --image "$image" --option addr=none --option signal=WINCH -- \
        "$JAVA" -cp "$CP" Refuse device <<'PYTHON' &
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
    wait_line "$log" "ready " || fail "$name: the program starts"
    exec 9>"$DIR/resize"
    echo 101 >&9
    wait_line "$log" "resized " || fail "$name: the terminal gets another size"
    pid=$(port_of "$log" resized)
    run timeout 20 "$CKPT" checkpoint "$pid" "$image"
    is "$status" 1 "$name: a request by the command is refused"
    unlike "$(<"$log")" "signal WINCH" "$name: WINCH from the kernel is no request"
    kill -WINCH "$pid"
    ok "$name: WINCH from a process is a request" wait_line "$log" "signal WINCH: checkpoint cancelled"
    exec 9>&-
    wait_exit "${tap_started[-1]}"
}

# Loaded into a running JVM; changed to a signal that is blocked; given back.
late() {
    name="$V: late" image=$DIR/late
    OPTIONS=()
    start "$name" env --block-signal=35 "$JAVA" -cp "$CP" Refuse device
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
    load 'addr=none,signal=USR1'
    contains "$(<"$log")" "option 'signal=USR1': a signal names no image directory; add" \
        "$name: signal= without image= is refused"
    load "addr=none,signal=USR2,image=$image"
    contains "$(<"$log")" "agent option 'signal=USR2': libjvm.so already handles it" \
        "$name: a signal that HotSpot handles is refused"
    load "addr=none,image=$image"
    is "$(threads "$pid")" 0 "$name: without signal= there is no thread"
    load "signal=USR1"
    is "$(caught 10)/$(threads "$pid")" 1/1 "$name: signal= in a second load takes the signal"
    kill -USR1 "$pid"
    wait_line "$log" "signal USR1: checkpoint cancelled" || fail "$name: the signal is a request"
    load "signal=RTMIN+1"
    is "$(caught 10)/$(caught 35)" 0/1 "$name: another signal= gives the old signal back"
    load "signal=RTMIN+1"
    run timeout 20 "$CKPT" checkpoint "$pid" "$image"
    is "$status" 1 "$name: a request by the command after a change is refused"
    is "$(count_lines "$log" "checkpoint cancelled")" 1 "$name: changes of the option are no requests"
    is "$(get /release)" released "$name: the program removes the obstacle"
    clients_are_gone "$port"
    kill -RTMIN+1 "$pid"
    ended "the new signal freezes the JVM"
    restore_and_ask "the JVM frozen by the new signal is restored"
    load "signal=none"
    is "$(caught 35)" 0 "$name: signal=none gives the signal back in the restored JVM"
    kill -RTMIN+1 "$pid"
    wait_exit "$pid"
    is "$status" $((128 + 35)) "$name: after signal=none the signal ends the JVM"
}

load() { # OPTIONS
    run timeout 20 "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"$1\""
}

caught() { # NUMBER: 1 if the process handles that signal
    python3 -c 'import re, sys
mask = int(re.search("SigCgt:\t(.*)", open(f"/proc/{sys.argv[1]}/status").read())[1], 16)
print(mask >> int(sys.argv[2]) - 1 & 1)' "$pid" "$1"
}

# Without the option the signal has its usual effect.
default() {
    name="$V: default"
    OPTIONS=(addr=none)
    start_jvm "$name" "$DIR/default" -cp "$CP" Refuse none
    wait_line "$log" "ready "
    is "$(threads "$pid")/$(caught 10)" 0/0 "$name: without the option there is no thread and no handler"
    kill -USR1 "$pid"
    wait_exit "$pid"
    is "$status" 138 "$name: without the option the signal ends the JVM"
}

# A second copy of the agent takes no signal.
twice() {
    local other=$DIR/other.so
    name="$V: twice"
    cp "$AGENT" "$other"
    OPTIONS=(addr=none signal=USR1)
    start_jvm "$name" "$DIR/twice" "-agentpath:$other=addr=none,signal=RTMIN+1,image=$DIR/twice" \
        -cp "$CP" Refuse none
    wait_line "$log" "ready "
    is "$(caught 10)/$(caught 35)" 1/0 "$name: the second agent gives its signal back"
    kill -USR1 "$pid"
    ended "the signal of the first agent freezes the JVM"
}

# With -Xrs TERM is free; without it HotSpot's handler would replace the agent's.
reduced() {
    begin reduced signal=TERM -Xrs Refuse none
    kill -TERM "$pid"
    ended "with -Xrs TERM freezes the JVM"
    ok "$name: with -Xrs TERM writes an image" test -f "$image/image"
}

# not_started OPTIONS PATTERN: the JVM does not start.
not_started() {
    RUN_SECONDS=20 run "$JAVA" "-agentpath:$AGENT=addr=none,$1" -cp "$CP" Refuse none
    if [ "$status" = 1 ] && [[ $out != *ready* ]] && [[ $err == *"checkpointer: error: "*$2* ]]; then
        pass "$V: start: $1 is refused"
    else
        fail "$V: start: $1 is refused" "status $status, output: $out$err"
    fi
}

# One of each kind; all names are in tests/unit/options.c.
refused_signals() {
    local with=image=$DIR/wrong
    not_started signal=USR1 "option 'signal=USR1': a signal names no image directory; add the"
    not_started "signal=USR2,$with" "'signal=USR2': libjvm.so already handles it; choose USR1 or"
    not_started "signal=TERM,$with" "HotSpot ends the JVM on it; start the JVM with -Xrs, or choose"
    not_started "signal=SEGV,$with" "'signal=SEGV': HotSpot handles it; choose"
    not_started "signal=KILL,$with" "no process can handle it; choose"
    not_started "signal=RTMAX-3,$with" "the last real-time signals are the JDK's and the engine's own; choose"
}

# As PID 1, to which the kernel sends only signals that it handles.
first_process() {
    local container=(unshare --pid --fork --mount-proc --kill-child) outer
    if ! { [ "$(id -u)" -eq 0 ] && "${container[@]}" true 2>/dev/null; }; then
        cannot "$V: pid1: a JVM that is PID 1 is frozen by a signal" "PID namespaces are not allowed here"
        return
    fi
    CONFINE=("${container[@]}")
    begin pid1 signal=USR1 Refuse none
    CONFINE=()
    outer=$pid
    kill -USR1 "$(child "$outer")"
    ended "a JVM that is PID 1 is frozen by a signal"
    restore_and_ask "a JVM that is PID 1 is restored as PID 1" "${container[@]}"
    outer=$pid
    kill -USR1 "$(child "$outer")"
    ended "a JVM restored as PID 1 is frozen by a signal"
}

child() { # PID
    tr -d ' ' <"/proc/$1/task/$1/children"
}

body() {
    generations
    meanwhile
    no_queue
    terminal
    late
    default
    twice
    reduced
    refused_signals
    first_process
}

each_jdk body
done_testing
