# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# ActiveMQ Classic: its work is messages, by STOMP.
title='ActiveMQ Classic' version=5.17.6 most=17
state=(server/data server/tmp)
logs=('server/data/*.log')

server_setup() {
    unpack "org.apache.activemq:apache-activemq:$version:tar.gz:bin" || return
    loopback conf/activemq.xml 61613 61616 5672 1883 61614
    sed -i "s/8161/$(free_port)/" "$DIR/server/conf/jetty.xml"
    mkdir -p "$DIR/server/tmp"
}

server_start() {
    launch env "ACTIVEMQ_OPTS_MEMORY=-Xmx256m" bin/activemq console
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
