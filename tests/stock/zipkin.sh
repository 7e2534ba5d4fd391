# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Zipkin: its work is spans.
title=Zipkin version=3.5.1

server_setup() {
    fetch_file "io.zipkin:zipkin-server:$version:jar:exec" || return
    mkdir "$DIR/server"
    mv "$FILE" "$DIR/server/zipkin.jar"
    port=$(free_port)
}

server_start() {
    launch "$JAVA" -Xmx384m "-Djava.io.tmpdir=$TEMPORARY" -jar zipkin.jar \
        --armeria.ports[0].ip=127.0.0.1 "--armeria.ports[0].port=$port" '--armeria.ports[0].protocols[0]=http'
}

server_ready() { http_answers /health; }

# The ID of a trace is made of the key.
trace() { printf '%016x' "$(cksum <<<"$1" | cut -d ' ' -f 1)"; }

server_put() {
    local span='[{"traceId": "%s", "id": "%s", "name": "%s", "timestamp": 1700000000000000, "duration": 5}]'
    # shellcheck disable=SC2059
    [ "$(get /api/v2/spans -H 'Content-Type: application/json' \
        -d "$(printf "$span" "$(trace "$1")" "$(trace "$1")" "$1")")" = " 202" ]
    in_time server_has "$1"
}

server_has() { [[ $(get "/api/v2/trace/$(trace "$1")") == *"\"name\":\"$1\""*" 200" ]]; }
