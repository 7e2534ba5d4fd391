#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# With the agent option fd_stacks=true, or CRaC's system property, a refusal shows where its descriptor
# was opened: the exception's cause has the stack, and the command prints it. This holds after the
# number was closed and used again, for copies, for many threads at once, and if the agent was loaded
# late. Without the option there is a hint instead of a stack.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Origins
start_relay
HINT='agent option fd_stacks=true to see where they were opened'

get() { # PATH
    curl -sS --max-time 60 "http://127.0.0.1:$port$1" 2>&1
}

# begin NAME [JAVA-OPTION...]: starts the program; sets port.
begin() {
    local name="origins-$V-$1"
    shift
    start_jvm "$name" "$DIR/image" "$@" "-Drelay=$relay" -cp "$CP" Origins "$DIR/fifo" "$DIR/watched"
    wait_line "$log" "ready " && port=$(port_of "$log" "ready")
}

# names WHAT PATTERN METHOD: the line of the answer to /own with the pattern names the method too.
names() {
    like "$(grep -E "$2" <<<"$own" | grep -w "$3")" " <- descriptor [0-9]+ was opened here, by .* in .*$3" \
        "$V: refusal: $1 is named as opened in $3()" || diag "$own"
}

each_kind() {
    local name
    for name in fifo device tcp channels stream virtual; do
        is "$(get "/open/$name")" opened "$V: the program opens '$name'" || return
    done
    own=$(get /own)
    names "a named pipe" "OpenFileException descriptor [0-9]+ is the named pipe '.*fifo'" openFifo
    names "a device" "'/dev/ptmx'" openDevice
    names "a connection" 'OpenSocketException .*TCP connection' connectTcp
    names "an accepted connection" 'OpenSocketException .*TCP connection' acceptTcp
    names "a channel's connection" 'OpenSocketException .*TCP connection' connectChannel
    names "an accepted channel" 'OpenSocketException .*TCP connection' acceptChannel
    names "a thread without a name" "by an unnamed thread" openRandom
    is "$(grep -c 'OpenFileException .*/proc/1.* in openStream' <<<"$own")" 2 \
        "$V: refusal: a descriptor and its copy are both named" || diag "$own"
    unlike "$own" 'jdk.crac' "$V: refusal: frames of jdk.crac are not in a stack"

    run "$CKPT" checkpoint "$pid" "$DIR/other"
    is "$status" 1 "$V: checkpoint: the command is refused"
    like "$(grep -A 3 "fifo'" <<<"$err" | tr '\n' '|')" \
        "opened by thread '[^']*'\|      at [^|]*FileInputStream.<init>[^|]*\|      at Origins.openFifo\(O" \
        "$V: checkpoint: the stack is printed below the reason, from the JDK's method on"
    for name in openDevice connectTcp acceptChannel; do
        contains "$err" "at Origins.$name(" "$V: checkpoint: the stack with $name() is printed"
    done
    unlike "$err" "$HINT" "$V: checkpoint: no hint at fd_stacks is printed with stacks"
    unlike "$err" 'at [^(]*jdk\.crac' "$V: checkpoint: frames of jdk.crac are not printed"
}

# A number that is used again by another method.
reused() {
    get /close/fifo >/dev/null
    is "$(get /open/again)" opened "$V: reused number: the program opens the pipe again"
    own=$(get /own)
    names "a named pipe with a reused number" "fifo'" openAgain
    unlike "$own" openFifo "$V: refusal: the first opener of a reused number is not named"
    get /close/again >/dev/null
    is "$(get /open/unseen)" opened "$V: reused number: the program opens the pipe in a way that is not seen"
    own=$(get /own)
    contains "$own" "fifo'" "$V: refusal: a descriptor without a known opener is named"
    unlike "$own" openUnseen "$V: refusal: a descriptor without a known opener has no stack"
}

# A child of vfork() closes all descriptors, in its parent's memory.
children() {
    local how
    for how in VFORK FORK POSIX_SPAWN; do
        is "$(get "/spawn/$how")" "ended with 0" "$V: the program starts a process by $how"
    done
    own=$(get /own)
    names "a channel, after child processes," 'TCP connection' connectChannel
}

# The restored process has another PID and other sockets.
restored() {
    local name
    begin again
    get /open/device >/dev/null
    get /close/device >/dev/null
    freeze "$pid" "$DIR/frozen" "$V: a process whose descriptors are closed"
    restore "origins-$V-again" "$DIR/frozen"
    answers "$port" /open/device || fail "$V: the restored process answers"
    own=$(get /own)
    names "a device of the restored process" "'/dev/ptmx'" openDevice
    stop "$pid"
}

stress() {
    is "$(get /stress)" stressed "$V: stress: checkpoints are refused while many threads open and close files"
    own=$(get /own)
    is "$(grep -o "by thread 'stress [0-9]' in stressKept" <<<"$own" | sort -u | wc -l)" 8 \
        "$V: stress: the open descriptor of each thread is named with the thread" || diag "$own"
    unlike "$own" stressPassing "$V: stress: closed descriptors are not named"
}

body() {
    mkdir -p "$DIR/watched"
    mkfifo "$DIR/fifo"
    exec 6<>"$DIR/fifo"
    OPTIONS=(addr=none fd_stacks=true)
    begin with
    each_kind
    reused
    children
    stress
    stop "$pid"
    restored

    OPTIONS=(addr=none)
    begin property -Djdk.crac.collect-fd-stacktraces=true
    get /open/device >/dev/null
    own=$(get /own)
    names "a device, with CRaC's property," "'/dev/ptmx'" openDevice
    stop "$pid"

    begin without
    get /open/device >/dev/null
    unlike "$(get /own)" ' <- ' "$V: without fd_stacks the exception has no stack"
    run "$CKPT" checkpoint "$pid" "$DIR/other"
    is "$(grep -c "$HINT" <<<"$err")" 1 "$V: without fd_stacks the command prints one hint"
    unlike "$err" 'Origins\.' "$V: without fd_stacks the command prints no stack"

    # Loaded late: descriptors that were opened before the load have no stack, later ones have.
    start "late-$V" "$JAVA" "-Drelay=$relay" -cp "$CP" Origins "$DIR/fifo" "$DIR/watched" 6>&-
    wait_line "$log" "ready " && port=$(port_of "$log" "ready")
    get /open/device >/dev/null
    ok "$V: loaded late: the agent is loaded" "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" \
        "\"addr=none,fd_stacks=true,image=$DIR/image\""
    get /open/fifo >/dev/null
    own=$(get /own)
    names "a named pipe, with the agent loaded late," "fifo'" openFifo
    like "$own" "'/dev/ptmx'[^<]* by a policy file"$'\n' \
        "$V: loaded late: a descriptor opened before the load has no stack"
    stop "$pid"
    exec 6>&-
}
each_jdk body
done_testing
