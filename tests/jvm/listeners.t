#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck disable=SC2034
#
# Listening sockets after a restore are what they were: both families, backlog, SO_REUSEPORT, and
# non-blocking, which selectors rely on. Where one cannot be had again, the restore is refused and
# says what to do.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3 unshare setpriv
compile Listeners

# talk HOST PORT | talk PATH: connects and prints what it hears.
talk() {
    python3 -c 'import socket, sys
where = (sys.argv[1], int(sys.argv[2])) if sys.argv[2:] else sys.argv[1]
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else
                   socket.AF_INET if sys.argv[2:] else socket.AF_UNIX) as s:
    s.settimeout(20)
    s.connect(where)
    print(s.recv(99).decode())' "$@" 2>&1
}

# The flags of every socket that PID has open, by its number.
flags() { # PID
    local fd
    for fd in "/proc/$1/fd"/*; do
        [[ $(readlink "$fd") == socket:* ]] || continue
        printf '%s %s\n' "${fd##*/}" "$(sed -n 's/^flags:\t*//p' "/proc/$1/fdinfo/${fd##*/}")"
    done
}

# again NAME: frozen and restored; the flags of its listening descriptor, before and after.
again() {
    local number before
    before=$(flags "$pid")
    freeze "$pid" "$DIR/$1" "$V: $1" || return
    number=$("$CKPT" inspect "$DIR/$1" | sed -n 's/^ *\([0-9]*\) .* listens at .*/\1/p')
    restore "$1-$V" "$DIR/$1"
    wait_more "$log" 2 || fail "$V: $1 goes on"
    is "$(flags "$pid" | grep "^$number ")" "$(grep "^$number " <<<"$before")" \
        "$V: $1: blocks as little as before"
}

details() { # IMAGE
    "$CKPT" inspect "$1" | grep -o 'listens at .*'
}

any() {
    local port before
    start_jvm "any-$V" - -cp "$CP" Listeners any
    wait_line "$log" 1
    port=$(port_of "$log" any)
    again any
    is "$(talk 127.0.0.1 "$port")" any "$V: both families: IPv4"
    if grep -qs '^0*1 ' /proc/net/if_inet6; then
        is "$(talk ::1 "$port")" any "$V: and IPv6"
    else
        cannot "$V: and IPv6" "this machine has none"
    fi
    before=$(details "$DIR/any")
    freeze "$pid" "$DIR/any" "$V: again"
    like "$before" "^listens at .*:$port, backlog 7$" "$V: the backlog"
    is "$(details "$DIR/any")" "$before" "$V: is the restored one's too"
}

shared() {
    local port first
    start_jvm "shared-$V" - -cp "$CP" Listeners shared
    wait_line "$log" 1
    port=$(port_of "$log" shared)
    again shared
    first=$pid
    restore "twin-$V" "$DIR/shared"
    ok "$V: clones share a port that may be shared" wait_line "$log" 5
    stop "$first"
    ok "$V: the second goes on" wait_more "$log" 2
    is "$(talk 127.0.0.1 "$port")" shared "$V: and each listens there"
    stop "$pid"
}

unix() {
    printf '%s\n' 'type: socket' 'action: reopen' 'warn: false' >"$DIR/policies"
    OPTIONS+=("policies=$DIR/policies")
    start_jvm "unix-$V" - -cp "$CP" Listeners unix "$DIR/socket"
    OPTIONS=(addr=none)
    wait_line "$log" 1
    again unix
    is "$(talk "$DIR/socket")" unix "$V: a Unix socket"
    stop "$pid"
}

# Another machine has other addresses, and another user may not have this port.
elsewhere() {
    local network=(unshare --net bash -c
        'ip link set lo up && ip address add 192.0.2.7/32 dev lo && exec "$@"' -)
    if [ "$(id -u)" -ne 0 ] || ! "${network[@]}" true 2>/dev/null; then
        cannot "$V: addresses that cannot be had" "no network can be made here"
        return
    fi
    CONFINE=("${network[@]}")
    start_jvm "there-$V" - -cp "$CP" Listeners at 192.0.2.7 80
    CONFINE=()
    wait_line "$log" 1
    freeze "$pid" "$DIR/there" "$V: there" || return
    run "$CKPT" restore "$DIR/there"
    refused "$V: an address that is another machine's" \
        "cannot listen at 192.0.2.7:80 again: no such address .*; give the machine that address, or close"
    run "${network[@]}" setpriv --bounding-set=-net_bind_service "$CKPT" restore "$DIR/there"
    refused "$V: a port that is not for this user" \
        "cannot listen at 192.0.2.7:80 again: permission denied; ports below 1024 are for root"
}

body() {
    any
    [ "$V" = 8 ] || shared
    [ "$V" -lt 16 ] || unix
    elsewhere
}
RUN_SECONDS=20
each_jdk body
done_testing
