# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Karaf: its work is bundles, which it starts when they appear in its folder deploy.
title=Karaf version=4.4.10 most=21
logs=('server/data/log/*.log')
jvm_word=org.apache.karaf.main.Main

server_setup() {
    local ssh
    unpack "org.apache.karaf:apache-karaf:$version:tar.gz" || return
    loopback etc/org.apache.karaf.management.cfg 1099 44444
    loopback etc/org.apache.karaf.shell.cfg 8101
    sed -i 's/^#karaf = /karaf = /; s/^#_g_/_g_/' "$DIR/server/etc/users.properties"
}

server_start() {
    launch env "JAVA_MAX_MEM=256m" bin/karaf server
}

server_ready() { speaks ''; } # SSH servers speak first

server_put() {
    printf '%s\n' 'Bundle-ManifestVersion: 2' "Bundle-SymbolicName: $1" 'Bundle-Version: 1.0.0' \
        >"$DIR/manifest"
    "$JAVA_HOME/bin/jar" --create --file "$DIR/$1.jar" --manifest "$DIR/manifest"
    mv "$DIR/$1.jar" "$DIR/server/deploy/"
    in_time server_has "$1"
}

server_has() {
    run env -C "$DIR/server" JAVA_MAX_MEM=128m bash -c 'bin/client -b "$@" <<<"bundle:list -s -t 0"' \
        client -a "$port" -u karaf -p karaf
    [[ $out =~ Active[^$'\n']*$1 ]]
}
