#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# New system properties, environment and main class for a restored process, given to `restore`: every
# character is kept, and Java and the C library see the same.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile NewLife

KEYS=(NEW_A NEW_B NEW_C NEW_D NEW_E NEW_F NEW_G GONE)
ODD=$'a b\t"c" \'d\' \\e\\ $f `g` %h,i;j=k=l \u00e4\u20ac\U1f600'
ODD_SEEN='a b\u0009"c" '"'d'"' \e\ $f `g` %h,i;j=k=l \u00e4\u20ac\ud83d\ude00'

# has_line LOG NAME LINE: whether the log has the line.
has_line() {
    if grep -qxF -- "$3" "$1"; then
        pass "$2"
    else
        fail "$2" "not in the log: $3" "$(grep -F "${3%%=*}" "$1" | tail -n 5)"
    fi
}

parameters() {
    local log=$TMP/life-$V.log directory=$DIR/image
    export NEW_A=old GONE=old NEW_LINES=$'a=b\nc=d'
    start_jvm "life-$V" - -cp "$CP" -DNEW_A=old -DNEW_B=old NewLife wait "${KEYS[@]}"
    unset GONE
    wait_line "$log" ready
    has_line "$log" "JDK $V: before the checkpoint the environment is that of the start" \
        "before env NEW_A=[old]"
    freeze "$pid" "$directory" "JDK $V"

    printf '%s\n' '# a comment' '' "NEW_D=$ODD" '  NEW_E=from file' 'NEW_A' "NEW_F=x # y" >"$TMP/env-file"
    export NEW_A=changed NEW_G=a
    restore "life-$V" "$directory" "-DNEW_A=$ODD" -DNEW_B -DNEW_C= -DNEW_D=a=b=c -D' spaced key'=1 \
        --env "NEW_B=$ODD" --env=NEW_C= --env-file "$TMP/env-file" --env NEW_UNSET \
        --env NEW_G=a=b --env NEW_G=a=b=c
    wait_line "$log" "hook count"
    has_line "$log" \
        "JDK $V: -D: a value with blanks, quotes, backslashes and UTF-8 is kept" \
        "hook property NEW_A=[$ODD_SEEN]"
    has_line "$log" "JDK $V: -DKEY sets an empty property" "hook property NEW_B=[]"
    has_line "$log" "JDK $V: -DKEY= sets an empty property" "hook property NEW_C=[]"
    has_line "$log" "JDK $V: -D: a value with '=' is kept" "hook property NEW_D=[a=b=c]"
    has_line "$log" "JDK $V: the restored JVM has the environment of the command" "hook env NEW_A=[changed]"
    has_line "$log" "JDK $V: a variable that the command does not have is unset" "hook env GONE=null"
    has_line "$log" "JDK $V: --env: a value with every kind of character is kept" "hook env NEW_B=[$ODD_SEEN]"
    has_line "$log" "JDK $V: --env NAME= sets an empty variable" "hook env NEW_C=[]"
    has_line "$log" "JDK $V: --env-file: a value with every kind of character is kept" \
        "hook env NEW_D=[$ODD_SEEN]"
    has_line "$log" "JDK $V: --env: a value with '=' is kept" "hook env NEW_G=[a=b=c]"
    is "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c '^NEW_G=')" 1 \
        "JDK $V: --env: a repeated variable replaces the first"
    has_line "$log" "JDK $V: --env-file: blanks before a name are skipped" "hook env NEW_E=[from file]"
    has_line "$log" "JDK $V: --env-file: '#' in a value is kept" "hook env NEW_F=[x # y]"
    ok "JDK $V: child processes get the new environment" \
        grep -q 'hook child =.*NEW_A=changed .*NEW_E=from file' "$log"
    is "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -a '^NEW_[AE]' | sort)" \
        $'NEW_A=changed\nNEW_E=from file' "JDK $V: /proc/PID/environ has the new environment"
    ok "JDK $V: System.getenv() has as many variables as /proc/PID/environ" test \
        "$(grep -azc = "/proc/$pid/environ")" = \
        "$(sed -n 's/^hook count =\[\(.*\)\]/\1/p' "$log")"

    # The next generation, with no variables but those given.
    freeze "$pid" "$directory" "JDK $V: second generation"
    restore "life-$V" --clear-env --env NEW_C=only --env PATH "$directory"
    wait_line "$log" "hook count =[2]"
    has_line "$log" "JDK $V: --clear-env: a variable of --env is set" "hook env NEW_C=[only]"
    is "$(grep -c 'hook env NEW_A=null' "$log")" 1 "JDK $V: --clear-env: other variables are unset"
    is "$(grep -c -F "hook property NEW_A=[$ODD_SEEN]" \
        "$log")" 2 "JDK $V: properties stay set from one generation to the next"
    kill "$pid"
    wait_exit "$pid"
}

