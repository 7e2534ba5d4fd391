# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Artemis with a journal on NIO (a checkpoint refuses the ring of libaio): its work is messages, by STOMP.
title='Artemis (journal NIO)' version=2.40.0
state=(broker)
logs=('broker/log/*')

server_setup() {
    unpack "org.apache.activemq:apache-artemis:$version:tar.gz:bin" || return
    run "$DIR/server/bin/artemis" create "$DIR/broker" --user work --password work --allow-anonymous \
        --host 127.0.0.1 --http-port "$(free_port)" --java-memory 512M --no-autotune --nio
    is "$status" 0 "$what: a broker is made" || { diag "$out$err" && return 1; }
    loopback ../broker/etc/broker.xml 61613 61616 5672 5445 1883
}

server_start() {
    launch "$DIR/broker/bin/artemis" run
}

server_ready() {
    speaks 'CONNECT\x0aaccept-version:1.2\x0ahost:localhost\x0a\x0a\x00'\
'DISCONNECT\x0a\x0a\x00'
}
server_put() { messages put "$1"; }
server_has() { messages has "$1"; }

messages() {
    run python3 "$TOP/tests/lib/stomp-client.py" "$port" "$@"
    succeeded
}
