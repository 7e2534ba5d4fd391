#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# tests/java/ContractTest.java: the contract of contexts and resources, in a JVM that has the agent
# (there is no jar with the classes: the agent defines them).
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"

contract() {
    local classes=$TMP/contract-$V line sources
    mkdir -p "$classes/api" "$classes/test"
    # The API is only compiled against; at run time the test uses the agent's classes.
    mapfile -t sources < <(find "$TOP/src/java" -name '*.java')
    run "$JAVAC" --release 8 -Xlint:-options -nowarn -d "$classes/api" "${sources[@]}"
    is "$status" 0 "$V: the API compiles for Java 8"
    run "$JAVAC" --release 8 -Xlint:-options -nowarn -cp "$classes/api" \
        -d "$classes/test" "$TOP/tests/java/ContractTest.java"
    is "$status" 0 "$V: ContractTest compiles for Java 8"
    run "$CKPT" run --option addr=none -- "$JAVA_HOME/bin/java" -cp "$classes/test" ContractTest
    is "$status" 0 "$V: ContractTest ends with 0"
    while read -r line; do
        case $line in
            "not ok "*) fail "$V: ${line#not ok * - }" ;;
            "ok "*) pass "$V: ${line#ok * - }" ;;
        esac
    done <<<"$out"
}

# Where the kernel lacks what every checkpoint needs, no hook is called at all.
unsupported() {
    local classes=$TMP/contract-$V
    run "$JAVAC" --release 8 -Xlint:-options -nowarn -cp "$classes/api" \
        -d "$classes/test" "$TOP/tests/jvm/java/Unsupported.java"
    run "$SECCOMP_RUN" --bare --deny prctl=EINVAL -- "$JAVA" "-agentpath:$AGENT=addr=none" \
        -cp "$classes/test" Unsupported
    like "$out" "^UnsupportedOperationException: this machine cannot freeze a JVM: PR_GET_TID_ADDRESS" \
        "$V: checkpointRestore: a kernel without PR_GET_TID_ADDRESS is unsupported"
    unlike "$out" "notified" "$V: checkpointRestore: an unsupported checkpoint calls no hook"
    run "$JAVA" "-agentpath:$AGENT=addr=none" -cp "$classes/test" Unsupported
    like "$out" "notified.*CheckpointException: no image directory is set" \
        "$V: checkpointRestore: a missing image directory is a CheckpointException"
}

each_jdk contract
each_jdk unsupported
done_testing
