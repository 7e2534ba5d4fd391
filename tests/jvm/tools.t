#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Tools of others work with images and restored JVMs. The image is an ELF core: readelf finds no error in
# it, gdb shows its threads, jhsdb its Java frames, of the first generation and of the second. The JDK's
# own tools find the restored JVM under its new PID and get answers from it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need readelf gdb
compile

# core_tools WHAT FILE THREADS: tools that read the image as a core.
core_tools() {
    run readelf -a -W "$2"
    is "$status/$err" 0/ "$V: $1: readelf ends without an error"
    not_ok "$V: $1: readelf prints no warning" grep -iE 'warning|error:|<corrupt|invalid' "$TMP/.out"
    ok "$V: $1: readelf recognizes a core" grep -qF 'CORE (Core file)' "$TMP/.out"
    run readelf -n "$2"
    is "$(grep -c NT_PRSTATUS <<<"$out")" "$3" "$V: $1: readelf shows $3 threads"
    run gdb -nx -batch -ex 'info threads' -ex 'thread apply all backtrace 5' "$JAVA" "$2"
    is "$status" 0 "$V: $1: gdb opens the core"
    is "$(grep -c '^Thread [0-9]' <<<"$out")" "$3" "$V: $1: gdb walks the stack of each thread"
    # Of an inlined function's argument that GCC 14 has optimized out, gdb 16 says that it cannot be read.
    not_ok "$V: $1: gdb reports no missing or corrupt part" \
        grep -E 'not a core|truncated|annot access memory|orrupt' \
        <(sed 's/<error reading variable: Cannot access memory at address 0x0>//g' "$TMP/.out" "$TMP/.err")
    ok "$V: $1: gdb names functions" grep -qE 'libjvm|JavaThread|pthread_|futex|__lll' "$TMP/.out"
    if [ -x "$JAVA_HOME/bin/jhsdb" ]; then
        run "$JAVA_HOME/bin/jhsdb" jstack --exe "$JAVA" --core "$2"
        ok "$V: $1: jhsdb shows the main thread's Java frames" grep -qF example.Counter.main "$TMP/.out" ||
            diag "${err:0:2000}"
    else
        skip "$V: $1: jhsdb shows the main thread's Java frames" "this JDK has no jhsdb"
    fi
}

# jdk_tools WHAT: tools that find the restored JVM $pid by themselves.
jdk_tools() {
    run "$JAVA_HOME/bin/jps"
    # of a path with a blank in it, jps shows the last part of the first word
    like "$out" "(^|"$'\n'")$pid $(basename "${SIMPLE%% *}")" "$V: $1: jps lists the JVM"
    run "$JAVA_HOME/bin/jcmd" "$pid" VM.version
    like "$status$out" "^0.*$pid:.*JDK|^0.*$pid:.*Server VM" "$V: $1: jcmd VM.version gets an answer"
    run "$JAVA_HOME/bin/jcmd" "$pid" Thread.print
    contains "$out" "example.Counter.run" "$V: $1: jcmd Thread.print prints the threads"
    run "$JAVA_HOME/bin/jstack" "$pid"
    contains "$out" "example.Counter.main" "$V: $1: jstack prints the threads"
    run "$JAVA_HOME/bin/jcmd" "$pid" GC.heap_info
    is "$status" 0 "$V: $1: jcmd GC.heap_info gets an answer"
    run "$JAVA_HOME/bin/jstat" -gc "$pid"
    is "$status/$(wc -l <<<"$out")" 0/2 "$V: $1: jstat reads the JVM's counters"
}

body() {
    local generation threads
    if [ ! -x "$JAVA_HOME/bin/jcmd" ]; then
        skip "$V: tools read images and find restored JVMs" "this is no JDK"
        return
    fi
    start_jvm "tools-$V" - -jar "$SIMPLE" --period 50
    wait_line "$log" 3
    for generation in 1 2; do
        freeze "$pid" "$DIR/image" "$V: generation $generation" || return
        threads=$(readelf -n "$DIR/image/image" | grep -c NT_PRSTATUS)
        core_tools "image $generation" "$DIR/image/image" "$threads"
        restore "tools-$V" "$DIR/image"
        wait_more "$log" 1 || fail "$V: generation $generation continues"
        jdk_tools "restored $generation"
    done
    stop "$pid"
    ok "$V: the restored JVM removes its performance data at its end" \
        test ! -e "/tmp/hsperfdata_$(id -un)/$pid"
    ok "$V: the restored JVM removes its sockets at its end" \
        test ! -e "/tmp/.java_pid$pid" -a ! -e "$(control_socket "$pid")"
    in_sequence "$log" "$V: the program counts without a gap while tools are used"
}
each_jdk body
done_testing
