#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Unix sockets whose other end is in the JVM too are kept, with what is queued in them, over several
# generations; so is one whose other end is closed.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Anonymous
GENERATIONS=3 # the first is the process that was left running
CASES="stream datagram seqpacket full copies half shut closed reset options fresh watched"

build_library() { # NAME
    gcc -O1 -g -Wall -shared -fPIC -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" \
        -o "$DIR/$1.so" "$TOP/tests/jvm/java/$1.c" 2>"$TMP/gcc.err" ||
        bail_out "gcc failed: $(head -c 600 "$TMP/gcc.err")"
}

report_cases() { # LOG GENERATION: a check for each case
    local name line from=1
    [ "$2" = 1 ] || from="/^looked $(($2 - 1))\$/"
    for name in $CASES; do
        line=$(sed -n "$from,/^looked $2\$/{/^$name: /p}" "$1" | head -n 1)
        is "$line" "$name: ok" "$V, generation $2: Unix sockets continue: $name"
    done
}

generations() {
    local generation name=unix-$V
    mkdir "$DIR/names"
    UNIX_FOLDER=$DIR/names start_jvm "$name" - -Xmx64m -cp "$CP" Anonymous "$DIR/unixsockets.so"
    for ((generation = 1; generation <= GENERATIONS; generation++)); do
        wait_line "$log" "ready $generation" || return
        if [ "$generation" = 1 ]; then
            run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-1"
            is "$status$err" 0 "$V: checkpoint --leave-running succeeds"
        else
            freeze "$pid" "$DIR/image-$generation" "$V, generation $generation" || return
            restore "$name" "$DIR/image-$generation"
        fi
        wait_line "$log" "looked $generation" 120 || return
        report_cases "$log" "$generation"
    done
    stop "$pid"

    # An image can be restored again.
    for generation in 1 2; do
        restore "clone-$generation-$V" "$DIR/image-$GENERATIONS"
        wait_line "$log" "looked $GENERATIONS" 120 || return
        is "$(grep -v ': ok$' "$log")" "$(printf 'looked 3\nready 4')" \
            "$V: restore $((generation + 1)) of an image: all Unix sockets continue"
        stop "$pid"
    done
}

body() {
    build_library unixsockets
    generations
}
each_jdk body
done_testing
