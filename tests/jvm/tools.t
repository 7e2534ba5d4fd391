#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Other people's tools see what they are used to. The image is an ELF core: readelf finds no fault in
# it, gdb shows its threads, jhsdb its Java frames, of the first generation and of the second. And the
# JDK's own tools find the restored JVM under its new PID and talk to it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need readelf gdb
compile

# image WHAT FILE THREADS
image() {
    run readelf -a -W "$2"
    is "$status/$err" 0/ "$V: $1: readelf complains of nothing"
    not_ok "$V: $1: nor in between" grep -iE 'warning|error:|<corrupt|invalid' "$TMP/.out"
    ok "$V: $1: it is a core" grep -qF 'CORE (Core file)' "$TMP/.out"
    run readelf -n "$2"
    is "$(grep -c NT_PRSTATUS <<<"$out")" "$3" "$V: $1: with $3 threads"
    run gdb -nx -batch -ex 'info threads' -ex 'thread apply all backtrace 5' "$JAVA" "$2"
    is "$status" 0 "$V: $1: gdb opens it"
    is "$(grep -c '^Thread [0-9]' <<<"$out")" "$3" "$V: $1: gdb walks the stack of each thread"
    # Of an inlined function's argument that GCC 14 has optimized out, gdb 16 says that it cannot be read.
    not_ok "$V: $1: and finds it whole" grep -E 'not a core|truncated|annot access memory|orrupt' \
        <(sed 's/<error reading variable: Cannot access memory at address 0x0>//g' "$TMP/.out" "$TMP/.err")
    ok "$V: $1: and names functions" grep -qE 'libjvm|JavaThread|pthread_|futex|__lll' "$TMP/.out"
    if [ -x "$JAVA_HOME/bin/jhsdb" ]; then
        run "$JAVA_HOME/bin/jhsdb" jstack --exe "$JAVA" --core "$2"
        ok "$V: $1: jhsdb shows the main thread's Java frames" grep -qF example.Counter.main "$TMP/.out" ||
            diag "${err:0:2000}"
    else
        skip "$V: $1: jhsdb" "this JDK has no jhsdb"
    fi
}

# The restored JVM $pid, of which jcmd and others know only what they find themselves.
living() { # WHAT
    run "$JAVA_HOME/bin/jps"
    # of a path with a blank in it, jps shows the last part of the first word
    like "$out" "(^|"$'\n'")$pid $(basename "${SIMPLE%% *}")" "$V: $1: jps lists it"
    run "$JAVA_HOME/bin/jcmd" "$pid" VM.version
    like "$status$out" "^0.*$pid:.*JDK|^0.*$pid:.*Server VM" "$V: $1: jcmd asks its version"
    run "$JAVA_HOME/bin/jcmd" "$pid" Thread.print
    contains "$out" "example.Counter.run" "$V: $1: jcmd prints its threads"
    run "$JAVA_HOME/bin/jstack" "$pid"
    contains "$out" "example.Counter.main" "$V: $1: so does jstack"
    run "$JAVA_HOME/bin/jcmd" "$pid" GC.heap_info
    is "$status" 0 "$V: $1: jcmd asks about the heap"
    run "$JAVA_HOME/bin/jstat" -gc "$pid"
    is "$status/$(wc -l <<<"$out")" 0/2 "$V: $1: jstat reads its counters"
}

body() {
    local generation threads
    if [ ! -x "$JAVA_HOME/bin/jcmd" ]; then
        skip "$V: the JDK's tools" "this is no JDK"
        return
    fi
    start_jvm "tools-$V" - -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    for generation in 1 2; do
        freeze "$pid" "$DIR/image" "$V: generation $generation" || return
        threads=$(readelf -n "$DIR/image/image" | grep -c NT_PRSTATUS)
        image "image $generation" "$DIR/image/image" "$threads"
        restore "tools-$V" "$DIR/image"
        wait_more "$log" 1 || fail "$V: generation $generation goes on"
        living "restored $generation"
    done
    stop "$pid"
    ok "$V: its performance data go with it" test ! -e "/tmp/hsperfdata_$(id -un)/$pid"
    ok "$V: and its sockets" test ! -e "/tmp/.java_pid$pid" -a ! -e "$(control_socket "$pid")"
    in_sequence "$log" "$V: and none of them has disturbed it"
}
each_jdk body
done_testing
