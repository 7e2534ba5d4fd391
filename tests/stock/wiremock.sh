# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# WireMock: its work is stubs, which it stores, and requests to them.
title=WireMock version=3.13.2
state=(server tmp)

server_setup() {
    fetch_file "org.wiremock:wiremock-standalone:$version:jar" || return
    mkdir "$DIR/server"
    mv "$FILE" "$DIR/server/wiremock.jar"
    port=$(free_port)
}

server_start() {
    launch "$JAVA" -Xmx256m "-Djava.io.tmpdir=$TEMPORARY" -jar wiremock.jar --port "$port" \
        --bind-address 127.0.0.1
}

server_ready() { http_answers /__admin/health; }

server_put() {
    local stub='{"request": {"urlPath": "/%s"}, "response": {"body": "%s"}, "persistent": true}'
    # shellcheck disable=SC2059
    [[ $(get /__admin/mappings -d "$(printf "$stub" "$1" "$1")") == *" 201" ]]
}

server_has() { [ "$(get "/$1")" = "$1 200" ]; }
