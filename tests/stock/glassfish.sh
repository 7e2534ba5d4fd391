# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# GlassFish, whose launcher stays its parent: its work is web applications, which it deploys when they
# appear.
title=GlassFish version=7.0.15 most=21
state=(server/glassfish/domains)
logs=('server/glassfish/domains/domain1/logs/*')
jvm_word=-domainname

server_setup() {
    unpack "org.glassfish.main.distributions:glassfish:$version:zip" || return
    chmod +x "$DIR/server/bin"/* "$DIR/server/glassfish/bin"/*
    loopback glassfish/domains/domain1/config/domain.xml 8080 8181 4848 3700 3820 3920 8686 6666 7676
    sed -i 's/<network-listener port=/<network-listener address="127.0.0.1" port=/' \
        "$DIR/server/glassfish/domains/domain1/config/domain.xml"
}

server_start() {
    launch env "AS_JAVA=$JAVA_HOME" bin/asadmin start-domain --verbose domain1
}

server_ready() { http_answers /; }

server_put() {
    mkdir -p "$DIR/war"
    printf '<%%= 6 * 7 %%> %s' "$1" >"$DIR/war/index.jsp"
    "$JAVA_HOME/bin/jar" --create --file "$DIR/$1.war" -C "$DIR/war" .
    mv "$DIR/$1.war" "$DIR/server/glassfish/domains/domain1/autodeploy/"
    in_time server_has "$1"
}

server_has() { [ "$(get "/$1/")" = "42 $1 200" ]; }
