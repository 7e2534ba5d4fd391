#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Guard pages (MADV_GUARD_INSTALL) are neither read by a checkpoint nor lost by a restore, over two
# generations. The program calls foreign functions.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

guarded() {
    local generation
    needs_jdk foreign_functions "$V: restore: guard pages are kept" || return 0
    start_jvm "guard-$V" - --enable-native-access=ALL-UNNAMED "$TOP/tests/jvm/java/Guard.java"
    wait_line "$log" " "
    if grep -q "no guard pages" "$log"; then
        cannot "$V: restore: guard pages are kept" "this kernel has none"
        return
    fi
    wait_line "$log" "before=1 guard=true after=3"
    for generation in 1 2; do
        freeze "$pid" "$DIR/guard" "$V: generation $generation" || return
        restore "guard-$V-$generation" "$DIR/guard"
        ok "$V: restore $generation: the guard page and the pages around it are kept" \
            wait_line "$log" "before=1 guard=true after=3"
        not_ok "$V: restore $generation: the guard page never disappears" \
            grep -v "before=1 guard=true after=3" "$log"
    done
    stop "$pid"
}

each_jdk guarded
done_testing