main_class() {
    local log=$TMP/main-$V.log directory=$DIR/main
    start_jvm "main-$V" "$directory" -cp "$CP" NewLife core X
    wait_exit "$pid"
    restore "main-$V" "$directory" -- 'NewLife$Second' "$ODD" '' -DX=1 --
    wait_exit "$pid"
    has_line "$log" "JDK $V: main class: it runs on the thread that asked for the checkpoint" \
        "second main in thread main"
    is "$(grep -c '^second argument' "$log")" 4 "JDK $V: main class: it gets all arguments after its name"
    has_line "$log" "JDK $V: main class: an argument with every kind of character is kept" \
        "second argument =[$ODD_SEEN]"
    has_line "$log" "JDK $V: main class: an empty argument is kept" "second argument =[]"
    has_line "$log" "JDK $V: main class: an argument like an option of restore is kept" \
        "second argument =[-DX=1]"
    ok "JDK $V: main class: it runs after the hooks" \
        test "$(grep -n -m 1 '^hook count' "$log" | cut -d: -f1)" -lt \
        "$(grep -n '^second main' "$log" | cut -d: -f1)"
    has_line "$log" "JDK $V: main class: checkpointRestore() returns after it" returned
    is "$(grep -c '^second main' "$log")" 1 "JDK $V: main class: a later checkpoint does not run it again"

    restore "throws-$V" "$directory" -- 'NewLife$Second' throw
    wait_exit "$pid"
    has_line "$TMP/throws-$V.log" "JDK $V: main class: its exception is in a RestoreException" \
        "for java.lang.IllegalStateException: as asked"
    restore "absent-$V" "$directory" -- no.such.Main
    wait_exit "$pid"
    has_line "$TMP/absent-$V.log" "JDK $V: main class: a missing class gives a RestoreException" \
        "for java.lang.ClassNotFoundException: no.such.Main"
    restore "plain-$V" "$directory"
    wait_exit "$pid"
    has_line "$TMP/plain-$V.log" "JDK $V: no main class: checkpointRestore() returns" returned
    is "$(grep -c '^second main' "$TMP/plain-$V.log")" 0 \
        "JDK $V: no main class: the one of an earlier restore is not run"

    start_jvm "asked-$V" - -cp "$CP" NewLife wait X
    wait_line "$TMP/asked-$V.log" ready
    freeze "$pid" "$DIR/asked" "JDK $V: frozen by the command"
    restore "asked-$V" "$DIR/asked" -- 'NewLife$Second' b
    wait_line "$TMP/asked-$V.log" "second argument =[b]"
    has_line "$TMP/asked-$V.log" \
        "JDK $V: frozen by the command: the main class runs on its own thread 'main'" \
        "second main in thread main"
    kill "$pid"
    wait_exit "$pid"
}

# A program that does not use the environment does not wait for Java's copy of it, which is made later.
lazy_copy() {
    local log=$TMP/lazy_copy-$V.log
    jdk_has unified_logging || return 0
    start_jvm "lazy_copy-$V" - "-Xlog:class+init=info:file=$DIR/classes" -jar "$SIMPLE"
    wait_line "$log" 2
    freeze "$pid" "$DIR/lazy_copy" "JDK $V"
    restore "lazy_copy-$V" --env UNASKED=1 "$DIR/lazy_copy"
    wait_more "$log" 2
    ok "JDK $V: the log has the initialisation of classes" \
        grep -q "nitializing 'java/lang/Thread'" "$DIR/classes"
    is "$(count_lines "$DIR/classes" "nitializing 'java/lang/ProcessEnvironment'")" 0 \
        "JDK $V: a new environment is not copied in Java before it is used"
    kill "$pid"
    wait_exit "$pid"
}

