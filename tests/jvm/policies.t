#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck disable=SC2034,SC2154
#
# Policy files: for each kind of descriptor what each action makes of it, in a JVM that goes on and
# in one that is restored; the first rule that matches; files given by option, by property and at a
# restore; wrong files. The program (java/Policies.java) opens the descriptors and says what became
# of them.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Policies

ALL=(file append deleted directory device fifo fifo-out pipe listener waiting unix udp tcp blocked
    selected watch)

# policy NAME LINE...: a policy file of that name, with HERE for the folder.
policy() {
    local name=$1
    shift
    printf '%s\n' "${@//HERE/$HERE}" >"$DIR/$name"
}

# begin NAME CHECKPOINTS [KIND...]: the JVM, with OPTIONS and PROPERTIES; its folder made anew.
# Sets image, and waits until everything is open.
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
    start_jvm "$name-$V" "$image" "${PROPERTIES[@]}" -cp "$CP" Policies "$HERE" "$count" "$@"
}

frozen() { # NAME
    wait_exit "$pid"
    is "$status" 137 "$V: $1" || diag "$(tail -n 30 "$log")"
}

came_back() { # NAME RESTORE-ARGUMENT...
    local name=$1
    shift
    restore "$(basename "$log" .log)" "$@" "$image"
    wait_exit "$pid"
    is "$status" 0 "$V: $name" || diag "$(tail -n 30 "$log")"
}

said() { # LINE NAME
    ok "$V: $2" grep -qxF -- "$1" "$log" || diag "$(grep -F "${1%%:*}:" "$log")"
}

matches() { # REGEX NAME
    ok "$V: $2" grep -qE -- "$1" "$log" || diag "$(tail -n 40 "$log")"
}

# No rule, and rules that refuse: all by name, and the JVM goes on.
refusals() {
    OPTIONS=(addr=none)
    begin none 1 "${ALL[@]}"
    wait_exit "$pid"
    is "$status" 0 "$V: without a policy file it is refused and the JVM goes on"
    matches 'OpenFile.*/fifo.*named pipe|named pipe .*/fifo.*by a policy file, which can also reopen' \
        "a named pipe, and that a policy file helps"
    matches 'OpenSocket.*UDP socket at 127.0.0.1:[0-9]+; .*by a policy file, which can also reopen' "UDP"
    matches 'OpenSocket.*Unix socket .*by a policy file, which can also reopen it' "a Unix listener"
    matches 'OpenSocket.*TCP connection .*by a policy file$' "a connection"
    matches 'OpenResource.*inotify.*by a policy file$' "an unknown kind"

    policy error 'type: file' 'path: HERE/oth*' 'action: ignore' --- \
        'type: file' 'path: HERE/*' 'action: error' --- 'type: pipe' 'action: ERROR' --- \
        'type: socket' 'listening: true' 'action: error' 'family: ip'
    OPTIONS=(addr=none "policies=$DIR/error")
    begin error 1 file other pipe listener
    wait_exit "$pid"
    is "$status" 0 "$V: rules with action error refuse, and the JVM goes on"
    matches "OpenFile.* descriptor [0-9]+ \('$HERE/file'\) is refused by the rule at $DIR/error:5;" \
        "a file, by the rule's first line"
    matches "OpenResource.* \('pipe:\[[0-9]+\]'\) is refused by the rule at $DIR/error:9;" "a pipe"
    matches "OpenSocket.* descriptor [0-9]+ \('127.0.0.1:[0-9]+'\) is refused by the rule at $DIR/error:12;" \
        "a socket"
    matches "warning: descriptor [0-9]+ \('$HERE/other'\) is open: action ignore by .* $DIR/error:1$" \
        "the first rule that matches, and a warning of it"
    is "$(count_lines "$log" "refused: ")" 4 "$V: and nothing else" # the pipe has two ends

    policy reopen 'type: socket' 'action: reopen'
    OPTIONS=(addr=none "policies=$DIR/reopen")
    begin connection 1 tcp
    wait_exit "$pid"
    matches 'OpenSocket.*connected from 127.*cannot be reopened by a policy: .*use action close' \
        "a connection is not reopened"
}

