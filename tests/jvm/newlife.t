#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# New life for a restored process: system properties, environment and a main class, given to
# `restore`; every character survives, Java and the C library see the same.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile NewLife

KEYS=(NEW_A NEW_B NEW_C NEW_D NEW_E NEW_F NEW_G GONE)
ODD=$'a b\t"c" \'d\' \\e\\ $f `g` %h,i;j=k=l \u00e4\u20ac\U1f600'
ODD_SEEN='a b\u0009"c" '"'d'"' \e\ $f `g` %h,i;j=k=l \u00e4\u20ac\ud83d\ude00'

# told LOG WHAT LINE: whether the log has the line.
told() {
    if grep -qxF -- "$3" "$1"; then
        pass "$2"
    else
        fail "$2" "not said: $3" "$(grep -F "${3%%=*}" "$1" | tail -n 5)"
    fi
}

parameters() {
    local log=$TMP/life-$V.log directory=$DIR/image
    export NEW_A=old GONE=old NEW_LINES=$'a=b\nc=d'
    start_jvm "life-$V" - -cp "$CP" -DNEW_A=old -DNEW_B=old NewLife wait "${KEYS[@]}"
    unset GONE
    wait_line "$log" ready
    told "$log" "JDK $V: before, the environment is that of the start" "before env NEW_A=[old]"
    freeze "$pid" "$directory" "JDK $V"

    printf '%s\n' '# a comment' '' "NEW_D=$ODD" '  NEW_E=from file' 'NEW_A' "NEW_F=x # y" >"$TMP/env-file"
    export NEW_A=changed NEW_G=a
    restore "life-$V" "$directory" "-DNEW_A=$ODD" -DNEW_B -DNEW_C= -DNEW_D=a=b=c -D' spaced key'=1 \
        --env "NEW_B=$ODD" --env=NEW_C= --env-file "$TMP/env-file" --env NEW_UNSET \
        --env NEW_G=a=b --env NEW_G=a=b=c
    wait_line "$log" "hook count"
    told "$log" \
        "JDK $V: a property with blanks, quotes, backslashes and UTF-8" "hook property NEW_A=[$ODD_SEEN]"
    told "$log" "JDK $V: -DKEY is an empty property" "hook property NEW_B=[]"
    told "$log" "JDK $V: so is -DKEY=" "hook property NEW_C=[]"
    told "$log" "JDK $V: a property's value may have '='" "hook property NEW_D=[a=b=c]"
    told "$log" "JDK $V: the environment of the command is the JVM's" "hook env NEW_A=[changed]"
    told "$log" "JDK $V: what that does not have is gone" "hook env GONE=null"
    told "$log" "JDK $V: --env with every kind of character" "hook env NEW_B=[$ODD_SEEN]"
    told "$log" "JDK $V: an empty variable" "hook env NEW_C=[]"
    told "$log" "JDK $V: a line of the file, as it stands" "hook env NEW_D=[$ODD_SEEN]"
    told "$log" "JDK $V: a value with '='" "hook env NEW_G=[a=b=c]"
    is "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c '^NEW_G=')" 1 "JDK $V: in place of the one before it"
    told "$log" "JDK $V: a line with blanks before it" "hook env NEW_E=[from file]"
    told "$log" "JDK $V: '#' in a value is the value's" "hook env NEW_F=[x # y]"
    ok "JDK $V: child processes see the same" grep -q 'hook child =.*NEW_A=changed .*NEW_E=from file' "$log"
    is "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -a '^NEW_[AE]' | sort)" \
        $'NEW_A=changed\nNEW_E=from file' "JDK $V: and so does who looks from outside"
    ok "JDK $V: System.getenv() as a map has as many" test \
        "$(grep -azc = "/proc/$pid/environ")" = \
        "$(sed -n 's/^hook count =\[\(.*\)\]/\1/p' "$log")"

    # The next generation, with nothing but what is said.
    freeze "$pid" "$directory" "JDK $V: again"
    restore "life-$V" --clear-env --env NEW_C=only --env PATH "$directory"
    wait_line "$log" "hook count =[2]"
    told "$log" "JDK $V: --clear-env leaves what is said" "hook env NEW_C=[only]"
    is "$(grep -c 'hook env NEW_A=null' "$log")" 1 "JDK $V: and nothing else"
    is "$(grep -c -F "hook property NEW_A=[$ODD_SEEN]" \
        "$log")" 2 "JDK $V: properties stay from one generation to the next"
    kill "$pid"
    wait_exit "$pid" 30
}

