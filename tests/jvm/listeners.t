#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck disable=SC2034
#
# Listening sockets have their properties after a restore: both families, backlog, SO_REUSEPORT, and
# non-blocking, which selectors rely on. If one cannot be opened again, the restore is refused with a
# hint.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3 unshare setpriv
compile Listeners

# talk HOST PORT | talk PATH: connects and prints what it receives.
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

# freeze_and_restore NAME: compares the flags of the listening descriptor before and after.
freeze_and_restore() {
    local number before
    before=$(flags "$pid")
    freeze "$pid" "$DIR/$1" "$V: $1" || return
    number=$("$CKPT" inspect "$DIR/$1" | sed -n 's/^ *\([0-9]*\) .* listens at .*/\1/p')
    restore "$1-$V" "$DIR/$1"
    wait_more "$log" 2 || fail "$V: $1: the program continues"
    is "$(flags "$pid" | grep "^$number ")" "$(grep "^$number " <<<"$before")" \
        "$V: $1: the flags of the listening socket are restored"
}

details() { # IMAGE
    "$CKPT" inspect "$1" | grep -o 'listens at .*'
}

any() {
    local port before
    start_jvm "any-$V" - -cp "$CP" Listeners any
    wait_line "$log" 1
    port=$(port_of "$log" any)
    freeze_and_restore any
    is "$(talk 127.0.0.1 "$port")" any "$V: any: a restored socket of both families accepts IPv4"
    if grep -qs '^0*1 ' /proc/net/if_inet6; then
        is "$(talk ::1 "$port")" any "$V: any: a restored socket of both families accepts IPv6"
    else
        cannot "$V: any: a restored socket of both families accepts IPv6" "this machine has none"
    fi
    before=$(details "$DIR/any")
    freeze "$pid" "$DIR/any" "$V: any: generation 1"
    like "$before" "^listens at .*:$port, backlog 7$" "$V: any: the backlog is in the image"
    is "$(details "$DIR/any")" "$before" "$V: any: the backlog is restored"
}

shared() {
    local port first
    start_jvm "shared-$V" - -cp "$CP" Listeners shared
    wait_line "$log" 1
    port=$(port_of "$log" shared)
    freeze_and_restore shared
    first=$pid
    restore "second-$V" "$DIR/shared"
    ok "$V: shared: a second clone listens at the port too" wait_more "$log" 1
    stop "$first"
    ok "$V: shared: the second clone continues after the end of the first" wait_more "$log" 2
    is "$(talk 127.0.0.1 "$port")" shared "$V: shared: the second clone accepts connections"
    stop "$pid"
}

unix() {
    start_jvm "unix-$V" - -cp "$CP" Listeners unix "$DIR/socket"
    wait_line "$log" 1
    freeze_and_restore unix
    is "$(talk "$DIR/socket")" unix "$V: unix: a restored Unix socket accepts connections"
    stop "$pid"
}

# Another machine has other addresses, and another user may not use this port.
elsewhere() {
    local network=(unshare --net bash -c
        'ip link set lo up && ip address add 192.0.2.7/32 dev lo && exec "$@"' -)
    if [ "$(id -u)" -ne 0 ] || ! "${network[@]}" true 2>/dev/null; then
        cannot "$V: restore: an address of another machine is refused" "no network can be made here"
        return
    fi
    CONFINE=("${network[@]}")
    start_jvm "there-$V" - -cp "$CP" Listeners at 192.0.2.7 80
    CONFINE=()
    wait_line "$log" 1
    freeze "$pid" "$DIR/there" "$V: at an address" || return
    run "$CKPT" restore "$DIR/there"
    refused "$V: restore: an address of another machine is refused" \
        "cannot listen at 192.0.2.7:80 again: no such address .*; give the machine that address, or close"
    run "${network[@]}" setpriv --bounding-set=-net_bind_service "$CKPT" restore "$DIR/there"
    refused "$V: restore: a port that the user may not use is refused" \
        "cannot listen at 192.0.2.7:80 again: permission denied; ports below 1024 are for root"
}

body() {
    any
    ! jdk_has shared_ports || shared
    ! jdk_has unix_sockets || unix
    elsewhere
}
RUN_SECONDS=20
each_jdk body
done_testing
