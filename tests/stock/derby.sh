# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Derby's network server: its work is rows, by JDBC.
title=Derby version=10.17.1.0
least=21
state=(data)

server_setup() {
    fetched derby || return
    mkdir "$DIR/server" "$DIR/data"
    program "$LIBS" SqlClient
    port=$(free_port)
    url="jdbc:derby://127.0.0.1:$port/rows;create=true"
}

server_start() {
    launch "$JAVA" -Xmx256m "-Djava.io.tmpdir=$TEMPORARY" "-Dderby.system.home=$DIR/data" -cp "$LIBS" \
        org.apache.derby.drda.NetworkServerControl start -h 127.0.0.1 -p "$port"
}

# EXCSAT of DRDA, without any attribute.
server_ready() { speaks '\x00\x0a\xd0\x01\x00\x01\x00\x04\x10\x41'; }

server_put() { sql put "$1"; }
server_has() { sql has "$1"; }

sql() {
    client -cp "$PROGRAM" SqlClient "$url" "$@"
    succeeded
}
