#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Jars that were open before a checkpoint are read after the restore: entries and classes that were not
# used before, by class path, URLClassLoader, JarFile and the cache of jar: URLs. A jar that has been
# replaced is refused.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Jars

# make_jar NAME [CLASS]: with the entries "first" and "second", each large enough to be compressed.
make_jar() {
    local folder=$DIR/made-$1 name output
    mkdir -p "$folder"
    for name in first second; do
        printf '%s of %s%0500d' "$name" "$1" 0 >"$folder/$name"
    done
    if [ $# -gt 1 ]; then
        printf 'public class %s { public String toString() { return "an %s"; } }\n' "$2" "$2" \
            >"$DIR/$2.java"
        output=$("$JAVA_HOME/bin/javac" -d "$folder" "$DIR/$2.java" 2>&1) ||
            bail_out "javac failed: $output"
    fi
    "$JAVA_HOME/bin/jar" cf "$DIR/$1.jar" -C "$folder" .
}

body() {
    local zeros
    zeros=$(printf '%0500d' 0)
    make_jar path InClassPath
    make_jar loader InLoader
    make_jar file
    make_jar url
    start_jvm "jars-$V" "$DIR/image" -cp "$CP:$DIR/path.jar" Jars "$DIR"/{path,loader,file,url}.jar
    wait_exit "$pid"
    is "$status" 137 "$V: a JVM with open jars is frozen"
    restore "jars-$V" "$DIR/image"
    wait_exit "$pid"
    is "$status" 0 "$V: a restored JVM with open jars ends with 0"
    is "$(sed "s/$zeros//" "$log")" "class path: first of path
loader: first of loader
file: first of file
url: first of url
class path: second of path
loader: second of loader
file: second of file
url: second of url
class of class path: an InClassPath
class of loader: an InLoader
done" "$V: entries and classes of all jars are read before and after the restore"
    touch -d 2001-01-01 "$DIR/url.jar"
    run "$CKPT" restore "$DIR/image"
    refused "$V: restore: a changed jar that only a cache of the JDK has open is refused" "url\.jar"
}
each_jdk body
done_testing