closing() {
    local kind bad='IOException Bad file descriptor' gone='IOException Transport endpoint is not connected'
    policy close 'type: file' 'action: close' 'path: {HERE/*,/dev/ptmx,HERE}' 'warn: false' --- \
        'type: pipe' 'action: close' 'warn: false' --- 'type: socket' 'action: close' 'warn: false' --- \
        'type: FileDescriptor' 'regex: anon_inode:inotify' 'action: Close' 'warn: false'
    OPTIONS=(addr=none)
    PROPERTIES=("-Djdk.crac.resource-policies=$DIR/close")
    begin close 2 "${ALL[@]}"
    frozen "everything closed: frozen"
    like "$("$CKPT" inspect "$image")" "closed +by a policy, was '$HERE/fifo'" "$V: inspect shows it"
    restore "close-$V" "$image"
    wait_exit "$pid"
    is "$status" 137 "$V: everything closed: back, and frozen again"
    came_back "everything closed: a second generation ends well"
    for kind in file append deleted device fifo fifo-out listener waiting unix udp; do
        is "$(grep -xcF "$kind: $bad" "$log")" 2 "$V: $kind closed: an IOException, twice" ||
            diag "$(grep "^$kind:" "$log")"
    done
    said "pipe: $bad" "pipe closed"
    matches "^tcp: IOException.*; $gone$" "a connection closed: writing and reading fail"
    said "blocked: $gone" "who was blocked reading it is woken"
    said "selected: selected 1, then $gone" "who selects it is woken"
    is "$(count_lines "$log" used)" 2 "$V: nobody hangs"
    unlike "$(<"$log")" 'warning: descriptor' "$V: warn: false is silent"
    PROPERTIES=()
}

reopening() {
    local kinds=(file append directory device fifo fifo-out pipe listener waiting udp) line
    [ "${V%%.*}" -lt 16 ] || kinds+=(unix)
    policy reopen 'type: file' 'path: HERE' 'action: reopen' --- \
        'type: file' 'path: HERE/*' 'action: reopen' --- 'type: file' 'path: /dev/pt??' 'action: reopen' --- \
        'type: pipe' 'action: ignore' --- 'type: socket' 'remotePort: *' 'localPort: *' 'family: inet4' \
        "localAddress: 127.0.0.1" 'remoteAddress: localhost' 'listening: false' 'action: reopen' --- \
        'type: socket' 'action: reopen'
    OPTIONS=(addr=none "policies=$DIR/reopen")
    begin reopen 1 "${kinds[@]/waiting/other}"
    frozen "everything to be reopened: frozen"
    [ "${V%%.*}" -lt 16 ] || isnt "$(find "$HERE/socket" -type s)" "" "$V: the Unix socket's file is left"
    echo Xbcdefghi >"$HERE/file" # which the JVM only reads: another size, another time
    echo "from outside" >&6
    came_back "everything reopened: ends well"
    said "file: read b" "a file that has changed is read at its position"
    said "append: written" "a file is appended to"
    is "$(<"$HERE/log")" more "$V: and has it"
    said "directory: size true" "a directory"
    said "device: written" "a device that would be refused"
    said "fifo: read from outside" "a named pipe is read"
    said "fifo-out: written" "a named pipe is written"
    read -r -t 10 line <&7
    is "$line" "from the JVM" "$V: and carries data"
    said "pipe: read 1" "a pipe that is ignored is kept"
    said "listener: accepted 1" "a listening socket"
    said "udp: received 3" "UDP, bound and connected"
    [ "${V%%.*}" -lt 16 ] || said "unix: accepted 1" "a listening Unix socket"
    like "$("$CKPT" inspect "$image")" "UDP socket +at 127.0.0.1:[0-9]+, connected to" \
        "$V: inspect shows UDP"

    # without anyone at the other side
    policy fifos 'type: file' 'action: reopen' 'path: **/fifo*'
    OPTIONS=(addr=none "policies=$DIR/fifos")
    begin fifos 1 fifo fifo-out
    frozen "named pipes"
    exec 6>&- 7>&-
    came_back "named pipes without the other side do not hold the restore up"
    said "fifo: read " "the reader sees an end"
    said "fifo-out: IOException Broken pipe" "the writer is told"
}

