#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# With the agent option fd_stacks=true, or CRaC's system property, a refusal says where its descriptor
# was opened: the exception's cause has the stack, and the command prints it. Also after the number
# was closed and used again, for copies, for many threads at once, and after the agent was loaded
# late. Without the option: no stack, and a hint.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Origins
HINT='agent option fd_stacks=true to see where they were opened'

get() { # PATH
    curl -sS --max-time 60 "http://127.0.0.1:$port$1" 2>&1
}

# begin NAME [JAVA-OPTION...]: starts the program; sets port.
begin() {
    local name="origins-$V-$1"
    shift
    start_jvm "$name" "$DIR/image" "$@" -cp "$CP" Origins "$DIR/fifo" "$DIR/watched"
    wait_line "$log" "ready " && port=$(port_of "$log" "ready")
}

# The line of the answer to /own that has both; at once, since nothing is waited for.
names() { # WHAT PATTERN METHOD NAME
    like "$(grep -E "$2" <<<"$own" | grep -w "$3")" " <- descriptor [0-9]+ was opened here, by .* in .*$3" \
        "$V: $1 is named as opened in $3()" || diag "$own"
}

each_kind() {
    local name
    for name in fifo watch udp udpchannel tcp channels stream virtual; do
        is "$(get "/open/$name")" opened "$V: $name is opened" || return
    done
    own=$(get /own)
    names "a named pipe" "OpenFileException descriptor [0-9]+ is the named pipe '.*fifo'" openFifo
    names "a watch service" inotify openWatch
    names "a UDP socket" 'OpenSocketException .* is a UDP socket' openUdp
    names "a UDP channel" 'OpenSocketException .* is a UDP socket' openUdpChannel
    names "a connection" 'OpenSocketException .*TCP connection' connectTcp
    names "an accepted connection" 'OpenSocketException .*TCP connection' acceptTcp
    names "a channel's connection" 'OpenSocketException .*TCP connection' connectChannel
    names "an accepted channel" 'OpenSocketException .*TCP connection' acceptChannel
    names "a thread without a name" "by an unnamed thread" openRandom
    is "$(grep -c 'OpenFileException .*gone.* in openStream' <<<"$own")" 2 \
        "$V: a descriptor and its copy are both named" || diag "$own"
    unlike "$own" 'jdk.crac' "$V: our own frames are not in a stack"

    run "$CKPT" checkpoint "$pid" "$DIR/other"
    is "$status" 1 "$V: the command is refused"
    like "$(grep -A 3 "fifo'" <<<"$err" | tr '\n' '|')" \
        "opened by thread '[^']*'\|      at [^|]*FileInputStream.<init>[^|]*\|      at Origins.openFifo\(O" \
        "$V: and prints the stack below the reason, from the JDK's method on"
    for name in openWatch openUdp openUdpChannel connectTcp acceptChannel; do
        contains "$err" "at Origins.$name(" "$V: with $name()"
    done
    unlike "$err" "$HINT" "$V: and no hint"
    unlike "$err" 'at [^(]*jdk\.crac' "$V: nor frames of ours"
}

# The same number, another opener.
reused() {
    get /close/fifo >/dev/null
    is "$(get /open/again)" opened "$V: opened again"
    own=$(get /own)
    names "a number used again" "fifo'" openAgain
    unlike "$own" openFifo "$V: and not where it was opened first"
    get /close/again >/dev/null
    is "$(get /open/unseen)" opened "$V: opened in a way that is not seen"
    own=$(get /own)
    contains "$own" "fifo'" "$V: which is refused"
    unlike "$own" openUnseen "$V: but not with the stack of what had that number before"
}

# A child of vfork() closes everything, in its parent's memory.
children() {
    local how
    for how in VFORK FORK POSIX_SPAWN; do
        is "$(get "/spawn/$how")" "ended with 0" "$V: a process is started by $how"
    done
    own=$(get /own)
    names "a channel, after processes were started," 'TCP connection' connectChannel
}

# The restored process has another PID, and its sockets are other ones.
restored() {
    local name
    begin again
    get /open/udp >/dev/null
    get /close/udp >/dev/null
    freeze "$pid" "$DIR/frozen" "$V: nothing stands against it"
    restore "origins-$V-again" "$DIR/frozen"
    answers "$port" /open/udp || fail "$V: it comes back"
    own=$(get /own)
    names "a UDP socket of the restored process" 'OpenSocketException .* is a UDP socket' openUdp
    stop "$pid"
}

stress() {
    is "$(get /stress)" stressed "$V: many threads open and close, checkpoints are refused meanwhile"
    own=$(get /own)
    is "$(grep -o "by thread 'stress [0-9]' in stressKept" <<<"$own" | sort -u | wc -l)" 8 \
        "$V: each one's last is known, with its thread" || diag "$own"
    unlike "$own" stressPassing "$V: and nothing of what was closed"
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
    get /open/udp >/dev/null
    own=$(get /own)
    names "a UDP socket, with CRaC's property," 'OpenSocketException .* is a UDP socket' openUdp
    stop "$pid"

    begin without
    get /open/udp >/dev/null
    unlike "$(get /own)" ' <- ' "$V: without the option there is no stack"
    run "$CKPT" checkpoint "$pid" "$DIR/other"
    is "$(grep -c "$HINT" <<<"$err")" 1 "$V: but a hint, once"
    unlike "$err" 'Origins\.' "$V: and no stack"

    # Loaded late: what was opened before has none, what is opened now has.
    start "late-$V" "$JAVA" -cp "$CP" Origins "$DIR/fifo" "$DIR/watched"
    wait_line "$log" "ready " && port=$(port_of "$log" "ready")
    get /open/udp >/dev/null
    ok "$V: the agent is loaded late" "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" \
        "\"addr=none,fd_stacks=true,image=$DIR/image\""
    get /open/fifo >/dev/null
    get /open/watch >/dev/null
    own=$(get /own)
    names "a named pipe, the agent loaded late," "fifo'" openFifo
    names "a watch service, the agent loaded late," inotify openWatch
    like "$own" "UDP socket [^<]* can also reopen it"$'\n' "$V: what was open before has no stack"
    stop "$pid"
    exec 6>&-
}
each_jdk body
done_testing
