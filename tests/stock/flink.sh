# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Flink, a cluster in one process: its work is a job, whose checkpoints go on.
title='Flink (one process)' version=2.1.1 most=21
state=(tmp)

server_setup() {
    fetched flink || return
    mkdir "$DIR/server"
    program "$LIBS" FlinkServer
    port=$(free_port)
}

server_start() {
    local options=(-Xmx768m "-Djava.io.tmpdir=$TEMPORARY") package
    for package in lang lang.reflect net io text time util util.concurrent util.concurrent.atomic \
        util.concurrent.locks; do
        options+=("--add-opens=java.base/java.$package=ALL-UNNAMED")
    done
    launch "$JAVA" "${options[@]}" -cp "$PROGRAM" FlinkServer "$port"
}

server_ready() { http_answers /jobs/overview; }

# The job is not restarted, and completes three more checkpoints of its own.
server_put() {
    local from
    in_time server_has "$1" || return
    from=$(completed)
    in_time more_than $((from + 2))
}

server_has() { [[ $(get /jobs/overview) == *'"state":"RUNNING"'* ]]; }
more_than() { [ "$(completed)" -gt "$1" ]; }

completed() {
    local job
    job=$(get /jobs/overview | sed -n 's/.*"jid":"\([0-9a-f]*\)".*/\1/p')
    get "/jobs/$job/checkpoints" | sed -n 's/.*"counts":{[^}]*"completed":\([0-9]*\).*/\1/p'
}
