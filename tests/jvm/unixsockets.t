#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Unix sockets whose other end is in the JVM too are kept, with what is queued in them, over several
# generations; so is one whose other end is closed.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Anonymous
GENERATIONS=3 # the first is the process that was left running
CASES="stream datagram seqpacket full copies half shut closed reset options fresh watched listens files
    accepted unused bound senders buffers pieces itself chain moved times same-name"

build_library() { # NAME
    gcc -O1 -g -Wall -shared -fPIC -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" \
        -o "$DIR/$1.so" "$TOP/tests/jvm/java/$1.c" "$TOP/tests/jvm/java/unixnames.c" \
        "$TOP/tests/jvm/java/unixqueues.c" 2>"$TMP/gcc.err" ||
        bail_out "gcc failed: $(head -c 600 "$TMP/gcc.err")"
}

report_cases() { # LOG GENERATION: a check for each case
    local name line from=1
    [ "$2" = 1 ] || from="/^looked $(($2 - 1))\$/"
    for name in $CASES; do
        line=$(sed -n "$from,/^looked $2\$/{/^$name: /p}" "$1" | head -n 1)
        is "$line" "$name: ok" "$V, generation $2: Unix sockets continue: $name"
    done
}

generations() {
    local generation name=unix-$V
    mkdir "$DIR/names" "$DIR/names/cwd"
    cd "$DIR/names/cwd" || return
    unset UNIX_CASES
    export UNIX_FOLDER=$DIR/names UNIX_UNIQUE=$$-$V
    start_jvm "$name" - -Xmx64m -cp "$CP" Anonymous "$DIR/unixsockets.so"
    for ((generation = 1; generation <= GENERATIONS; generation++)); do
        wait_line "$log" "ready $generation" || return
        if [ "$generation" = 1 ]; then
            run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-1"
            is "$status$err" 0 "$V: checkpoint --leave-running succeeds"
        else
            freeze "$pid" "$DIR/image-$generation" "$V, generation $generation" || return
            restore "$name" "$DIR/image-$generation"
        fi
        wait_line "$log" "looked $generation" 120 || return
        report_cases "$log" "$generation"
    done
    stop "$pid"
    described "$DIR/image-$GENERATIONS"

    # An image can be restored again.
    for generation in 1 2; do
        restore "clone-$generation-$V" "$DIR/image-$GENERATIONS"
        wait_line "$log" "ready $((GENERATIONS + 1))" 120 || return
        is "$(grep -v ': ok$' "$log")" "$(printf 'looked 3\nready 4')" \
            "$V: restore $((generation + 1)) of an image: all Unix sockets continue"
        stop "$pid"
    done
}

described() { # DIR
    run "$CKPT" inspect "$1"
    like "$out" "Unix socket end +stream, the other end is [0-9]+, 12 bytes not read yet" \
        "$V: inspect shows the other end of a stream and what is not read yet"
    like "$out" "Unix socket end +seqpacket, the other end is [0-9]+, 3 messages not read yet" \
        "$V: inspect shows the messages that are not read yet"
    like "$out" "Unix listener +listens at '$DIR/names/listens', backlog 3" \
        "$V: inspect shows the name and the backlog of a listener"
    like "$out" "Unix datagram +'$DIR/names/named', connected to '$DIR/names/server'" \
        "$V: inspect shows the names of a datagram socket"
    run "$CKPT" inspect --json "$1"
    like "$out" "\"kind\": *\"Unix datagram\"" "$V: inspect --json lists Unix sockets"
}

# start_case NAME CASE: a JVM with one case, in a folder for names that is empty.
start_case() {
    cd "$DIR" || return
    rm -rf "$DIR/names"
    mkdir "$DIR/names"
    export UNIX_FOLDER=$DIR/names UNIX_UNIQUE=$$-$V UNIX_CASES=$2
    start_jvm "$1-$V" - -Xmx64m -cp "$CP" Anonymous "$DIR/unixsockets.so"
    wait_line "$log" "ready 1"
}

# not_kept CASE PATTERN WHAT: is refused, and the JVM continues.
not_kept() {
    run "$CKPT" checkpoint "$pid" "$DIR/not"
    like "$status$err" "^1.*$2" "$V: checkpoint: $3"
    ok "$V: after that refusal the JVM continues: $1" kill -0 "$pid"
    stop "$pid"
}

