# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# H2 as a server: its work is rows, by JDBC.
title=H2 version=2.3.232
state=(data)

server_setup() {
    fetch_file "com.h2database:h2:$version:jar" || return
    mkdir "$DIR/server" "$DIR/data"
    mv "$FILE" "$DIR/server/h2.jar"
    program "$DIR/server/h2.jar" SqlClient
    port=$(free_port)
    url="jdbc:h2:tcp://127.0.0.1:$port/./rows;DB_CLOSE_DELAY=-1"
}

server_start() {
    launch "$JAVA" -Xmx256m -Dh2.bindAddress=127.0.0.1 "-Djava.io.tmpdir=$TEMPORARY" -cp h2.jar \
        org.h2.tools.Server -tcp -tcpPort "$port" -ifNotExists -baseDir "$DIR/data"
}

# A version of the protocol that does not exist, which it answers with an error.
server_ready() { speaks '\x00\x00\x00\x63\x00\x00\x00\x63'; }

server_put() { sql put "$1"; }
server_has() { sql has "$1"; }

sql() {
    client -cp "$PROGRAM" SqlClient "$url" "$@"
    succeeded
}
