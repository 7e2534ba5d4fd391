#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# tests/java/ContractTest.java: the contract of contexts and resources, in a JVM that has the agent
# (there is no jar with the classes: the agent brings them).
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

contract() {
    local classes=$TMP/contract-$V line
    mkdir -p "$classes/api" "$classes/test"
    # The API is only compiled against; the test meets the agent's.
    run "$JAVA_HOME/bin/javac" --release 8 -Xlint:-options -nowarn -d "$classes/api" \
        $(find "$TOP/src/java" -name '*.java')
    run "$JAVA_HOME/bin/javac" --release 8 -Xlint:-options -nowarn -cp "$classes/api" \
        -d "$classes/test" "$TOP/tests/java/ContractTest.java"
    is "$status" 0 "$V: the contract's test compiles"
    run "$CKPT" run --option addr=none -- "$JAVA_HOME/bin/java" -cp "$classes/test" ContractTest
    is "$status" 0 "$V: the contract's test ends in order"
    while read -r line; do
        case $line in
            "not ok "*) fail "$V: ${line#not ok * - }" ;;
            "ok "*) pass "$V: ${line#ok * - }" ;;
        esac
    done <<<"$out"
}

each_jdk contract
done_testing