# A server of another process at a name of the folder.
peer() { # stream|dgram NAME
    start "peer-$2-$V" python3 -c "import socket, sys
types = {'stream': socket.SOCK_STREAM, 'dgram': socket.SOCK_DGRAM}
server = socket.socket(socket.AF_UNIX, types[sys.argv[1]])
server.bind(sys.argv[2])
if sys.argv[1] == 'stream':
    server.listen(5)
    print('ready', flush=True)
    server.accept()[0].recv(9)
print('ready', flush=True)
while True:
    print(server.recv(100).decode(), flush=True)" "$1" "$DIR/peers/$2"
    peer=$pid
    wait_line "$log" ready
}

refusals() {
    start_case passed -passed
    not_kept passed "descriptor [0-9]+, a Unix socket, has descriptors queued that were passed to it" \
        "a descriptor that waits in a queue is refused"
    start_case urgent -urgent
    not_kept urgent "descriptor [0-9]+, a Unix socket, has bytes queued of which one is urgent" \
        "an urgent byte is refused"
    start_case reset-first -reset-first
    run "$CKPT" checkpoint "$pid" "$DIR/not"
    like "$status$err" "^1.*has messages queued, and a reset that is read before them" \
        "$V: checkpoint: a reset in front of messages is refused"
    wait_line "$log" "looked 1"
    is "$(grep "^-reset" "$log")" "-reset-first: ok" "$V: after that refusal the reset can still be read"
    stop "$pid"
    start_case waiting -waiting
    not_kept waiting "listens at '$DIR/names/waiting' and 1 connections wait to be accepted; use --con" \
        "a connection that waits to be accepted is refused"
    peer stream outside
    start_case outside -outside
    not_kept outside "descriptor [0-9]+ is a Unix socket" "a connection to another process is refused"
    stop "$peer"
}

# passes CASE OPTION: with that option it is frozen and restored.
passes() {
    start_case "passes$1" "$1"
    run "$CKPT" checkpoint "$2" "$pid" "$DIR/passes$1"
    is "$status$err" 0 "$V: checkpoint $2: ${1#-}"
    wait_exit "$pid"
    restore "passes$1-$V" "$DIR/passes$1"
    wait_line "$log" "looked 1"
    is "$(grep "^$1" "$log")" "$1: ok" "$V: restore after $2: ${1#-}"
    stop "$pid"
}

# What a hardened unit of systemd forbids: RestrictAddressFamilies= without AF_NETLINK.
without_netlink() {
    CONFINE=("$BUILD/tests/seccomp-run" --bare --deny netlink --)
    start_case nolink-pair stream
    not_kept stream "descriptor [0-9]+ is a Unix socket.*AF_NETLINK" \
        "where AF_NETLINK is forbidden, a pair is refused, with that reason"
    start_case nolink "reset fresh listens unused bound itself chain"
    if freeze "$pid" "$DIR/nolink" "$V: without AF_NETLINK"; then
        restore "nolink-$V" "$DIR/nolink"
        wait_line "$log" "looked 1"
        is "$(grep -c ': ok$' "$log")" 7 "$V: without AF_NETLINK, what needs no other end is kept"
        stop "$pid"
    fi
    CONFINE=("$BUILD/tests/seccomp-run" --)
    start_case docker "stream copies accepted bound"
    if freeze "$pid" "$DIR/docker" "$V: under Docker's filter"; then
        restore "docker-$V" "$DIR/docker"
        wait_line "$log" "looked 1"
        is "$(grep -c ': ok$' "$log")" 4 "$V: pairs and their copies are kept under Docker's filter"
        stop "$pid"
    fi
    CONFINE=()
}

# An empty message can be peeked at only once, so a second checkpoint does not find it.
peeked() {
    start_case peeked -peeked
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/peeked"
    is "$status$err" 0 "$V: a checkpoint with an empty message succeeds"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/peeked-again"
    like "$status$err" "^1.*has empty messages queued that were peeked at before" \
        "$V: a checkpoint that would lose an empty message is refused"
    stop "$pid"
}

# What a program has left open in the JVM that it started belongs to that program.
inherited() { # [OPTION]
    rm -rf "$DIR/names"
    mkdir "$DIR/names"
    start "inherited$1-$V" python3 -c "import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(5)
pair = socket.socketpair()
for one in (listener, *pair):
    os.set_inheritable(one.fileno(), True)
os.execv(sys.argv[2], sys.argv[2:])" "$DIR/names/inherited" "$JAVA" "-agentpath:$AGENT=addr=none" \
        -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint ${1:+"$1"} "$pid" "$DIR/inherited$1"
    is "$status" 0 "$V: inherited Unix sockets are no obstacle $1"
    is "$(grep -c "socket:.* was open when the JVM started, and is closed" "$log")" 3 \
        "$V: inherited Unix sockets are closed, with a warning $1"
    wait_exit "$pid"
    restore "inherited$1-$V" "$DIR/inherited$1"
    ok "$V: a JVM with inherited Unix sockets is restored $1" wait_more "$log" 2
    stop "$pid"
}