main_class() {
    local log=$TMP/main-$V.log directory=$DIR/main
    start_jvm "main-$V" "$directory" -cp "$CP" NewLife core X
    wait_exit "$pid" 30
    restore "main-$V" "$directory" -- 'NewLife$Second' "$ODD" '' -DX=1 --
    wait_exit "$pid" 30
    told "$log" "JDK $V: a main class runs on the thread that asked" "second main in thread main"
    is "$(grep -c '^second argument' "$log")" 4 "JDK $V: it gets all arguments behind its name"
    told "$log" "JDK $V: as they are" "second argument =[$ODD_SEEN]"
    told "$log" "JDK $V: also an empty one" "second argument =[]"
    told "$log" "JDK $V: and options of ours" "second argument =[-DX=1]"
    ok "JDK $V: after the hooks" test "$(grep -n -m 1 '^hook count' "$log" | cut -d: -f1)" -lt \
        "$(grep -n '^second main' "$log" | cut -d: -f1)"
    told "$log" "JDK $V: then checkpointRestore() returns" returned
    is "$(grep -c '^second main' "$log")" 1 "JDK $V: it runs once, a later checkpoint does not run it again"

    restore "throws-$V" "$directory" -- 'NewLife$Second' throw
    wait_exit "$pid" 30
    told "$TMP/throws-$V.log" "JDK $V: what it throws is in a RestoreException" \
        "for java.lang.IllegalStateException: as asked"
    restore "absent-$V" "$directory" -- no.such.Main
    wait_exit "$pid" 30
    told "$TMP/absent-$V.log" "JDK $V: so is a class that is not there" \
        "for java.lang.ClassNotFoundException: no.such.Main"
    restore "plain-$V" "$directory"
    wait_exit "$pid" 30
    told "$TMP/plain-$V.log" "JDK $V: without one, checkpointRestore() returns" returned
    is "$(grep -c '^second main' "$TMP/plain-$V.log")" 0 "JDK $V: and none is run"

    start_jvm "asked-$V" - -cp "$CP" NewLife wait X
    wait_line "$TMP/asked-$V.log" ready
    freeze "$pid" "$DIR/asked" "JDK $V"
    restore "asked-$V" "$DIR/asked" -- 'NewLife$Second' b
    wait_line "$TMP/asked-$V.log" "second argument =[b]"
    told "$TMP/asked-$V.log" "JDK $V: frozen from outside, it runs on a thread 'main' of its own" \
        "second main in thread main"
    kill "$pid"
    wait_exit "$pid" 30
}

# Who does not ask for the environment does not wait for Java's copy of it, and finds the new one later.
unasked() {
    local log=$TMP/unasked-$V.log
    [ "$V" -ge 11 ] || return 0 # has no such log
    start_jvm "unasked-$V" - "-Xlog:class+init=info:file=$DIR/classes" -jar "$SIMPLE"
    wait_line "$log" 2
    freeze "$pid" "$DIR/unasked" "JDK $V"
    restore "unasked-$V" --env UNASKED=1 "$DIR/unasked"
    wait_more "$log" 2
    ok "JDK $V: the log tells of classes" grep -q "nitializing 'java/lang/Thread'" "$DIR/classes"
    is "$(count_lines "$DIR/classes" "nitializing 'java/lang/ProcessEnvironment'")" 0 \
        "JDK $V: a new environment is not copied in Java before somebody asks"
    kill "$pid"
    wait_exit "$pid" 30
}

