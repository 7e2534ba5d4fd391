#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Child processes whose pipes a policy closes: they are no obstacle, a JVM that continues keeps them,
# and a restored one finds the ends of their pipes. Without such a rule they prevent a checkpoint.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Children

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
    is "$(get /exit)" "exit 0" "$V: waitFor() in the restored JVM returns"
    is "$(get /start) $(get /talk)" "started read hello" \
        "$V: the restored JVM starts another child and talks to it"
    freeze "$pid" "$image-2" "$V: the restored JVM with another child" || return
    restore "$V closed" "$image-2"
    ok "$V: the image with another child is restored" answers "$port"
    stop "$pid"
}

# A child that does not end when its pipes are closed.
lasting() {
    local child
    begin lasting "$CLOSE" tail -f /dev/null
    child=$(pgrep -P "$pid" -x tail)
    freeze "$pid" "$image" "$V: a JVM whose child lasts" || return
    restore "$V lasting" "$image"
    ok "$V: a JVM whose child lasts is restored" answers "$port"
    is "$(get /read)" "read null" "$V: the output of a child that lasts has ended for the restored JVM"
    kill "$child"
    is "$(get /exit)" "exit 0" "$V: waitFor() returns when the old child has ended"
    stop "$pid"
}

refused_children() {
    begin none 'type: file\npath: /nonexistent\naction: close\n' cat
    run "$CKPT" checkpoint "$pid" "$image"
    like "$status$err" "^1.*running child process .*close its pipes by a policy" \
        "$V: without a rule a child is refused with a hint at policies"
    like "$err" "is one end of 'pipe:" "$V: without a rule the pipes of a child are refused"
    stop "$pid"
    begin quiet "$CLOSE" quiet cat
    run "$CKPT" checkpoint "$pid" "$image"
    like "$status$err" "^1.*running child process" \
        "$V: a child without pipes is refused, whatever happens to the pipes of others"
    stop "$pid"
}

body() {
    closed
    lasting
    refused_children
}
each_jdk body
done_testing
