# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Keycloak: its work is realms, which its administrator makes.
title=Keycloak version=26.4.5
state=(server/data)
jvm_word=io.quarkus.bootstrap.runner.QuarkusEntryPoint

server_setup() {
    unpack "org.keycloak:keycloak-quarkus-dist:$version:zip" || return
    port=$(free_port)
}

server_start() {
    launch env KC_BOOTSTRAP_ADMIN_USERNAME=work KC_BOOTSTRAP_ADMIN_PASSWORD=work \
        "JAVA_OPTS_KC_HEAP=-Xms64m -Xmx512m" "JAVA_OPTS_APPEND=-Djava.io.tmpdir=$TEMPORARY" \
        bin/kc.sh start-dev --http-host=127.0.0.1 "--http-port=$port"
}

server_ready() { http_answers /realms/master; }

server_put() {
    local token
    token=$(get /realms/master/protocol/openid-connect/token -d client_id=admin-cli -d username=work \
        -d password=work -d grant_type=password | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
    [ "$(get /admin/realms -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
        -d "{\"realm\": \"$1\", \"enabled\": true}")" = " 201" ]
}

server_has() { [[ $(get "/realms/$1") == *"\"realm\":\"$1\""*" 200" ]]; }