# A main class as java takes one: of a package that its module keeps to itself, not public.
modules() {
    local modules=$TMP/modules said
    [ "$V" != 8 ] || return 0
    if [ ! -d "$modules" ]; then
        mkdir -p "$TMP/sources/inner"
        echo 'module inner { }' >"$TMP/sources/module-info.java"
        echo 'package inner; public class First { public static void main(String[] args) throws Exception {
            System.out.println("ready"); Thread.sleep(120000); } }' >"$TMP/sources/inner/First.java"
        echo 'package inner; class Second { public static void main(String[] args) {
            System.out.println("inner " + args[0]); System.exit(7); } }' >"$TMP/sources/inner/Second.java"
        echo 'package inner; public class Number { public static int main(String[] args) {
            return 0; } }' >"$TMP/sources/inner/Number.java"
        said=$("$JAVAC" -d "$modules" "$TMP"/sources/*.java "$TMP"/sources/inner/*.java 2>&1) ||
            bail_out "javac failed: $said"
    fi
    start_jvm "module-$V" - -p "$modules" -m inner/inner.First
    wait_line "$log" ready
    freeze "$pid" "$DIR/module" "JDK $V: a module"
    restore "module-$V" "$DIR/module" -- inner.Second word
    wait_exit "$pid" 30
    is "$status $(tail -n 1 "$log")" "7 inner word" \
        "JDK $V: a main class that is not public, in a package that is not exported" || diag "$(tail "$log")"
    restore "number-$V" "$DIR/module" -- inner.Number
    wait_line "$TMP/number-$V.log" "NoSuchMethodException: inner.Number.main(String[]) is not static void" &&
        pass "JDK $V: one that returns something is told"
    stop "$pid"
}

# A virtual thread that asks for the checkpoint and goes on on another native thread.
virtual_thread() {
    [ "${V%%.*}" -ge 21 ] || return 0
    start_jvm "virtual-$V" "$DIR/virtual" -Djdk.virtualThreadScheduler.parallelism=2 -cp "$CP" \
        "$TOP/tests/jvm/java/Virtual.java"
    wait_exit "$pid" 30
    restore "virtual-$V" "$DIR/virtual" -- 'NewLife$Second' b
    wait_exit "$pid" 30
    is "$(grep -v 'second main' "$log" | tr '\n' ' ')" "second argument =[b] returned end " \
        "JDK $V: on a virtual thread the main class runs too, whatever carries it"
}

# What native code did to the environment: Java and C agree afterwards, on what is given.
native_environment() {
    [ "${V%%.*}" -ge 22 ] || return 0
    OPTIONS+=(gc=false)
    CHANGED=1 REMOVED=1 start_jvm "native-$V" "$DIR/native" --enable-native-access=ALL-UNNAMED -cp "$CP" \
        "$TOP/tests/jvm/java/NativeEnv.java"
    wait_exit "$pid" 30
    NATIVE=2 CHANGED=2 restore "native-$V" "$DIR/native"
    wait_exit "$pid" 30
    is "$(grep -E '^(c|java) ' "$log" | sort | tr '\n' ' ')" \
        "c CHANGED=2 c NATIVE=2 c REMOVED=null java CHANGED=2 java NATIVE=2 java REMOVED=null " \
        "JDK $V: variables that native code had set and removed" || diag "$(tail "$log")"
    OPTIONS=(addr=none)
}

wrong() {
    local image=$DIR/image
    run "$CKPT" restore "$image" -D
    is "$status" 2 "-D alone is a wrong argument"
    like "$err" "expected -DKEY=VALUE" "with what was expected"
    run "$CKPT" restore "$image" -D=x
    is "$status" 2 "so is an empty key"
    run "$CKPT" restore "$image" --env =x
    refused "a variable without a name is refused" "names no variable; expected KEY=VALUE"
    run "$CKPT" restore "$image" --env-file "$TMP/not-there"
    refused "so is a file that is not there" "cannot read '$TMP/not-there': no such file"
    printf 'A=1\nB C=2\n' >"$TMP/wrong-file"
    run "$CKPT" restore "$image" --env-file "$TMP/wrong-file"
    refused "and a line that is none, with its number" \
        "$TMP/wrong-file:2: 'B C' is no name of a variable; expected"
    printf 'A=1\nB=\0\n' >"$TMP/wrong-file"
    run "$CKPT" restore "$image" --env-file "$TMP/wrong-file"
    refused "and a zero byte" "$TMP/wrong-file:2: a zero byte"
    run "$CKPT" restore "$image" --
    is "$status" 2 "nothing behind '--' is a wrong argument"
    run "$CKPT" restore "$image" word
    is "$status" 2 "so is a second directory"
    like "$err" "behind '--'" "with where arguments go"
}

RUN_SECONDS=20
each_jdk parameters
each_jdk main_class
each_jdk unasked
each_jdk modules
each_jdk virtual_thread
each_jdk native_environment
wrong
done_testing
