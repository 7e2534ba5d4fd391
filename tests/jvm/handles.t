#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# signalfd, pidfd of the JVM itself, and epolls that watch them, over two generations. Pidfds of other
# processes and threads are refused by name, and fifty perf events by one line.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Shown

shown() { # LIFE
    sed -n "s/^life $1: //p" "$log"
}

said() { # what is not shown
    grep -v '^life' "$log" | tail -n 5
}

kept() {
    local life
    start_jvm "own-$V" "$DIR/own" -cp "$CP" Shown "$LIBRARY" own 2
    for life in 1 2; do
        wait_exit "$pid"
        is "$status" 137 "$V: the JVM is frozen for life $life" || diag "$(said)"
        restore "own-$V" "$DIR/own"
    done
    wait_exit "$pid"
    is "$status" 0 "$V: the last life ends with 0" || diag "$(said)"
    like "$(shown 0)" 'outer: 1 of 4.*signal 3[0-9].*again: Resource.*inner: 3.*process: 0.*first: 0' \
        "$V: the program uses its descriptors" || diag "$(said)"
    for life in 1 2; do
        is "$(diff <(shown 0) <(shown $life))" "" "$V: the descriptors work in the same way in life $life"
    done
    run "$CKPT" inspect "$DIR/own"
    like "$out" ' signalfd +signals 10 39 64' "$V: inspect shows the signals of a signalfd"
    like "$out" ' pidfd +of the JVM itself' "$V: inspect shows a pidfd"
    like "$out" " pidfd +of the JVM's first thread" "$V: inspect shows a pidfd of the first thread"
}

# A child that the image is without has ended in the restored process; while the JVM continues, it runs.
child() {
    local life OPTIONS=(addr=none "children=$1")
    start_jvm "child-$1-$V" "$DIR/child-$1" -cp "$CP" Shown "$LIBRARY" child 2
    wait_exit "$pid"
    is "$status" 137 "$V: a pidfd of a child is no obstacle with --children=$1" || diag "$(said)"
    for life in 1 2; do
        restore "child-$1-$V" "$DIR/child-$1"
        wait_exit "$pid"
    done
    is "$(shown 0 | tr '\n' ,)" "child: runs,child ends: 0,child waits: can be waited for," \
        "$V: --children=$1: the child runs"
    is "$(shown 2 | tr '\n' ,)" "child: No such process,child ends: 1,child waits: No child processes," \
        "$V: --children=$1: restore: the child has ended"
}

# refused KIND PATTERN: one line, and the JVM continues.
one_refusal() {
    start_jvm "$1-$V" "$DIR/$1" -cp "$CP" Shown "$LIBRARY" "$1" 1
    wait_exit "$pid"
    if grep -q '^failed: perf_event_open' "$log"; then
        skip "$V: $1: the checkpoint is refused" "$(said)"
        return
    fi
    is "$status" 3 "$V: $1: the checkpoint is refused"
    is "$(count_lines "$log" refused:)" 1 "$V: $1: the refusal is one line" || diag "$(said)"
    like "$(grep refused: "$log")" "$2" "$V: $1: the refusal names it"
}

# closed: what would be refused is closed by a rule without a number, as CRaC's users write it.
closed() {
    printf '%s\n' "type: filedescriptor" "regex: anon_inode:.*pidfd.*|pidfd:.*" "action: $1" >"$DIR/rule"
    OPTIONS+=("policies=$DIR/rule")
    start_jvm "rule-$1-$V" "$DIR/rule-$1" -cp "$CP" Shown "$LIBRARY" other 1
    wait_exit "$pid"
    OPTIONS=("${OPTIONS[@]:0:${#OPTIONS[@]}-1}")
}

body() {
    LIBRARY=$CLASSES/libhandles.so
    if ! gcc -shared -fPIC -O1 -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -o "$LIBRARY" \
        "$TOP/tests/jvm/java/handles.c" 2>"$TMP/gcc.err"; then
        skip "$V: descriptors of signals and processes are kept" \
            "gcc and the JDK's jni.h are needed: $(head -n 3 "$TMP/gcc.err")"
        return
    fi
    kept
    child ignore
    child end
    one_refusal child "the child process [0-9]+ .* runs; end it"
    one_refusal other "is a pidfd of another process, [0-9]+ \('"
    one_refusal thread 'is a pidfd of a thread other than the first one, [0-9]+'
    closed close
    is "$status" 137 "$V: a rule for its text closes a pidfd that would be refused" || diag "$(said)"
    closed error
    is "$status" 3 "$V: a rule for its text can refuse a pidfd"
    like "$(said)" "refused: .*is refused by the rule at .*:1" "$V: the refusal names the rule"
    closed ignore
    like "$(said)" "refused: .*is a pidfd of another process" "$V: a rule may ignore a pidfd"
    one_refusal perf 'counts events of the kernel .perf_event_open.*asprof stop.*ctimer'
}
each_jdk body
done_testing
