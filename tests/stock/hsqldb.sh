# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# HSQLDB as a server: its work is rows, by JDBC.
title=HSQLDB version=2.7.4
state=(data)

server_setup() {
    fetch_file "org.hsqldb:hsqldb:$version:jar" || return
    mkdir "$DIR/server" "$DIR/data"
    mv "$FILE" "$DIR/server/hsqldb.jar"
    program "$DIR/server/hsqldb.jar" SqlClient
    port=$(free_port)
    url="jdbc:hsqldb:hsql://127.0.0.1:$port/rows;user=SA"
}

server_start() {
    launch "$JAVA" -Xmx256m "-Djava.io.tmpdir=$TEMPORARY" -cp hsqldb.jar org.hsqldb.server.Server \
        --address 127.0.0.1 --port "$port" --database.0 "file:$DIR/data/rows" --dbname.0 rows
}

# What its driver sends first: its version, the database, the user, the time zone.
server_ready() {
    speaks '\xff\xe1\x04\xc0\x1f\x00\x00\x00\x25\x00\x00\x00\x04rows'\
'\x00\x00\x00\x02SA\x00\x00\x00\x00\x00\x00\x00\x07Etc/UTC\x00\x00\x00\x00\x00'
}
server_put() { sql put "$1"; }
server_has() { sql has "$1"; }

sql() {
    client -cp "$PROGRAM" SqlClient "$url" "$@"
    succeeded
}
