#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Child processes. They prevent a checkpoint, unless it may be without them: by --children, or because a
# policy closes their pipes. Then a JVM that continues keeps them, and a restored one finds the ends of
# their pipes and an exit value of a process that was killed. Those that have ended keep their status.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl gcc python3
compile Children Offspring

get() { # PATH
    curl -sS --max-time 90 "http://127.0.0.1:$port$1" 2>&1
}

# begin NAME RULES ARGUMENT...: sets image, port.
begin() {
    local name=$1
    image=$DIR/$name
    printf '%b' "$2" >"$DIR/rules-$name"
    shift 2
    OPTIONS=(addr=none "policies=$DIR/rules-$name")
    start_jvm "$V $name" - -cp "$CP" Children "$@"
    OPTIONS=(addr=none)
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
}

CLOSE='type: pipe\naction: close\n'

closed() {
    begin closed "$CLOSE" cat
    is "$(get /talk)" "read hello" "$V: the program talks to its child"
    run "$CKPT" checkpoint --leave-running "$pid" "$image"
    is "$status$err" 0 "$V: a child whose pipes a rule closes is no obstacle"
    like "$(<"$log")" "warning: the child process [0-9]+ \('cat'\) is not in the image" \
        "$V: a warning names the child that is not in the image"
    is "$(get /talk)" "read hello" "$V: a JVM that continues talks to its child as before"
    freeze "$pid" "$image" "$V: a JVM with a child whose pipes a rule closes" || return
    restore "$V closed" "$image"
    ok "$V: the JVM is restored without its child" answers "$port"
    is "$(get /read)" "read null" "$V: the restored JVM reads the end of the child's output"
    like "$(get /talk)" "^IOException (Broken pipe|Stream closed)" \
        "$V: the restored JVM cannot write to the child, as when that has ended"
    is "$(get /exit)" "exit 137" "$V: waitFor() in the restored JVM returns as if the child was killed"
    is "$(get /start) $(get /talk)" "started read hello" \
        "$V: the restored JVM starts another child and talks to it"
    freeze "$pid" "$image-2" "$V: the restored JVM with another child" || return
    restore "$V closed" "$image-2"
    ok "$V: the image with another child is restored" answers "$port"
    stop "$pid"
}

# A child that does not end when its pipes are closed, as `tail -f` does within a second.
lasting() {
    local child
    mkfifo "$DIR/lasting-fifo"
    begin lasting "$CLOSE" sh -c 'read -r line <"$0"' "$DIR/lasting-fifo"
    child=$(pgrep -P "$pid" -x sh)
    freeze "$pid" "$image" "$V: a JVM whose child lasts" || return
    restore "$V lasting" "$image"
    ok "$V: a JVM whose child lasts is restored" answers "$port"
    is "$(get /read)" "read null" "$V: the output of a child that lasts has ended for the restored JVM"
    is "$(get /exit)" "exit 137" "$V: waitFor() does not wait for the old child"
    ok "$V: the old child runs on" kill "$child"
    stop "$pid"
}

refused_children() {
    begin none 'type: file\npath: /nonexistent\naction: close\n' cat
    run "$CKPT" checkpoint "$pid" "$image"
    like "$status$err" "^1.*the child process [0-9]+ \('cat'\) runs; .*--children=end or --children=ignore" \
        "$V: without a rule a child is refused, with its command line and the options"
    unlike "$err" "pipe:" "$V: the pipes of a child are no obstacles of their own"
    stop "$pid"
    begin quiet "$CLOSE" quiet cat
    run "$CKPT" checkpoint "$pid" "$image"
    like "$status$err" "^1.*the child process [0-9]+ \('tail -f /dev/null'\) runs" \
        "$V: a child without pipes is refused, whatever happens to the pipes of others"
    get /start >"$TMP/started"
    get /quiet >"$TMP/started"
    get /quiet >"$TMP/started"
    run "$CKPT" checkpoint "$pid" "$image"
    like "$err" "\('tail -f /dev/null'\) and 2 others like it run" "$V: children of one kind are one line"
    freeze "$pid" "$image" "$V: a JVM with many children" --children=end || return
    restore "$V quiet" "$image"
    ok "$V: a JVM that had many children is restored" answers "$port"
    stop "$pid"
}

