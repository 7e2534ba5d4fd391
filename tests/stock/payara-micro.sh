# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Payara Micro: its work is requests to a web application, and metrics.
title='Payara Micro' version=6.2025.10 most=21
state=(root tmp)

server_setup() {
    fetch_file "fish.payara.extras:payara-micro:$version:jar" || return
    mkdir -p "$DIR/server/app/WEB-INF" "$DIR/root"
    mv "$FILE" "$DIR/server/payara-micro.jar"
    printf '<%%= request.getParameter("key") + session.getId().length() * 0 %%>' \
        >"$DIR/server/app/index.jsp"
    printf '%s\n' 'set configs.config.server-config.network-config.network-listeners.network-listener.'\
'http-listener.address=127.0.0.1' >"$DIR/server/local"
    port=$(free_port)
}

server_start() {
    launch "$JAVA" -Xmx512m "-Djava.io.tmpdir=$TEMPORARY" -jar payara-micro.jar --rootDir "$DIR/root" \
        --prebootcommandfile local --port "$port" --noCluster --contextRoot / --deploy "$DIR/server/app"
}

server_ready() { http_answers '/?key=ready'; }
server_put() { server_has "$1"; }
server_has() { [ "$(get "/?key=$1")" = "${1}0 200" ]; }
