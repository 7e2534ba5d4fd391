#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# CRIU run by hand around the hooks of the endpoint, as scripts do, with the criu of this release of
# Debian on its kernel: the counter, a connection to a client outside, a child process, and a
# dump that fails. In a virtual machine of tests/vm; elsewhere no other process may take the PIDs.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
. "$TOP/tests/lib/criu.sh"
criu_ready
. "$TOP/tests/lib/criu-by-hand.sh"
need curl
compile Conversation
# Here the network is locked, as it is by default: that takes the packet filter of this release.
CRIU_OPTIONS=()

begin() { # NAME JAVA-ARGUMENT...
    local name=$1
    shift
    port=$(free_port)
    OPTIONS=("addr=localhost:$port" shutdown=false)
    start_jvm "$name-$V" - "$@"
}

counter() {
    local generation
    begin counter -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    for generation in 1 2; do
        post /before-checkpoint
        is "$code" 204 "$V: counter: the hooks are called before dump $generation"
        criu_ends "$pid" "$DIR/counter-$generation" "$V: counter, dump $generation" || return 0
        criu_restore "$DIR/counter-$generation"
        is "$status$err" 0 "$V: counter: restore $generation succeeds" || return 0
        post /after-restore
        is "$code" 204 "$V: counter: the hooks are called after restore $generation"
        ok "$V: counter: it counts after restore $generation" wait_more "$log" 2
    done
    end_restored "$pid"
    in_sequence "$log" "$V: counter: no number is lost or printed twice"
    is "$(grep -v '^[0-9]' "$log" | paste -sd ' ')" \
        "before checkpoint after restore before checkpoint after restore" \
        "$V: counter: each hook is called once in each generation"
}

# say TEXT: over the connection; sets answer.
say() {
    echo "$1" >&7
    read -r -t 60 answer <&7 || answer=none
}

connection() { # [child]
    local server what="$V: connection${1:+ with a child process}" answer
    begin "connection$*" -cp "$CP" Conversation "$@"
    server=$pid
    wait_line "$log" "listening on port"
    exec 7<>"/dev/tcp/127.0.0.1/$(port_of "$log" "listening on port")"
    say one
    is "$answer" "1 one" "$what: the server answers before the dump"

    post /before-checkpoint
    criu_dump "$server" "$DIR/refused$*"
    isnt "$status" 0 "$what: criu dumps none without --tcp-established"
    post /after-restore
    is "$code" 204 "$what: the hooks are called after the dump that failed"
    say two
    is "$answer" "2 two" "$what: it continues after the dump that failed"

    post /before-checkpoint
    criu_ends "$server" "$DIR/connection$*" "$what" --tcp-established || return 0
    criu_restore "$DIR/connection$*" --tcp-established
    is "$status$err" 0 "$what: the restore succeeds" || return 0
    post /after-restore
    is "$code" 204 "$what: the hooks are called after the restore"
    say three
    is "$answer" "3 three" "$what: it continues after the restore"
    exec 7>&-
    end_restored "$server"
}

body() {
    counter
    connection
    connection child
}
each_jdk body
done_testing