# A JVM whose rules are wrong, are put right, are changed.
files() {
    policy good 'type: file' 'path: HERE/file' 'action: close'
    policy bad 'type: file' 'path: HERE/file' 'action: shut'
    OPTIONS=(addr=none "policies=$DIR/bad")
    begin start 1 file
    wait_exit "$pid"
    isnt "$status" 0 "$V: the option with a wrong file ends the JVM's start"
    matches "error: $DIR/bad:3: action 'shut'; expected error, ignore, close or reopen" \
        "with the line and what was expected"

    OPTIONS=(addr=none "policies=$DIR/bad-option")
    policy bad-option 'type: file' 'path: HERE/file' 'action: error'
    PROPERTIES=("-Djdk.crac.resource-policies=$DIR/bad")
    begin edited 3 file
    wait_line "$log" "called off"
    matches "warning: no checkpoint is possible with -Djdk.crac.resource-policies: $DIR/bad:3: " \
        "the property with a wrong file is a warning"
    matches "^refused: .* $DIR/bad:3: action 'shut'; expected error, ignore, close or reopen" \
        "and the checkpoint is called off with the line"
    rm "$DIR/bad"
    touch "$HERE/again"
    wait_line "$log" "cannot read the policy file '$DIR/bad'" || fail "$V: a file that is gone"
    is "$(find "$image" -type f 2>/dev/null)" "" "$V: and nothing is left"
    policy bad 'type: file' 'path: HERE/file' 'action: close'
    touch "$HERE/again"
    frozen "put right, it is read anew, and comes before that of the option"
    came_back "back"
    said "file: IOException Bad file descriptor" "as the property's file says"
    PROPERTIES=()
}

