# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Tomcat: its work is a page for the servlet container, which is deployed when its folder appears.
title=Tomcat version=11.0.24
state=(server tmp)
logs=('server/logs/*')

server_setup() {
    unpack "org.apache.tomcat:tomcat:$version:tar.gz" || return
    port=$(free_port)
    sed -i -e "s/<Connector port=\"8080\"/& address=\"127.0.0.1\"/; s/\"8080\"/\"$port\"/" \
        -e 's/port="8005"/port="-1"/' "$DIR/server/conf/server.xml"
}

server_start() {
    launch env "CATALINA_TMPDIR=$TEMPORARY" CATALINA_OPTS=-Xmx256m bin/catalina.sh run
}

server_ready() { http_answers /; }

server_put() {
    mkdir "$DIR/server/webapps/$1.new"
    printf '<%%= 6 * 7 %%> %s' "$1" >"$DIR/server/webapps/$1.new/index.jsp"
    mv "$DIR/server/webapps/$1.new" "$DIR/server/webapps/$1"
    in_time server_has "$1"
}

server_has() { [ "$(get "/$1/")" = "42 $1 200" ]; }
