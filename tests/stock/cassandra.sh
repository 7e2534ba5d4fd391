# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Cassandra: its work is rows, by its native protocol. Its distribution is not on Maven Central: the
# options are those of its conf/jvm17-server.options.
title=Cassandra version=5.0.4 most=17
state=(data server)
logs=()

server_setup() {
    fetched cassandra || return
    mkdir "$DIR/server" "$DIR/data"
    program "$LIBS" TableClient
    port=$(free_port)
    sed 's/^ *| \?//' >"$DIR/server/cassandra.yaml" <<YAML
        | cluster_name: work
        | num_tokens: 1
        | partitioner: org.apache.cassandra.dht.Murmur3Partitioner
        | data_file_directories: ["$DIR/data/data"]
        | commitlog_directory: $DIR/data/commitlog
        | hints_directory: $DIR/data/hints
        | saved_caches_directory: $DIR/data/saved_caches
        | cdc_raw_directory: $DIR/data/cdc_raw
        | commitlog_sync: periodic
        | commitlog_sync_period: 10000ms
        | disk_failure_policy: stop
        | endpoint_snitch: SimpleSnitch
        | listen_address: 127.0.0.1
        | storage_port: $(free_port)
        | start_native_transport: true
        | rpc_address: 127.0.0.1
        | native_transport_port: $port
        | memtable:
        |   configurations:
        |     default:
        |       class_name: TrieMemtable
        | seed_provider:
        |   - class_name: org.apache.cassandra.locator.SimpleSeedProvider
        |     parameters:
        |       - seeds: "127.0.0.1"
YAML
}

server_start() {
    local options=() option
    for option in jdk.attach/sun.tools.attach jdk.compiler/com.sun.tools.javac.file \
        jdk.internal.opt/jdk.internal.opt jdk.internal.jvmstat/sun.jvmstat.monitor java.base/java.io \
        java.base/java.lang \
        java.base/java.lang.module java.base/java.lang.reflect java.base/java.net java.base/java.nio \
        java.base/java.util java.base/java.util.concurrent java.base/java.util.concurrent.atomic \
        java.base/jdk.internal.loader java.base/jdk.internal.math java.base/jdk.internal.misc \
        java.base/jdk.internal.module java.base/jdk.internal.ref java.base/jdk.internal.reflect \
        java.base/jdk.internal.util java.base/jdk.internal.util.jar java.base/jdk.internal.vm \
        java.base/sun.nio.ch java.management/com.sun.jmx.remote.security \
        java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/java.rmi.registry \
        java.rmi/java.rmi.server java.rmi/sun.rmi.registry java.rmi/sun.rmi.server \
        java.rmi/sun.rmi.transport.tcp jdk.management/com.sun.management.internal; do
        options+=("--add-opens=$option=ALL-UNNAMED" "--add-exports=$option=ALL-UNNAMED")
    done
    launch "$JAVA" -Xms512m -Xmx512m -XX:+UseG1GC "${options[@]}" -Djdk.attach.allowAttachSelf=true \
        "-Djava.io.tmpdir=$TEMPORARY" "-javaagent:$(printf '%s' ${LIBS%/*}/jamm-*.jar)" \
        "-Dcassandra.config=file://$DIR/server/cassandra.yaml" "-Dcassandra.storagedir=$DIR/data" \
        -Dcassandra-foreground=yes -cp "$LIBS" org.apache.cassandra.service.CassandraDaemon
}

# OPTIONS of version 4 of its protocol.
server_ready() { speaks '\x04\x00\x00\x00\x05\x00\x00\x00\x00'; }
server_put() { rows put "$1"; }
server_has() { rows has "$1"; }

rows() {
    client -cp "$PROGRAM" TableClient "$port" "$@"
    succeeded
}
