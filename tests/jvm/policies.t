#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck disable=SC2034,SC2154
#
# Policy files: what each action does to each kind of descriptor, in a JVM that continues and in one that
# is restored; the first rule that matches; files given by option, by property and at a restore; wrong
# files. The program (java/Policies.java) opens the descriptors and prints what became of them.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Policies
start_relay

ALL=(file append deleted directory device fifo fifo-out pipe listener waiting unix udp receiver tcp
    blocked selected watch pair)

# policy NAME LINE...: a policy file of that name, with HERE for the folder.
policy() {
    local name=$1
    shift
    printf '%s\n' "${@//HERE/$HERE}" >"$DIR/$name"
}

# begin NAME CHECKPOINTS [KIND...]: starts the JVM with OPTIONS and PROPERTIES and a new folder; sets
# image.
PROPERTIES=()
begin() {
    local name=$1 count=$2
    shift 2
    rm -rf "$HERE"
    mkdir -p "$HERE"
    image=$DIR/image-$name
    mkfifo "$HERE/fifo" "$HERE/fifo-out"
    exec 6<>"$HERE/fifo" 7<>"$HERE/fifo-out"
    echo abcdef >"$HERE/file"
    echo uvwxyz >"$HERE/other"
    echo data >"$HERE/data"
    start_jvm "$name-$V" "$image" "${PROPERTIES[@]}" "-Drelay=$relay" -cp "$CP" Policies \
        "$HERE" "$count" "$@"
}

frozen() { # WHAT: the JVM has ended by its checkpoint
    wait_exit "$pid"
    is "$status" 137 "$V: $1: the JVM is frozen" || diag "$(tail -n 30 "$log")"
}

restored() { # WHAT RESTORE-ARGUMENT...: the image is restored, and the program ends with 0
    local name=$1
    shift
    restore "$(basename "$log" .log)" "$@" "$image"
    wait_exit "$pid"
    is "$status" 0 "$V: $name: the restored JVM ends with 0" || diag "$(tail -n 30 "$log")"
}

has_line() { # LINE NAME
    ok "$V: $2" grep -qxF -- "$1" "$log" || diag "$(grep -F "${1%%:*}:" "$log")"
}

matches() { # REGEX NAME
    ok "$V: $2" grep -qE -- "$1" "$log" || diag "$(tail -n 40 "$log")"
}

# No rule, and rules that refuse: each descriptor is named, and the JVM continues.
refusals() {
    OPTIONS=(addr=none)
    begin none 1 "${ALL[@]}"
    wait_exit "$pid"
    is "$status" 0 "$V: no policy: the JVM continues after the refusal"
    matches 'OpenFile.*/fifo.*named pipe|named pipe .*/fifo.*by a policy file, which can also reopen' \
        "no policy: a named pipe is refused with a hint at policies"
    matches 'OpenSocket.*TCP connection .*by a policy file$' \
        "no policy: a connection is refused with a hint at policies"

    policy error 'type: file' 'path: HERE/oth*' 'action: ignore' --- \
        'type: file' 'path: HERE/*' 'action: error' --- 'type: pipe' 'action: ERROR' --- \
        'type: socket' 'listening: true' 'action: error' 'family: ip'
    OPTIONS=(addr=none "policies=$DIR/error")
    begin error 1 file other pipe listener
    wait_exit "$pid"
    is "$status" 0 "$V: action error: the JVM continues after the refusal"
    matches "OpenFile.* descriptor [0-9]+ \('$HERE/file'\) is refused by the rule at $DIR/error:5;" \
        "action error: the refusal of a file has the rule's first line"
    matches "OpenResource.* \('pipe:\[[0-9]+\]'\) is refused by the rule at $DIR/error:9;" \
        "action error: the refusal of a pipe has the rule's first line"
    matches "OpenSocket.* descriptor [0-9]+ \('127.0.0.1:[0-9]+'\) is refused by the rule at $DIR/error:12;" \
        "action error: the refusal of a socket has the rule's first line"
    matches "warning: descriptor [0-9]+ \('$HERE/other'\) is open: action ignore by .* $DIR/error:1$" \
        "action ignore: the first rule that matches counts, with a warning"
    # The pipe has two ends.
    is "$(count_lines "$log" "refused: ")" 4 "$V: action error: no other descriptor is refused"

    policy reopen 'type: socket' 'action: reopen'
    OPTIONS=(addr=none "policies=$DIR/reopen")
    begin connection 1 tcp
    wait_exit "$pid"
    matches 'OpenSocket.*connected from 127.*cannot be reopened by a policy, .*by a policy .action close' \
        "action reopen: a connection is refused"
}

