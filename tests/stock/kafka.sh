# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Kafka in KRaft mode, broker and controller in one process: its work is records.
title='Kafka (KRaft)' version=3.9.0
state=(data)
logs=()

server_setup() {
    local controller
    fetched kafka || return
    mkdir "$DIR/server" "$DIR/data"
    program "$LIBS" RecordClient
    port=$(free_port)
    controller=$(free_port)
    printf '%s\n' "process.roles=broker,controller" node.id=1 "log.dirs=$DIR/data" \
        "controller.quorum.voters=1@127.0.0.1:$controller" controller.listener.names=CONTROLLER \
        "listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller" \
        offsets.topic.replication.factor=1 group.initial.rebalance.delay.ms=0 \
        offsets.topic.num.partitions=1 >"$DIR/server/server.properties"
    client -cp "$LIBS" kafka.tools.StorageTool format -t AAAAAAAAQACAAAAAAAAAAA \
        -c "$DIR/server/server.properties"
    is "$status" 0 "$what: its data folder is formatted" || { diag "$out$err" && return 1; }
}

server_start() {
    launch "$JAVA" -Xmx384m "-Djava.io.tmpdir=$TEMPORARY" -cp "$LIBS" kafka.Kafka server.properties
}

# A request for the versions of its protocol, without a client's name.
server_ready() { speaks '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\x00\x00'; }
server_put() { records put "$1"; }
server_has() { records has "$1"; }

records() {
    client -cp "$PROGRAM" RecordClient "127.0.0.1:$port" "$@"
    succeeded
}