# runs PID: it may be a zombie, where the first process does not wait for orphans.
runs() {
    grep -q '^State:[[:blank:]]*[A-Yt]' "/proc/$1/status" 2>/dev/null
}

# The child and what it has started end with the JVM, and not before.
ended_children() {
    local child
    begin end '' sh -c 'cat | cat; exit 3'
    child=$(pgrep -P "$pid" -x sh)
    is "$(get /talk)" "read hello" "$V: the program talks to children of its child"
    run "$CKPT" checkpoint --leave-running --children=end "$pid" "$image"
    is "$status$err" 0 "$V: a checkpoint may be without children"
    like "$(<"$log")" "warning: the child process $child \('sh -c cat \| cat; exit 3'\) is not in the image" \
        "$V: a warning has the command line of the child"
    is "$(get /talk)" "read hello" "$V: a JVM that continues keeps its children, also with --children=end"
    run "$CKPT" check --outside --children=end "$pid"
    like "$status$out" "^0.*limited +child processes: .* is $child \('sh'\), are not in .*; they are ended" \
        "$V: check --outside --children=end: children are no obstacle"
    run "$CKPT" check --children=end "$pid"
    like "$status$out" "^0.*limited +warning: the child process $child \('sh -c .*; exit 3'\) is not in" \
        "$V: check --children=end: a warning names the child"
    run "$CKPT" check "$pid"
    like "$status$out" "^1.*\('sh -c cat \| cat; exit 3'\) runs; end it" \
        "$V: check: a semicolon in a child's command is no end of the reason"
    run "$CKPT" checkpoint --children=end "$pid" /proc/none
    is "$status" 1 "$V: a checkpoint into an impossible directory fails"
    is "$(get /talk)" "read hello" "$V: a checkpoint that fails ends no child"
    freeze "$pid" "$image" "$V: a JVM whose children are to end" --children=end || return
    not_ok "$V: the child has ended with the JVM" runs "$child"
    restore "$V end" "$image"
    ok "$V: the JVM is restored without its children" answers "$port"
    is "$(get /read)" "read null" "$V: the restored JVM reads the end of their output"
    is "$(get /exit)" "exit 143" "$V: waitFor() returns the status of a child that SIGTERM has ended"
    stop "$pid"
}

unread_output() {
    begin unread '' sh -c 'echo early; exec tail -f /dev/null'
    is "$(get /written)" written "$V: a child has written what the program has not read"
    freeze "$pid" "$image" "$V: a JVM with output of a child" --children=end || return
    restore "$V unread" "$image"
    ok "$V: the JVM is restored with output of a child" answers "$port"
    is "$(get /read) $(get /read)" "read early read null" "$V: the output is read, and then its end"
    stop "$pid"
}

stubborn_children() {
    local child
    begin stubborn '' sh -c 'trap "" TERM; while :; do tail -f /dev/null; done'
    child=$(pgrep -P "$pid" -x sh)
    freeze "$pid" "$image" "$V: a JVM with a child that ignores SIGTERM" --children=end || return
    not_ok "$V: a child that ignores SIGTERM is killed" runs "$child"
}

ignored_children() {
    local child
    mkfifo "$DIR/ignore-fifo"
    begin ignore '' sh -c 'trap "" HUP PIPE; while read -r line; do echo "$line"; done; read -r line <"$0"' \
        "$DIR/ignore-fifo"
    child=$(pgrep -P "$pid" -x sh)
    is "$(get /talk)" "read hello" "$V: the program talks to its script"
    freeze "$pid" "$image" "$V: a JVM with a child that is ignored" --children=ignore || return
    restore "$V ignore" "$image"
    ok "$V: the JVM is restored while its old child runs" answers "$port"
    is "$(get /read)" "read null" "$V: the output of the old child has ended"
    is "$(get /exit)" "exit 137" "$V: waitFor() returns while the old child runs"
    is "$(get /destroy)" "destroyed" "$V: destroy() of the old child does nothing"
    ok "$V: the old child is unharmed" kill "$child"
    stop "$pid"
}