# A main class as java accepts it: not public, in a package that its module does not export.
modules() {
    local modules=$TMP/modules output
    jdk_has modules || return 0
    if [ ! -d "$modules" ]; then
        mkdir -p "$TMP/sources/inner"
        echo 'module inner { }' >"$TMP/sources/module-info.java"
        echo 'package inner; public class First { public static void main(String[] args) throws Exception {
            System.out.println("ready"); Thread.sleep(120000); } }' >"$TMP/sources/inner/First.java"
        echo 'package inner; class Second { public static void main(String[] args) {
            System.out.println("inner " + args[0]); System.exit(7); } }' >"$TMP/sources/inner/Second.java"
        echo 'package inner; public class Number { public static int main(String[] args) {
            return 0; } }' >"$TMP/sources/inner/Number.java"
        output=$("$JAVAC" -d "$modules" "$TMP"/sources/*.java "$TMP"/sources/inner/*.java 2>&1) ||
            bail_out "javac failed: $output"
    fi
    start_jvm "module-$V" - -p "$modules" -m inner/inner.First
    wait_line "$log" ready
    freeze "$pid" "$DIR/module" "JDK $V: a module"
    restore "module-$V" "$DIR/module" -- inner.Second word
    wait_exit "$pid"
    is "$status $(tail -n 1 "$log")" "7 inner word" \
        "JDK $V: main class: a package-private one of a package not exported runs" || diag "$(tail "$log")"
    restore "number-$V" "$DIR/module" -- inner.Number
    wait_line "$TMP/number-$V.log" "NoSuchMethodException: inner.Number.main(String[]) is not static void" &&
        pass "JDK $V: main class: a main method that is not void is reported"
    stop "$pid"
}

# A virtual thread that asks for the checkpoint and continues on another native thread.
virtual_thread() {
    jdk_has virtual_threads || return 0
    start_jvm "virtual-$V" "$DIR/virtual" -Djdk.virtualThreadScheduler.parallelism=2 -cp "$CP" \
        "$TOP/tests/jvm/java/Virtual.java"
    wait_exit "$pid"
    restore "virtual-$V" "$DIR/virtual" -- 'NewLife$Second' b
    wait_exit "$pid"
    is "$(grep -v 'second main' "$log" | tr '\n' ' ')" "second argument =[b] returned end " \
        "JDK $V: main class: it runs on a virtual thread that asked"
}

# Native code has changed the environment: Java and C agree afterwards, on the variables given.
native_environment() {
    jdk_has foreign_functions || return 0
    OPTIONS+=(gc=false)
    CHANGED=1 REMOVED=1 start_jvm "native-$V" "$DIR/native" --enable-native-access=ALL-UNNAMED -cp "$CP" \
        "$TOP/tests/jvm/java/NativeEnv.java"
    wait_exit "$pid"
    NATIVE=2 CHANGED=2 restore "native-$V" "$DIR/native"
    wait_exit "$pid"
    is "$(grep -E '^(c|java) ' "$log" | sort | tr '\n' ' ')" \
        "c CHANGED=2 c NATIVE=2 c REMOVED=null java CHANGED=2 java NATIVE=2 java REMOVED=null " \
        "JDK $V: variables that native code had set and removed are reset" || diag "$(tail "$log")"
    OPTIONS=(addr=none)
}

wrong_arguments() {
    local image=$DIR/image
    run "$CKPT" restore "$image" -D
    is "$status" 2 "restore: -D alone ends with 2"
    like "$err" "expected -DKEY=VALUE" "restore: -D alone is reported with the expected form"
    run "$CKPT" restore "$image" -D=x
    is "$status" 2 "restore: -D with an empty key ends with 2"
    run "$CKPT" restore "$image" --env =x
    like "$status$out$err" "^2.* has no variable name; expected KEY=VALUE" \
        "restore: --env without a name ends with 2"
    run "$CKPT" restore "$image" --env-file "$TMP/not-there"
    refused "restore: a missing --env-file is refused" "cannot read '$TMP/not-there': no such file"
    printf 'A=1\nB C=2\n' >"$TMP/wrong-file"
    run "$CKPT" restore "$image" --env-file "$TMP/wrong-file"
    refused "restore: a wrong line of --env-file is refused with its number" \
        "$TMP/wrong-file:2: 'B C' is not a variable name; expected"
    printf 'A=1\nB=\0\n' >"$TMP/wrong-file"
    run "$CKPT" restore "$image" --env-file "$TMP/wrong-file"
    refused "restore: a zero byte in --env-file is refused with its line" "$TMP/wrong-file:2: a zero byte"
    run "$CKPT" restore "$image" --
    is "$status" 2 "restore: no word after '--' ends with 2"
    run "$CKPT" restore "$image" word
    is "$status" 2 "restore: a second directory ends with 2"
    like "$err" "after '--'" "restore: a second directory is reported with a hint about '--'"
}

RUN_SECONDS=20
each_jdk parameters
each_jdk main_class
each_jdk lazy_copy
each_jdk modules
each_jdk virtual_thread
each_jdk native_environment
wrong_arguments
done_testing
