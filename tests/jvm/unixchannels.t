#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Servers at Unix sockets with a client in the same JVM: the JDK's channels and Netty's. The connection
# between the two continues, and other clients are served, over several generations.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
LIBRARIES=$(library netty-transport-native-epoll-linux-x86_64 netty-transport-classes-epoll \
    netty-transport-native-unix-common netty-transport netty-common netty-buffer netty-resolver) || exit 1
compile UnixChannels

talk() { # PATH
    timeout 60 python3 -c "import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'stranger\n')
print(s.recv(100).decode().strip())" "$1"
}

server() { # nio|netty
    local generation first
    start_jvm "$1-$V" - -Xmx64m -cp "$CP:$LIBRARIES" UnixChannels "$1" "$DIR/$1 socket"
    wait_line "$log" 5 || return
    for generation in 1 2 3; do
        freeze "$pid" "$DIR/$1-$generation" "$V, $1, generation $generation" || return
        restore "$1-$V" "$DIR/$1-$generation"
        wait_more "$log" 5 || break
        is "$(talk "$DIR/$1 socket")" "hello stranger" \
            "$V, $1, generation $generation: another client is served"
    done
    in_sequence "$log" "$V, $1: the connection inside the JVM continues in each generation"
    first=$pid
    RUN_SECONDS=20
    run "$CKPT" restore "$DIR/$1-3"
    refused "$V, $1: restore: a second clone is refused" \
        "cannot listen at .*; stop the process that listens there"
    ok "$V, $1: the first clone continues after that" wait_more "$log" 2
    stop "$first"
    restore "$1-again-$V" "$DIR/$1-3"
    ok "$V, $1: the image can be restored again" wait_more "$log" 5
    stop "$pid"
}

body() {
    ! jdk_has unix_sockets || server nio
    server netty
}
each_jdk body
done_testing
