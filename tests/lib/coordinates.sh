# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# Jars of Maven Central by their coordinates, without a pom in the tree.

FETCHED=$TOP/tests/library-programs/target

# fetch_jars NAME GROUP:ARTIFACT:VERSION[:CLASSIFIER]...: these and what they need, once. Sets JARS, the
# folder, and LIBS, a class path. Where Maven cannot fetch them, the check is skipped, and it returns 1.
fetch_jars() {
    local set=$1 coordinates group artifact version classifier
    shift
    JARS=$FETCHED/$set LIBS=$FETCHED/$set/*
    [ "$(cat "$JARS.list" 2>/dev/null)" != "$*" ] || return 0
    rm -rf "$JARS" "$JARS.list"
    mkdir -p "$JARS.project"
    {
        echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        echo '<groupId>example</groupId><artifactId>fetch</artifactId><version>1</version>'
        echo '<packaging>pom</packaging><dependencies>'
        for coordinates; do
            IFS=: read -r group artifact version classifier <<<"$coordinates"
            echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId>"
            echo "<version>$version</version>${classifier:+<classifier>$classifier</classifier>}</dependency>"
        done
        echo '</dependencies></project>'
    } >"$JARS.project/pom.xml"
    (cd "$JARS.project" && mvn -q -B -Djansi.mode=strip \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DincludeScope=runtime "-DoutputDirectory=$JARS") </dev/null >"$TMP/maven" 2>&1 || {
        rm -rf "$JARS"
        skip "$what: its libraries are fetched" "Maven cannot fetch it: $(head -n 1 "$TMP/maven")"
        return 1
    }
    echo "$*" >"$JARS.list"
}
