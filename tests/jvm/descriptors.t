#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Every kind of descriptor that an image keeps still works in two generations: files at their offsets,
# a half-read directory, devices, pipes with bytes in them, a selector, listening sockets of both
# families, mapped files. The program (java/Descriptors.java) checks each of them.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Descriptors

body() {
    local round
    mkdir -p "$DIR/files/many"
    (cd "$DIR/files/many" && seq -f 'a file with a name of some length, number %g' 3000 | xargs -d '\n' touch)
    start_jvm "descriptors-$V" "$DIR/image" -cp "$CP" Descriptors "$DIR/files" 2
    for round in 1 2; do
        wait_exit "$pid"
        is "$status" 137 "$V: generation $round is frozen" || diag "$(tail -n 12 "$log")"
        restore "descriptors-$V" "$DIR/image"
    done
    wait_exit "$pid"
    is "$status" 0 "$V: the last generation ends with 0"
    while read -r line; do
        case $line in
            "not ok "*) fail "$V: ${line#not ok }" ;;
            "ok "*) pass "$V: ${line#ok }" ;;
            "round "*) ;;
            *) diag "$line" ;;
        esac
    done <"$log"
    is "$(count_lines "$log" "round ")" 3 "$V: the program checks its descriptors in three rounds"
    # A file that was only read must be unchanged.
    mkdir -p "$DIR/again/many"
    seq -f "$DIR/again/many/%g" 3000 | xargs touch
    start_jvm "again-$V" "$DIR/second" -cp "$CP" Descriptors "$DIR/again" 1
    wait_exit "$pid"
    echo more >>"$DIR/again/data"
    run "$CKPT" restore "$DIR/second"
    refused "$V: restore: a file that was open for reading and has changed is refused" \
        "'$DIR/again/data' has changed"
}
each_jdk body
done_testing
