# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# What Spring Petclinic is made of: Spring Boot, JPA, a pool, H2 in a file. Its work is rows.
title='Spring Boot with JPA (as Petclinic)' version=3.4.1
state=(data tmp)

server_setup() {
    fetched petclinic || return
    mkdir "$DIR/server" "$DIR/data"
    program "$LIBS" VetServer
    port=$(free_port)
}

server_start() {
    launch "$JAVA" -Xmx256m "-Djava.io.tmpdir=$TEMPORARY" -cp "$PROGRAM" vets.VetServer \
        --server.address=127.0.0.1 "--server.port=$port" --spring.jpa.hibernate.ddl-auto=update \
        "--spring.datasource.url=jdbc:h2:file:$DIR/data/pets" --spring.thymeleaf.check-template-location=false
}

server_ready() { http_answers /owners/none; }
server_put() { [ "$(get "/owners/$1" -X POST)" = "$1 200" ]; }
server_has() { [ "$(get "/owners/$1")" = "1 200" ]; }