closing() {
    local kind bad='IOException Bad file descriptor' gone='IOException Connection reset'
    policy close 'type: file' 'action: close' 'path: {HERE/*,/dev/ptmx,HERE}' 'warn: false' --- \
        'type: pipe' 'action: close' 'warn: false' --- 'type: socket' 'action: close' 'warn: false' --- \
        'type: FileDescriptor' 'regex: anon_inode:inotify' 'action: Close' 'warn: false'
    OPTIONS=(addr=none)
    PROPERTIES=("-Djdk.crac.resource-policies=$DIR/close")
    begin close 2 "${ALL[@]}"
    frozen "action close"
    like "$("$CKPT" inspect "$image")" "closed +it was '$HERE/fifo'" \
        "$V: action close: inspect shows a closed descriptor"
    restore "close-$V" "$image"
    wait_exit "$pid"
    is "$status" 137 "$V: action close: the second generation is frozen"
    restored "action close"
    for kind in file append deleted device fifo fifo-out listener waiting unix; do
        is "$(grep -xcF "$kind: $bad" "$log")" 2 \
            "$V: action close: a closed $kind throws IOException in both generations" ||
            diag "$(grep "^$kind:" "$log")"
    done
    is "$(grep -c '^udp: IOException' "$log")" 2 \
        "$V: action close: a closed UDP socket cannot send in both generations" ||
        diag "$(grep '^udp' "$log")"
    is "$(grep -cx 'receiver: fails 0 times' "$log")" 2 \
        "$V: action close: a thread that receives in a loop does not spin, in both generations" ||
        diag "$(grep '^receiver' "$log")"
    has_line "pipe: read 1" "action close: a pipe whose ends are both in the JVM is kept"
    has_line "pair: read 1" "action close: a connection whose ends are both in the JVM is kept"
    matches "^tcp: IOException.*; $gone$" "action close: writing to and reading from a closed connection fail"
    has_line "blocked: $gone" "action close: a thread blocked in reading a closed connection is woken"
    has_line "selected: selected 1, then $gone" \
        "action close: a thread that selects a closed connection is woken"
    is "$(count_lines "$log" used)" 2 "$V: action close: no thread hangs"
    unlike "$(<"$log")" 'warning: descriptor' "$V: action close: warn: false prints no warning"
    PROPERTIES=()
}

reopening() {
    local kinds=(file append directory device fifo fifo-out pipe listener waiting udp) line
    ! jdk_has unix_sockets || kinds+=(unix)
    policy reopen 'type: file' 'path: HERE' 'action: reopen' --- \
        'type: file' 'path: HERE/*' 'action: reopen' --- 'type: file' 'path: /dev/pt??' 'action: reopen' --- \
        'type: pipe' 'action: ignore' --- 'type: socket' 'remotePort: *' 'localPort: *' 'family: inet4' \
        "localAddress: 127.0.0.1" 'remoteAddress: localhost' 'listening: false' 'action: reopen' --- \
        'type: socket' 'action: reopen'
    OPTIONS=(addr=none "policies=$DIR/reopen")
    begin reopen 1 "${kinds[@]/waiting/other}"
    frozen "action reopen"
    ! jdk_has unix_sockets || isnt "$(find "$HERE/socket" -type s)" "" \
        "$V: action reopen: the file of the Unix socket is left"
    echo Xbcdefghi >"$HERE/file" # another size and time; the JVM only reads it
    echo "from outside" >&6
    restored "action reopen"
    has_line "file: read b" "action reopen: a file that has changed is read at its position"
    has_line "append: written" "action reopen: a file in append mode is written"
    is "$(<"$HERE/log")" more "$V: action reopen: the file in append mode has the text"
    has_line "directory: size true" "action reopen: a directory is open"
    has_line "device: written" "action reopen: a device that would be refused is written"
    has_line "fifo: read from outside" "action reopen: a named pipe is read"
    has_line "fifo-out: written" "action reopen: a named pipe is written"
    read -r -t 10 line <&7
    is "$line" "from the JVM" "$V: action reopen: a named pipe transfers data"
    has_line "pipe: read 1" "action ignore: a pipe is kept"
    has_line "listener: accepted 1" "action reopen: a listening socket accepts"
    has_line "udp: received 3" "action reopen: a UDP socket is bound and connected"
    ! jdk_has unix_sockets || has_line "unix: accepted 1" "action reopen: a listening Unix socket accepts"
    like "$("$CKPT" inspect "$image")" "UDP socket +at 127.0.0.1:[0-9]+, connected to" \
        "$V: action reopen: inspect shows the UDP socket"

    # No process has the other ends open.
    policy fifos 'type: file' 'action: reopen' 'path: **/fifo*'
    OPTIONS=(addr=none "policies=$DIR/fifos")
    begin fifos 1 fifo fifo-out
    frozen "named pipes without the other ends"
    exec 6>&- 7>&-
    restored "named pipes without the other ends"
    has_line "fifo: read " "named pipes without the other ends: the reader gets the end of the file"
    has_line "fifo-out: IOException Broken pipe" \
        "named pipes without the other ends: the writer gets an IOException"
}

