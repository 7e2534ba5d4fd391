# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# ZooKeeper: its work is nodes, and a watch on each.
title=ZooKeeper version=3.9.3
state=(server)

server_setup() {
    fetched zookeeper || return
    mkdir "$DIR/server"
    program "$LIBS" NodeClient
    port=$(free_port)
    printf '%s\n' "dataDir=$DIR/server/data" "clientPort=$port" clientPortAddress=127.0.0.1 \
        admin.enableServer=false tickTime=2000 >"$DIR/server/zoo.cfg"
}

server_start() {
    launch "$JAVA" -Xmx256m "-Djava.io.tmpdir=$TEMPORARY" -cp "$LIBS" \
        org.apache.zookeeper.server.quorum.QuorumPeerMain zoo.cfg
}

server_ready() { speaks srvr; }
server_put() { nodes put "$1"; }
server_has() { nodes has "$1"; }

nodes() {
    client -cp "$PROGRAM" NodeClient "127.0.0.1:$port" "$@"
    succeeded
}
