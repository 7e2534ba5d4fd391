# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Spark with its user interface, in local mode: its work is jobs with a shuffle, on cached data.
title='Spark (local)' version=4.0.1 most=21
state=(data tmp)

server_setup() {
    fetched spark || return
    mkdir "$DIR/server" "$DIR/data"
    program "$LIBS" SparkServer
    port=$(free_port)
    ui=$(free_port)
}

server_start() {
    local options=(-Xmx512m "-Djava.io.tmpdir=$TEMPORARY" -Djdk.reflect.useDirectMethodHandle=false) package
    for package in lang lang.invoke lang.reflect io net nio util util.concurrent util.concurrent.atomic; do
        options+=("--add-opens=java.base/java.$package=ALL-UNNAMED")
    done
    for package in jdk.internal.ref sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar; do
        options+=("--add-opens=java.base/$package=ALL-UNNAMED")
    done
    launch env SPARK_LOCAL_IP=127.0.0.1 "$JAVA" "${options[@]}" -cp "$PROGRAM" SparkServer "$port" "$ui"
}

server_ready() { http_answers /; }
server_put() { [ "$(get "/put?${1//-/_}")" = "2 200" ]; }

server_has() {
    [ "$(get "/has?${1//-/_}")" = "2 200" ] &&
        [[ $(curl -s "http://127.0.0.1:$ui/api/v1/applications") == *'"name" : "work"'* ]]
}