# A child that asks for the checkpoint gets its answer, with the script that it runs in.
asking_child() {
    mkfifo "$DIR/ask"
    begin asks '' sh -c 'read -r line <"$2"; "$0" checkpoint --children=end $PPID "$1" >"$1.out" 2>&1
        echo "status $?" >>"$1.out"' "$CKPT" "$DIR/asks" "$DIR/ask"
    get /quiet >"$TMP/started"
    clients_are_gone "$port"
    release "$DIR/ask"
    wait_line "$DIR/asks.out" "status "
    is "$(<"$DIR/asks.out")" "status 0" "$V: a child that asks for a checkpoint gets the answer" || return
    wait_exit "$pid"
    is "$status" 137 "$V: a JVM whose child asks for its checkpoint is frozen"
    restore "$V asks" "$DIR/asks"
    ok "$V: the JVM is restored without the child that asked" answers "$port"
    is "$(get /exit)" "exit 143" "$V: waitFor() returns for the child that asked"
    stop "$pid"
}

# More children than the table once had room for.
many_children() {
    local count=260 i RUN_SECONDS=600 # each walk reads the descriptors of all children
    begin many '' cat
    for ((i = 0; i < count; i++)); do
        get /several >"$TMP/started"
    done
    clients_are_gone "$port"
    freeze "$pid" "$image" "$V: a JVM with $count children" --children=end || return
    restore "$V many" "$image"
    ok "$V: a JVM that had $count children is restored" answers "$port"
    is "$(get /exits)" "{143=$count}" "$V: waitFor() returns the status of each of them"
    stop "$pid"
}

# A child whose descriptors this user cannot read may have a pipe of the JVM, or not.
hidden_child() {
    image=$USER_DIR/hidden-$V
    printf '%b' "$CLOSE" >"$DIR/rules-hidden"
    start_jvm "hidden-$V" as_user - -cp "$CP" Children python3 -c 'import ctypes, sys
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) # PR_SET_DUMPABLE
print("hidden", flush=True)
sys.stdin.read()'
    wait_line "$log" "ready " && port=$(port_of "$log" ready)
    is "$(get /written)" written "$V: a child hides its descriptors"
    run "$CKPT" checkpoint --children=end "$pid" "$image"
    like "$status$err" "^1.*one end of 'pipe:.*, whose other end may be in the child process [0-9]+, whose" \
        "$V: pipes to a child that hides its descriptors are refused with its ID"
    run "$CKPT" checkpoint --children=end --policies="$DIR/rules-hidden" "$pid" "$image"
    is "$status$err" 0 "$V: a rule closes pipes to a child that hides its descriptors"
}

# Children of native code that have ended and were not waited for.
ended_before() {
    local library=$CLASSES/liboffspring-$V.so line user
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -o "$library" \
        "$TOP/tests/jvm/java/offspring.c" 2>"$TMP/gcc.err"; then
        skip "$V: ended children" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
        return
    fi
    for user in '' as_user; do
        OPTIONS=(addr=none children=ignore)
        image=$USER_DIR/ended-$V$user
        start_jvm "ended-$V$user" ${user:+"$user"} "$image" -cp "$CP" Offspring "$library" 2
        OPTIONS=(addr=none)
        wait_exit "$pid"
        is "$status" 137 "$V: a JVM whose children have ended can be frozen" || diag "$(<"$log")"
        line=$(sed -n 's/^children //p' "$log")
        restore "ended-$V$user" ${user:+"$user"} "$image"
        wait_exit "$pid"
        is "$status" 137 "$V: it can be frozen in its next life" || diag "$(<"$log")"
        # shellcheck disable=SC2086 # two numbers
        kill $line
        restore "ended-$V$user" ${user:+"$user"} "$image"
        wait_exit "$pid"
        is "$(grep -E '^(waited|informed|ended|then)' "$log" | sort)" "$(printf '%s\n' \
            'ended [9, 11, 1792]' 'informed 2 9 1' 'then -1' 'waited 9')" \
            "$V: native code gets the status of children that had ended${user:+, as an ordinary user}" ||
            diag "$(<"$log")"
    done
}

body() {
    closed
    lasting
    refused_children
    ended_children
    unread_output
    stubborn_children
    ignored_children
    asking_child
    many_children
    hidden_child
    ended_before
}
user_ready
SIMPLE=$(for_user "$SIMPLE")
CP=$CLASSES:$SIMPLE
each_jdk body
done_testing
