#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Code that the JIT compilers made before the freeze does not contain values that a restore renews:
# they treat final fields of the JDK's core as constants, and the process ID is one.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile
"${JDKS[-1]}/bin/javac" --release 9 -Xlint:-options -cp "$SIMPLE" -d "$CLASSES" \
    "$TOP/tests/jvm/java/Compiled.java" || bail_out "javac failed"

body() { # COMPILER OPTION...
    local name=$1-$V
    shift
    needs_jdk process_handles "$name: compiled code of a restored JVM returns its new PID" || return 0
    start_jvm "$name" "$DIR/$name" -Xmx64m -XX:+UseSerialGC -Xbatch "$@" -cp "$CP" Compiled
    wait_exit "$pid"
    is "$status/$(<"$log")" "137/asked true" "$name: a JVM with compiled code that asks for its PID is frozen"
    restore "$name-restored" "$DIR/$name"
    wait_exit "$pid"
    is "$status/$(<"$log")" "0/pid $pid hash $pid start true" \
        "$name: compiled code of a restored JVM returns its new PID"
}
each_jdk body c1 -XX:TieredStopAtLevel=1
each_jdk body c2 -XX:-TieredCompilation
each_jdk body unshared -Xshare:off
done_testing
