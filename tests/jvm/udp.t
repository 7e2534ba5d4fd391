#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# UDP sockets are kept without a policy: addresses, every option that can be set, multicast groups on
# interfaces that have other numbers after the restore; what cannot be kept is refused by name.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Shown

# A network of its own with two interfaces, "one" and "two", and $2 others before them.
cat >"$TMP/network" <<'SH'
set -e
others=$1 first=$2
shift 2
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
ip link set lo up
for i in $(seq 1 "$others"); do ip link add "other$i" type bridge; done
for name in one two; do ip link add "$name" type bridge; ip link set "$name" up; done
ip address add "$first/24" dev one
ip address add "${NETWORK_TWO:-10.9.2.1}/24" dev two
ip address add fe80::1/64 dev one nodad
exec "$@"
SH
network() { # OTHERS ADDRESS: sets CONFINE
    CONFINE=(unshare --net bash "$TMP/network" "$1" "$2")
}

said() { # what is not about a socket
    grep -v '^life' "$log" | tail -n 5
}

shown() { # LIFE
    sed -n "s/^life $1: //p" "$log" | sort -u
}

same_in_all() { # WHAT
    local life
    isnt "$(shown 0)" "" "$V: $1: the program shows its sockets"
    for life in 1 2; do
        is "$(diff <(shown 0) <(shown $life) | cut -c1-160 | head -n 4)" "" \
            "$V: $1: sockets are the same in life $life" || diag "$(said)"
    done
    is "$(grep -c '^failed' "$log")" 0 "$V: $1: the program makes its sockets" ||
        diag "$(grep '^failed' "$log")"
}

generations() { # KIND
    local life
    start_jvm "$1-$V" "$DIR/$1" -cp "$CP" Shown "$LIBRARY" "$1" 2
    for life in 1 2; do
        wait_exit "$pid"
        is "$status" 137 "$V: $1: the JVM is frozen for life $life" || diag "$(said)"
        [ "$life" != 2 ] || "$CKPT" inspect "$DIR/$1" >"$DIR/$1.text"
        [ "$1 $life" != "groups 1" ] || network 5 10.9.1.7
        [ "$1 $life" != "groups 2" ] || network 2 10.9.1.1
        restore "$1-$V" "$DIR/$1"
    done
    wait_exit "$pid"
    is "$status" 0 "$V: $1: the last life ends with 0" || diag "$(said)"
    same_in_all "$1"
}

groups() {
    if [ "$(id -u)" != 0 ] || ! unshare --net bash "$TMP/network" 1 10.9.1.1 true 2>/dev/null; then
        skip "$V: multicast groups are joined again" "needs root and bridges in a network namespace"
        return
    fi
    network 0 10.9.1.1
    generations groups
    like "$(<"$DIR/groups.text")" 'UDP socket +at 0.0.0.0:7001, in 239.1.2.3 on one' \
        "$V: groups: inspect shows the groups"
    # Where an interface is missing, and where an address is.
    CONFINE=(unshare --net)
    run "${CONFINE[@]}" "$CKPT" restore "$DIR/groups"
    refused "$V: groups: a restore without the interface is refused" \
        "no network interface '(one|two)' here"
    NETWORK_TWO=10.9.2.9
    export NETWORK_TWO
    network 3 10.9.1.1
    restore "groups-$V" "$DIR/groups"
    wait_exit "$pid"
    is "$status" 0 "$V: groups: a JVM is restored where an interface has another address"
    contains "$(shown 2 | grep -c 'if4 10.9.2.9')" 1 \
        "$V: groups: multicast is sent over the same interface, by its present address"
    unset NETWORK_TWO
    CONFINE=()
}

# Refused by name, and the JVM continues.
unsaved() { # KIND TEXT
    start_jvm "$1-$V" "$DIR/$1" -cp "$CP" Shown "$LIBRARY" "$1" 1
    wait_exit "$pid"
    is "$status" 3 "$V: $1: the checkpoint is refused"
    like "$(grep refused: "$log")" "$2" "$V: $1: it is named" || diag "$(said)"
}

taken() {
    local image=$DIR/states
    restore "first-$V" "$DIR/states"
    wait_exit "$pid"
    is "$status" 0 "$V: states: the image is restored once more"
    python3 - "$(sed -n 's/^life 0: 0: .* at 127.0.0.1%:\([0-9]*\) .*/\1/p' "$log1" | head -n 1)" \
        "$CKPT" "$image" >"$DIR/taken" 2>&1 <<'PYTHON' || true
import socket, subprocess, sys
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(("127.0.0.1", int(sys.argv[1])))
sys.exit(subprocess.call([sys.argv[2], "restore", sys.argv[3]]))
PYTHON
    like "$(<"$DIR/taken")" 'cannot bind to 127.0.0.1:[0-9]+ again.*in use.*stop the process' \
        "$V: states: a restore is refused while another process has the port"
}

body() {
    LIBRARY=$CLASSES/libudp.so
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -o "$LIBRARY" \
        "$TOP/tests/jvm/java/udp.c" 2>"$TMP/gcc.err"; then
        skip "$V: UDP sockets are kept" "gcc and the JDK's jni.h are needed: $(head -n 3 "$TMP/gcc.err")"
        return
    fi
    generations options
    generations states
    log1=$log
    taken
    groups
    unsaved filter 'is a UDP socket at no address with a packet filter, which cannot be restored'
    unsaved cork 'with UDP_CORK'
    unsaved ipoptions 'with IP options'
    unsaved udplite 'is a UDP-Lite socket'
    unsaved netlink 'is a netlink socket'
    [ "$(id -u)" != 0 ] || unsaved raw 'is a raw IP socket'
    [ "$(id -u)" != 0 ] || unsaved packet 'is a packet socket'
    if [ "$(id -u)" = 0 ] && unshare --net true 2>/dev/null; then
        CONFINE=(unshare --net bash -c 'sysctl -qw net.ipv4.ping_group_range="0 0" && exec "$@"' -)
        unsaved ping 'is an ICMP socket'
        CONFINE=()
    fi
}
each_jdk body
done_testing
