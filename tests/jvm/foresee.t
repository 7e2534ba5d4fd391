#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# checkpointer check PID is the pre-check: it reports what the checkpoint right after it refuses, calls
# no hook and leaves no file. Many obstacles of one kind are one line with a count.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl python3
compile Refuse

get() { # PATH
    curl -sS --max-time 60 "http://127.0.0.1:$port$1" 2>&1
}

# clients N: opens N connections to the server, and sends nothing.
clients() {
    local i handle
    handles=()
    for ((i = 0; i < $1; i++)); do
        exec {handle}<>"/dev/tcp/127.0.0.1/$port"
        handles+=("$handle")
    done
}

close_clients() {
    local handle
    for handle in "${handles[@]}"; do exec {handle}>&-; done
}

# what_of: what each refusal on stdin is about, without the exception's name and without the remedy
what_of() {
    sed -nE 's/^ +jdk\.crac[A-Za-z.]*Exception: ([^;]*).*/\1/p'
}

# foreseen NAME: each reason of a checkpoint is a finding of the check before it.
foreseen() {
    local findings reason
    run "$CKPT" check "$pid"
    findings=$out
    is "$status" 1 "$V: $1: check ends with 1"
    is "$(grep -E '^no ' <<<"$out" | grep -cvE '; .+|\(.+\)$')" 0 "$V: $1: each obstacle has a remedy"
    run "$CKPT" checkpoint "$pid" "$DIR/image"
    is "$status" 1 "$V: $1: the checkpoint is refused"
    isnt "$(what_of <<<"$err")" "" "$V: $1: it has reasons"
    while IFS= read -r reason; do
        contains "$findings" "$reason" "$V: $1: foreseen: ${reason//[0-9]/}"
    done < <(what_of <<<"$err")
}

late() {
    start "$V late" "$JAVA" -cp "$CP" Refuse child
    wait_line "$log" "ready " && port=$(port_of "$log" "ready")
    clients 6
    foreseen "an agent loaded by check"
    like "$err" ' is a TCP connection from [^;]*, and 5 more like it \(descriptors [0-9]+(, [0-9]+){4}\); ' \
        "$V: six connections are one line"
    is "$(find "$DIR" -type f -path '*image*')" "" "$V: no file is left"
    close_clients
    is "$(get /release)" released "$V: the program removes its obstacles"
    run "$CKPT" check "$pid"
    is "$status" 0 "$V: check finds no obstacle any more" || diag "$out"
    contains "$out" "pre-check: nothing prevents a checkpoint now" "$V: it says so"
    stop "$pid"
}

with_hooks() {
    start_jvm "$V hooks" - -cp "$CP" Refuse child
    wait_line "$log" "ready " && port=$(port_of "$log" "ready")
    clients 2
    run "$CKPT" check --json "$pid"
    is "$status$err" 1 "$V: check --json ends with 1, and prints no more than the document"
    is "$(python3 -c 'import json, sys
found = [f for f in json.load(sys.stdin)["findings"] if "hook" in f]
print(sum("TCP connection" in f["detail"] and f["descriptor"] > 2 and f["what"] == "socket" and f["hook"]
          for f in found), sum("child process" in f["detail"] for f in found))' <<<"$out")" "2 1" \
        "$V: check --json has each obstacle, with its descriptor, and that a hook may remove it"
    contains "$out" "resources registered with org.crac: 2; " "$V: check counts the resources with hooks"
    is "$(grep -cE '^(before|after) ' "$log")" 0 "$V: check calls no hook"
    is "$(get /)" serving "$V: the server answers after the check"
    close_clients
    stop "$pid"
}

# With the stacks where descriptors were opened, each of them is of interest.
with_stacks() {
    OPTIONS=(addr=none fd_stacks=true)
    start_jvm "$V stacks" - -cp "$CP" Refuse child
    OPTIONS=(addr=none)
    wait_line "$log" "ready " && port=$(port_of "$log" "ready")
    clients 6
    run "$CKPT" checkpoint "$pid" "$DIR/image"
    is "$(grep -c 'is a TCP connection' <<<"$err")" 6 "$V: with fd_stacks=true each connection has its line"
    unlike "$err" "more like it" "$V: with fd_stacks=true no obstacles are summarised"
    close_clients
    stop "$pid"
}

body() {
    late
    with_hooks
    with_stacks
}
each_jdk body
done_testing
