# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Jetty: its work is a folder that it deploys when it appears.
title=Jetty version=12.0.22
state=(server/base tmp)

server_setup() {
    unpack "org.eclipse.jetty:jetty-home:$version:tar.gz" || return
    port=$(free_port)
    mkdir "$DIR/server/base"
    run env -C "$DIR/server/base" "$JAVA" -jar ../start.jar --add-modules=http,ee10-deploy,requestlog
    is "$status" 0 "$what: its modules are configured"
}

server_start() {
    launch env -C "$DIR/server/base" "$JAVA" -Xmx256m "-Djava.io.tmpdir=$TEMPORARY" -jar ../start.jar \
        "jetty.http.port=$port" jetty.http.host=127.0.0.1 jetty.deploy.scanInterval=1
}

server_put() {
    mkdir "$DIR/$1"
    printf '%s' "$1" >"$DIR/$1/index.html"
    mv "$DIR/$1" "$DIR/server/base/webapps/$1"
    in_time server_has "$1"
}

server_ready() { speaks 'GET / HTTP/1.0\x0d\x0a\x0d\x0a'; } # 404: nothing is deployed yet
server_has() { [ "$(get "/$1/")" = "$1 200" ]; }