# A JVM whose rules are wrong, are corrected, are changed.
files() {
    policy good 'type: file' 'path: HERE/file' 'action: close'
    policy bad 'type: file' 'path: HERE/file' 'action: shut'
    OPTIONS=(addr=none "policies=$DIR/bad")
    begin start 1 file
    wait_exit "$pid"
    isnt "$status" 0 "$V: option policies: a wrong file ends the JVM's start"
    matches "error: $DIR/bad:3: action 'shut'; expected error, ignore, close or reopen" \
        "option policies: the wrong line is reported with the expected words"

    OPTIONS=(addr=none "policies=$DIR/bad-option")
    policy bad-option 'type: file' 'path: HERE/file' 'action: error'
    PROPERTIES=("-Djdk.crac.resource-policies=$DIR/bad")
    begin edited 3 file
    wait_line "$log" "called off"
    matches "warning: no checkpoint is possible with -Djdk.crac.resource-policies: $DIR/bad:3: " \
        "property: a wrong file gives a warning at the start"
    matches "^refused: .* $DIR/bad:3: action 'shut'; expected error, ignore, close or reopen" \
        "property: a wrong file refuses the checkpoint with its line"
    rm "$DIR/bad"
    touch "$HERE/again"
    wait_line "$log" "cannot read the policy file '$DIR/bad'" || fail \
        "$V: property: a missing file is reported"
    is "$(find "$image" -type f 2>/dev/null)" "" "$V: property: a wrong file leaves no image"
    policy bad 'type: file' 'path: HERE/file' 'action: close'
    touch "$HERE/again"
    frozen "property: a corrected file"
    restored "property: a corrected file"
    has_line "file: IOException Bad file descriptor" "property: its file comes before that of the option"
    PROPERTIES=()
}

