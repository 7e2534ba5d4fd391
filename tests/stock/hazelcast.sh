# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Hazelcast: its work is the entries of a map.
title=Hazelcast version=5.5.0
state=(server/logs)

server_setup() {
    unpack "com.hazelcast:hazelcast-distribution:$version:zip" || return
    chmod +x "$DIR/server/bin"/*
    program "$DIR/server/lib/*" MapClient
    port=$(free_port)
    mkdir -p "$DIR/server/logs"
    sed -i "s/<port [^>]*>[0-9]*</<port auto-increment=\"false\">$port</" "$DIR/server/config/hazelcast.xml"
}

server_start() {
    launch env "JAVA_OPTS=-Xmx256m -Dhazelcast.local.localAddress=127.0.0.1 -Djava.io.tmpdir=$TEMPORARY" \
        bin/hz-start
}

server_ready() { speaks HZC; }
server_put() { entries put "$1"; }

# Its data is in memory: a restore has what the image has.
server_has() { entries has "$1"; }

entries() {
    client -cp "$PROGRAM" MapClient "127.0.0.1:$port" "$@"
    succeeded
}
