# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# What tests/embedded and tests/servers share, on top of jvm.sh: fetch libraries and servers from Maven
# Central, compile programs against them, wait for a port, end what was started. Set by the caller:
# name, of the program or server; what, the beginning of a check's name.

PROGRAMS=$TOP/tests/server-programs
JAVAC17=$("$TOP/tools/jdks" --at-least 17 2>/dev/null)/bin/javac

# fetched NAME: fetches the libraries of that pom if they are missing; sets LIBS.
fetched() {
    local folder=$PROGRAMS/$1
    LIBS=$folder/target/lib/*
# Maven gives the jars the time at which they were built: that of the folder is the time of the copy.
    if [ ! -d "$folder/target/lib" ] || [ "$folder/pom.xml" -nt "$folder/target/lib" ]; then
        rm -rf "$folder/target"
        (cd "$folder" && JAVA_HOME=$(dirname "$(dirname "$JAVAC17")") mvn -q -B -Djansi.mode=strip package \
            </dev/null >"$TMP/maven" 2>&1) || {
            rm -rf "$folder/target"
            skip "$what: its libraries are fetched" "Maven cannot fetch it: $(head -n 1 "$TMP/maven")"
            return 1
        }
        touch "$folder/target/lib"
    fi
}

# program LIBRARIES CLASS: compiles it; sets PROGRAM, the class path.
program() {
    local output classes=$TMP/programs/$name
    PROGRAM=$classes:$1
    [ ! -d "$classes" ] || return 0
    output=$("$JAVAC17" --release 17 -d "$classes" -cp "$1" "$PROGRAMS/java/$2.java" 2>&1) ||
        bail_out "javac failed: $output"
}

# listens: until a process listens at $port; two minutes at most, and while $pid lives.
listens() {
    local deadline=$((SECONDS + 120))
    until awk -v "port=$(printf ':%04X$' "$port")" \
        '$2 ~ port && $4 == "0A" { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6; do
        [ "$SECONDS" -lt "$deadline" ] && [ -d "/proc/$pid" ] || return
    done
}

# stop_all: ends the processes of this test that a program has left running.
stop_all() {
    local process
    for process in "${tap_started[@]}"; do
        [[ " $(jobs -rp | tr '\n' ' ') " == *" $process "* ]] || continue
        kill -KILL "$process" 2>/dev/null || true
        wait_exit "$process" || true
    done
}