at_restore() {
    local port before
    policy other 'type: file' 'path: HERE/other' 'action: close'
    OPTIONS=(addr=none "policies=$DIR/other")
    begin image 1 file other listener append pair
    frozen "policies at the restore"
    port=$(port_of "$log" 'listener at')
    before=$(cksum "$image"/*)
    echo longer and other >"$HERE/file"
    RUN_SECONDS=20
    run "$CKPT" restore "$image"
    refused "$V: restore: a file that has changed is refused without a rule" "'$HERE/file' has changed"
    policy wrong '# rules' 'type: socket' 'localPort: http' 'action: close'
    run "$CKPT" restore --policies "$DIR/wrong" "$image"
    refused "$V: restore --policies: a wrong file is refused with its line" \
        "$DIR/wrong:3: port 'http'; expected a number from 0 to 65535"
    run "$CKPT" restore --policies "$DIR/nowhere" "$image"
    refused "$V: restore --policies: a missing file is refused" "cannot read the policy file '$DIR/nowhere'"
    policy no 'type: socket' "localPort: $port" 'action: error'
    run "$CKPT" restore "--policies=$DIR/no" "$image"
    refused "$V: restore --policies: a rule with action error refuses the restore" \
        "\('127.0.0.1:$port'\) is refused by the rule at $DIR/no:1"
    is "$(cksum "$image"/*)" "$before" "$V: restore --policies: refused restores do not change the image"

    policy new 'type: file' 'path: HERE/file' 'action: reopen' --- 'type: file' 'path: HERE/log' \
        'action: close' --- 'type: socket' 'action: close'
    restored "restore --policies" --policies "$DIR/new"
    has_line "file: read o" "restore --policies: a file that has changed is reopened"
    has_line "append: IOException Bad file descriptor" "restore --policies: a file is closed"
    has_line "other: IOException Bad file descriptor" \
        "restore --policies: a file that the checkpoint closed stays closed"
    has_line "listener: IOException Bad file descriptor" "restore --policies: a listening socket is closed"
    has_line "pair: read 1" "restore --policies: a connection whose ends are both in the JVM is kept"

    restored "restore -D: CRaC's property" "-Djdk.crac.resource-policies=$DIR/no" \
        --policies "$DIR/wrong" "-Djdk.crac.resource-policies=$DIR/new"
    is "$(grep -cxF "file: read o" "$log") $(grep -cxF "append: IOException Bad file descriptor" "$log")" \
        "2 2" "$V: restore -D: the last of all policy files counts"
    has_line "property: $DIR/new" "restore -D: the restored JVM has the property"
    run "$CKPT" restore "-Djdk.crac.resource-policies=$DIR/wrong" "$image"
    refused "$V: restore -D: a wrong file is refused with its line" "$DIR/wrong:3: port 'http'; expected"
    run "$CKPT" restore "-Djdk.crac.resource-policies=$DIR/new" -Djdk.crac.resource-policies= "$image"
    refused "$V: restore -D: an empty property means no policy file" "'$HERE/file' has changed"

    rm "$HERE/file" "$HERE/log"
    policy all 'type: file' 'path: HERE/*' 'action: close' --- 'type: socket' 'action: ignore'
    restored "restore --policies with missing files" --policies "$DIR/all"
    has_line "file: IOException Bad file descriptor" \
        "restore --policies: a missing file with action close is no obstacle"
    has_line "listener: accepted 1" "restore --policies: a listening socket with action ignore is kept"
}

# A Unix socket's name: a stale file is replaced, that of a process that listens is not.
unix_names() {
    local other
    jdk_has unix_sockets || return 0
    policy reopen 'type: socket' 'localPath: **/socket' 'action: reopen'
    OPTIONS=(addr=none "policies=$DIR/reopen")
    umask 027
    begin unix 1 unix
    umask 022
    frozen "Unix socket"
    rm "$HERE/socket"
    start "server-$V" python3 -c "import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind('$HERE/socket')
server.listen(5)
print('listening', flush=True)
sys.stdin.readable() and server.accept()[0].recv(1)
server.accept()"
    other=$pid
    wait_line "$TMP/server-$V.log" listening
    RUN_SECONDS=20
    run "$CKPT" restore "$image"
    refused "$V: Unix socket: restore: a name at which another process listens is refused" \
        "cannot listen at '.*socket' again: .*; stop the process that listens there"
    stop "$other"
    log=$TMP/unix-$V.log
    restored "Unix socket with a stale file"
    has_line "unix: accepted 1" "Unix socket: the restored JVM accepts connections"
    is "$(stat -c %a "$HERE/socket")" 750 "$V: Unix socket: the file has its old mode"
}

# A name that fills the kernel's structure, without a zero byte after it, as native code may have one.
long_name() {
    local name=$HERE/ file=$DIR/listen.py
    rm -rf "$HERE"
    mkdir -p "$HERE"
    echo data >"$HERE/data"
    while [ ${#name} -lt 108 ]; do name+=x; done
    echo 'import ctypes, os, socket, sys
server = socket.socket(socket.AF_UNIX)
address = b"\1\0" + sys.argv[1].encode()
assert ctypes.CDLL(None).bind(server.fileno(), address, len(address)) == 0
server.listen(5)
os.set_inheritable(server.fileno(), True)
os.execv(sys.argv[2], sys.argv[2:])' >"$file"
    policy name 'type: socket' 'localPath: **x' 'action: reopen'
    image=$DIR/image-name
    exec 6>&- 7>&-
    start "name-$V" python3 "$file" "$name" "$JAVA" \
        "-agentpath:$AGENT=addr=none,image=$image,policies=$DIR/name" -cp "$CP" Policies "$HERE" 1
    frozen "Unix socket with a name of 108 bytes"
    restored "Unix socket with a name of 108 bytes"
}

# Rules for TCP leave UDP alone.
by_protocol() {
    policy protocol 'type: socket' 'protocol: udp' 'action: close' --- 'type: socket' 'protocol: tcp' \
        'listening: false' 'action: close'
    OPTIONS=(addr=none "policies=$DIR/protocol")
    begin protocol 1 udp tcp listener
    frozen "protocol"
    matches "warning: .*127.0.0.1:[0-9]+'. is open: .*$DIR/protocol:1; it will receive nothing, and" \
        "protocol: the warning says what a closed UDP socket does"
    matches "warning: .* to 127.0.0.1:[0-9]+'. is open: .*$DIR/protocol:5; it will be reset" \
        "protocol: the warning says what a closed connection does"
    restored "protocol"
    has_line "listener: accepted 1" "protocol: a socket that no rule matches is kept"
    matches "^tcp: IOException" "protocol: tcp: a connection is closed"
    matches "^udp: IOException" "protocol: udp: a UDP socket is closed"
}

# A selector of which one channel is closed serves the others.
selector() {
    policy close 'type: socket' 'action: close'
    OPTIONS=(addr=none "policies=$DIR/close")
    begin watched 1 watched
    frozen "selector"
    restored "selector without one of its channels"
    has_line "watched: selected 0 and 1" "selector: a closed channel does not affect the others"
}

# A connection that waits to be accepted does not prevent a listening socket from being reopened.
waiting() {
    policy waiting 'type: socket' 'listening: true' 'action: reopen' --- 'type: socket' \
        "remotePort: *" 'action: close'
    OPTIONS=(addr=none "policies=$DIR/waiting")
    begin waiting 1 waiting
    frozen "listening socket with a waiting connection"
    restored "listening socket with a waiting connection"
    has_line "waiting: accepted 1 true" \
        "listening socket: it accepts after the restore, without the waiting connection"
}

# By its number: any descriptor; its copies stay open.
by_number() {
    local number
    policy none 'type: pipe' 'action: ignore'
    OPTIONS=(addr=none "policies=$DIR/none")
    begin number 1 file selected
    wait_exit "$pid"
    number=$(sed -n "s/.*descriptor \([0-9]*\) is a TCP connection.*/\1/p" "$log" | tail -n 1)
    policy none 'type: socket' 'action: ignore' 'localPort: 1' --- 'type: filedescriptor' \
        "value: $number" 'action: close'
    begin number 1 file selected
    wait_exit "$pid"
    is "$(grep -c "action close by the rule at $DIR/none:5" "$log")" 1 \
        "$V: rule by number: it matches one descriptor"

    number=$(sed -n 's/.*selector: descriptor //p' "$log" | head -n 1)
    policy none 'type: socket' 'action: close' --- 'type: filedescriptor' 'regex: .*' 'action: close' --- \
        'type: filedescriptor' "value: $number" 'action: close'
    begin selector 1 file selected
    wait_exit "$pid"
    matches "^refused: .*descriptor $number .'anon_inode:.eventpoll.'. cannot be closed by .*$DIR/none:8, " \
        "rule by number: a selector is not closed"

    exec 8<"$HERE/other" 9<&8 6>&- 7>&-
    start "copies-$V" "$JAVA" "-agentpath:$AGENT=addr=none,image=$DIR/copies" -cp "$CP" Policies "$HERE" 2
    exec 8<&- 9<&-
    frozen "rule by number: copies of one open file"
    policy eight 'type: filedescriptor' 'value: 8' 'action: close'
    restore "copies-$V" --policies "$DIR/eight" "$DIR/copies"
    frozen "rule by number: copies of one open file, second generation"
    like "$("$CKPT" inspect "$DIR/copies")" "8 +closed .* 9 +file +'$HERE/other' read at 0" \
        "$V: rule by number: one copy is closed, the other stays open"
}

body() {
    HERE=$DIR/files
    refusals
    closing
    reopening
    files
    at_restore
    unix_names
    long_name
    by_protocol
    selector
    waiting
    by_number
}
each_jdk body
done_testing
