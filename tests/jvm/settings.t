#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Settings of a process and its threads by prctl(2) are the same after a restore. Runs as an ordinary
# user: a process that is not dumpable does not own its files below /proc.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Settings
user_ready
SIMPLE=$(for_user "$SIMPLE")
CP=$CLASSES:$SIMPLE
WANT="slack 12345 23456, signal 28 0, subreaper 1, huge pages off 1, dumpable 0"

body() {
    local library=$CLASSES/libsettings.so image=$USER_DIR/image-$V life
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -o "$library" \
        "$TOP/tests/jvm/java/settings.c" 2>"$TMP/gcc.err"; then
        skip "$V: settings are kept" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
        return
    fi
    start_jvm "settings-$V" as_user "$image" -cp "$CP" Settings "$library"
    wait_exit "$pid"
    is "$status" 137 "$V: a JVM that is not dumpable can be frozen by its ordinary user" ||
        diag "$(cat "$log")"
    for life in 1 2; do
        restore "settings-$V" as_user "$image"
        wait_exit "$pid"
        is "$(grep "life $life" "$log")" "settings of life $life: $WANT" \
            "$V: settings of the process and its threads are kept in life $life" ||
            diag "$(cat "$log")"
    done
}
each_jdk body
done_testing
