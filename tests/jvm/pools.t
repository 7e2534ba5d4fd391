#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck disable=SC2034,SC2154
#
# Pools and clients that are frozen with --connections=close while they work, and restored: HikariCP with
# PostgreSQL, Lettuce with Redis, the JDK's HTTP client. They recover as after a failure of the network;
# then no request fails. The servers are those of Debian, if they are installed.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
LIBRARIES=$(library HikariCP postgresql lettuce-core netty-buffer netty-codec netty-common netty-handler \
    netty-resolver netty-transport netty-transport-native-unix-common reactive-streams reactor-core slf4j-api)
compile Pools

# server NAME LOG-TEXT COMMAND...: starts a server and waits for this text in its log.
server() {
    local name=$1 text=$2
    shift 2
    start "$name" "$@"
    wait_line "$log" "$text"
}

start_postgres() {
    local programs data=$TMP/postgres owner=() # initdb wants a user that exists, and not root
    programs=$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)
    postgres=0
    if [ -z "$programs" ]; then
        skip "HikariCP with PostgreSQL" "install postgresql"
        return
    fi
    mkdir "$data"
    if [ "$(id -u)" -eq 0 ]; then
        owner=(setpriv --reuid postgres --regid postgres --clear-groups)
        chown postgres:postgres "$data"
    fi
    postgres=$(free_port)
    run "${owner[@]}" "$programs/initdb" --pgdata="$data" --username=postgres --auth=trust --no-sync
    [ "$status" = 0 ] || bail_out "initdb fails: $err"
    server postgres "ready to accept connections" "${owner[@]}" "$programs/postgres" -D "$data" \
        -p "$postgres" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off
}

start_redis() {
    redis=0
    if ! command -v redis-server >/dev/null; then
        skip "Lettuce with Redis" "install redis-server"
        return
    fi
    redis=$(free_port)
    server redis "Ready to accept connections" redis-server --port "$redis" --bind 127.0.0.1 --save '' \
        --dir "$TMP"
}

start_http() {
    cat >"$TMP/web.py" <<'PYTHON'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *arguments):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("port", server.server_address[1], flush=True)
server.serve_forever()
PYTHON
    server http port python3 "$TMP/web.py"
    http=$(port_of "$log" port)
}

recovered() { # NAME COUNT
    is "$(grep -c "^$1.*: recovered, then 0$" "$log")" "$2" \
        "$V: $1: the first requests after the restore may fail, and then none does" ||
        diag "$(grep "^$1" "$log" | tail -n 20)"
}

pools() {
    local folder=$DIR/pools image=$DIR/image generation
    mkdir -p "$folder"
    start "pools-$V" "$JAVA" -cp "$CLASSES:$LIBRARIES" Pools "$folder" "$postgres" "$redis" "$http"
    wait_line "$log" working
    for generation in 1 2; do
        run "$CKPT" checkpoint --connections=close "$pid" "$image"
        is "$status$out$err" 0 "$V: generation $generation: it is frozen while it works"
        wait_exit "$pid"
        [ "$generation" = 1 ] || : >"$folder/go"
        start "pools-$V-$generation" "$CKPT" restore "$image"
        [ "$generation" = 2 ] || wait_line "$log" restored
    done
    wait_exit "$pid"
    is "$status" 0 "$V: the restored JVM ends with 0" || diag "$(tail -n 20 "$log")"
    [ "$postgres" = 0 ] || recovered postgres 4
    [ "$redis" = 0 ] || recovered redis 1
    recovered http 1
}

start_postgres
start_redis
start_http
each_jdk pools
done_testing
