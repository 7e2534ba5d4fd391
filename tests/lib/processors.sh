# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# For tests with another number of processors, after tap.sh and jvm.sh: the program Processors, and a
# library to preload that plays a machine with as many processors as the file $COUNT says.

need gcc
compile Processors

FAKE=$TMP/processors.so
COUNT=$TMP/count
gcc -shared -fPIC -O1 -o "$FAKE" "$TOP/tests/jvm/java/processors.c" 2>"$TMP/gcc.err" ||
    bail_out "gcc failed: $(head -c 600 "$TMP/gcc.err")"

# may_look: sets arguments to what the program needs to look into java.lang, from JDK 9 on.
may_look() {
    arguments=()
    [ "$("$JAVA" -version 2>&1 | grep -c 'version "1\.')" = 1 ] ||
        arguments=(--add-opens java.base/java.lang=ALL-UNNAMED)
}