# What a rule closes is the other end of what stays, at the checkpoint or at a restore.
closed_by_policy() {
    local when
    printf '%s\n' 'type: socket' 'localPath: **/target' 'action: close' --- 'type: filedescriptor' \
        'value: 500' 'action: close' >"$DIR/close-target"
    for when in checkpoint restore; do
        start_case "closing-$when" -closing
        if [ "$when" = checkpoint ]; then
            run "$CKPT" checkpoint --policies="$DIR/close-target" "$pid" "$DIR/closing-$when"
            is "$status" 0 "$V: a checkpoint closes the other end of a datagram socket: $err"
            wait_exit "$pid"
            restore "closing-$when-$V" "$DIR/closing-$when"
        elif freeze "$pid" "$DIR/closing-$when" "$V, closing"; then
            restore "closing-$when-$V" --policies "$DIR/close-target" "$DIR/closing-$when"
        fi
        wait_line "$log" "looked 1"
        is "$(grep "^-closing" "$log")" "-closing: ok" \
            "$V: datagram sockets whose other end a rule closed at the $when are as with a closed one"
        stop "$pid"
    done
}

# What another process has at a name, and where there is no folder any more.
names() {
    local first
    start_case taken listens
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/taken"
    is "$status$err" 0 "$V: checkpoint --leave-running of listeners succeeds"
    first=$pid
    RUN_SECONDS=20
    run "$CKPT" restore "$DIR/taken"
    refused "$V: restore: a name at which the original listens is refused" \
        "cannot listen at '.*' again: .*; stop the process that listens there"
    run "$CKPT" restore --dry-run "$DIR/taken"
    refused "$V: restore --dry-run: a name at which the original listens is refused" \
        "cannot listen at '.*' again: .*; stop the process that listens there"
    stop "$first"
    restore "taken-clone-$V" "$DIR/taken"
    wait_line "$log" "looked 1"
    first=$pid
    run "$CKPT" restore "$DIR/taken"
    refused "$V: restore: a second clone is refused" \
        "cannot listen at '.*' again: .*; stop the process that listens there"
    stop "$first"
    rm -rf "$DIR/names"
    run "$CKPT" restore "$DIR/taken"
    refused "$V: restore: a folder that is gone is named" \
        "cannot listen at '$DIR/names/.*' again: .*; create its folder"
    mkdir "$DIR/names"
    echo data >"$DIR/names/listens"
    run "$CKPT" restore "$DIR/taken"
    refused "$V: restore: a file that is no socket is not replaced" \
        "cannot listen at '$DIR/names/listens' again"
    is "$(cat "$DIR/names/listens")" data "$V: restore: a file that is no socket stays"
}

# A datagram socket that is connected to the name of another process, as for syslog.
logging() {
    local server
    peer dgram log
    server=$log
    start_case logs -logs
    if ! freeze "$pid" "$DIR/logs" "$V: connected to a log"; then
        stop "$peer"
        return
    fi
    restore "logs-$V" "$DIR/logs"
    wait_line "$log" "looked 1"
    is "$(grep logs "$log")" "-logs: ok" "$V: a datagram socket is connected to the name of a log again"
    is "$(count_lines "$server" "a line")" 2 "$V: the log gets its lines, each once"
    stop "$pid"
    stop "$peer"
    RUN_SECONDS=20
    run "$CKPT" restore "$DIR/logs"
    refused "$V: restore: where the log's process is gone, it is named" \
        "cannot connect to '.*/log' again: .*; start the process that receives there, or close"
    printf '%s\n' 'type: socket' 'remotePath: **/log' 'action: close' >"$DIR/close-log"
    restore "logs-closed-$V" --policies "$DIR/close-log" "$DIR/logs"
    ok "$V: restore: a policy closes the socket of a log" wait_line "$log" "looked 1"
    stop "$pid"
}

body() {
    build_library unixsockets
    export UNIX_PEERS=$DIR/peers
    mkdir "$DIR/peers"
    generations
    refusals
    passes -waiting --connections=close
    passes -shared --children=ignore
    without_netlink
    names
    peeked
    closed_by_policy
    inherited ""
    inherited --connections=close
    logging
}
each_jdk body
done_testing