at_restore() {
    local port before
    policy other 'type: file' 'path: HERE/other' 'action: close'
    OPTIONS=(addr=none "policies=$DIR/other")
    begin image 1 file other listener append
    frozen "an image"
    port=$(port_of "$log" 'listener at')
    before=$(cksum "$image"/*)
    echo longer and other >"$HERE/file"
    RUN_SECONDS=20
    run "$CKPT" restore "$image"
    refused "$V: a file that has changed is refused without a rule" "'$HERE/file' has changed"
    policy wrong '# rules' 'type: socket' 'localPort: http' 'action: close'
    run "$CKPT" restore --policies "$DIR/wrong" "$image"
    refused "$V: a wrong file at the restore" "$DIR/wrong:3: port 'http'; expected a number from 0 to 65535"
    run "$CKPT" restore --policies "$DIR/nowhere" "$image"
    refused "$V: no file at the restore" "cannot read the policy file '$DIR/nowhere'"
    policy no 'type: socket' "localPort: $port" 'action: error'
    run "$CKPT" restore "--policies=$DIR/no" "$image"
    refused "$V: error at the restore" "\('127.0.0.1:$port'\) is refused by the rule at $DIR/no:1"
    is "$(cksum "$image"/*)" "$before" "$V: the image is as it was"

    policy new 'type: file' 'path: HERE/file' 'action: reopen' --- 'type: file' 'path: HERE/log' \
        'action: close' --- 'type: socket' 'listening: true' 'action: close'
    came_back "rules given to the restore" --policies "$DIR/new"
    said "file: read o" "a file that has changed is reopened"
    said "append: IOException Bad file descriptor" "one is closed"
    said "other: IOException Bad file descriptor" "what the checkpoint closed stays closed"
    said "listener: IOException Bad file descriptor" "a listening socket is closed"

    came_back "rules given by CRaC's property" "-Djdk.crac.resource-policies=$DIR/no" \
        --policies "$DIR/wrong" "-Djdk.crac.resource-policies=$DIR/new"
    is "$(grep -cxF "file: read o" "$log") $(grep -cxF "append: IOException Bad file descriptor" "$log")" \
        "2 2" "$V: do the same, and the last of all counts"
    said "property: $DIR/new" "the restored JVM has the property"
    run "$CKPT" restore "-Djdk.crac.resource-policies=$DIR/wrong" "$image"
    refused "$V: a wrong file by the property" "$DIR/wrong:3: port 'http'; expected"
    run "$CKPT" restore "-Djdk.crac.resource-policies=$DIR/new" -Djdk.crac.resource-policies= "$image"
    refused "$V: an empty property takes it back" "'$HERE/file' has changed"

    rm "$HERE/file" "$HERE/log"
    policy all 'type: file' 'path: HERE/*' 'action: close' --- 'type: socket' 'action: ignore'
    came_back "files that are gone, and closed" --policies "$DIR/all"
    said "file: IOException Bad file descriptor" "are not looked for"
    said "listener: accepted 1" "ignore leaves it to the image"
}

# A Unix socket's name: a stale file is replaced, somebody who listens is not.
unix_names() {
    local other
    [ "${V%%.*}" -ge 16 ] || return 0
    policy reopen 'type: socket' 'localPath: **/socket' 'action: reopen'
    OPTIONS=(addr=none "policies=$DIR/reopen")
    umask 027
    begin unix 1 unix
    umask 022
    frozen "a Unix socket"
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
    refused "$V: a Unix socket at whose name somebody listens" \
        "cannot listen at '.*socket' again: .*; stop whoever listens there"
    stop "$other"
    log=$TMP/unix-$V.log
    came_back "replaced when nobody does"
    said "unix: accepted 1" "and it accepts"
    is "$(stat -c %a "$HERE/socket")" 750 "$V: its file has the mode that it had"
}

# A name that fills the kernel's structure, without a zero byte behind it, as native code may have one.
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
    frozen "a Unix socket with a name of 108 bytes"
    came_back "it is bound again"
}

# A selector of which one channel is closed serves the others.
selector() {
    policy close 'type: socket' 'action: close'
    OPTIONS=(addr=none "policies=$DIR/close")
    begin watched 1 watched
    frozen "a selector"
    came_back "a selector without one of its channels"
    said "watched: selected 0 and 1" "it serves the others"
}

# Who waits to be accepted does not stand against a listening socket that is reopened.
waiting() {
    policy waiting 'type: socket' 'listening: true' 'action: reopen' --- 'type: socket' \
        "remotePort: *" 'action: close'
    OPTIONS=(addr=none "policies=$DIR/waiting")
    begin waiting 1 waiting
    frozen "a listening socket at which somebody waits"
    came_back "it is reopened"
    said "waiting: accepted 1 true" "and listens again, without who waited"
}

# By its number: any descriptor; a copy of it goes on without it.
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
        "$V: a rule for one number is for one"

    exec 8<"$HERE/other" 9<&8 6>&- 7>&-
    start "copies-$V" "$JAVA" "-agentpath:$AGENT=addr=none,image=$DIR/copies" -cp "$CP" Policies "$HERE" 2
    exec 8<&- 9<&-
    frozen "copies of one open file"
    policy eight 'type: filedescriptor' 'value: 8' 'action: close'
    restore "copies-$V" --policies "$DIR/eight" "$DIR/copies"
    frozen "and again"
    like "$("$CKPT" inspect "$DIR/copies")" "8 +closed .* 9 +file +'$HERE/other' read at 0" \
        "$V: one of them closed, the other is there"
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
    selector
    waiting
    by_number
}
each_jdk body
done_testing
