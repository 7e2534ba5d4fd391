# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# WildFly in a cluster (JGroups over UDP multicast): its work is distributable web applications.
title='WildFly HA' version=37.0.1.Final
state=(server/standalone tmp)
logs=('server/standalone/log/*')
jvm_word=org.jboss.as.standalone

server_setup() {
    unpack "org.wildfly:wildfly-dist:$version:zip" || return
    port=$(free_port)
}

server_start() {
    launch env "JAVA_OPTS=-Xmx384m -Djava.io.tmpdir=$TEMPORARY -Djava.net.preferIPv4Stack=true" \
        bin/standalone.sh -c standalone-ha.xml -b 127.0.0.1 "-Djboss.http.port=$port" \
        "-Djboss.https.port=$(free_port)" "-Djboss.management.http.port=$(free_port)" \
        -Djboss.bind.address.private=127.0.0.1
}

server_ready() { http_answers /; }

server_put() {
    mkdir -p "$DIR/war/WEB-INF"
    printf '<%%= 6 * 7 %%> %s' "$1" >"$DIR/war/index.jsp"
    printf '<web-app version="6.0"><distributable/></web-app>' >"$DIR/war/WEB-INF/web.xml"
    "$JAVA_HOME/bin/jar" --create --file "$DIR/$1.war" -C "$DIR/war" .
    mv "$DIR/$1.war" "$DIR/server/standalone/deployments/"
    in_time server_has "$1"
}

server_has() { [ "$(get "/$1/")" = "42 $1 200" ]; }
