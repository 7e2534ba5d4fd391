#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What a restore by criu gives to the JVM: properties, environment, working directory, main class and
# standard streams; clones whose random values differ; the JDK's tools; the JVM in the background.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
compile NewLife Renew WorkDir
ODD=$'a b\t"c" \'d\' \\e\\ $f `g` %h,i;j=k=l \u00e4\u20ac\U1f600'
ODD_SEEN='a b\u0009"c" '"'d'"' \e\ $f `g` %h,i;j=k=l \u00e4\u20ac\ud83d\ude00'

# dump DIR: has criu dump JVM $jvm; pid is what this shell started, the JVM or its `restore`.
dump() {
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$1"
    is "$status$out$err" 0 "$V: the JVM is dumped" || return
    wait_exit "$pid"
}

has_line() { # LOG NAME LINE
    ok "$2" grep -qxF -- "$3" "$1"
}

parameters() {
    local jvm
    export NEW_A=old GONE=old
    start_jvm "life-$V" - -cp "$CP" -DNEW_A=old NewLife wait NEW_A NEW_B NEW_G GONE
    unset GONE
    jvm=$pid
    wait_line "$log" ready
    dump "$DIR/life" || return
    export NEW_A=changed
    restore "life-$V" "--criu=$CRIU" "$DIR/life" "-DNEW_A=$ODD" --env "NEW_B=$ODD" --env NEW_G=1
    wait_line "$log" "hook count"
    has_line "$log" "$V: -D: a value with every kind of character is kept" "hook property NEW_A=[$ODD_SEEN]"
    has_line "$log" "$V: the JVM has the environment of the command" "hook env NEW_A=[changed]"
    has_line "$log" "$V: a variable that the command does not have is unset" "hook env GONE=null"
    has_line "$log" "$V: --env: a value with every kind of character is kept" "hook env NEW_B=[$ODD_SEEN]"
    ok "$V: child processes get the new environment" grep -q 'hook child =.*NEW_A=changed ' "$log"
    is "$(tr '\0' '\n' <"/proc/$jvm/environ" | grep -a '^NEW_[AG]' | sort | tr '\n' ' ')" \
        "NEW_A=changed NEW_G=1 " "$V: /proc/PID/environ has the new environment"
    dump "$DIR/life" || return
    restore "life-$V" "--criu=$CRIU" --clear-env --env PATH "$DIR/life"
    wait_line "$log" "hook env NEW_A=null"
    pass "$V: the next generation gets its own environment"
    stop "$pid"
}

main_class() {
    start_jvm "main-$V" - -cp "$CP" NewLife wait X
    jvm=$pid
    wait_line "$log" ready
    dump "$DIR/main" || return
    restore "main-$V" "--criu=$CRIU" "$DIR/main" -- 'NewLife$Second' "$ODD" '' --
    wait_line "$log" "second argument =[--]"
    has_line "$log" "$V: the new main class runs on the thread 'main'" "second main in thread main"
    has_line "$log" "$V: an argument with every kind of character is kept" "second argument =[$ODD_SEEN]"
    stop "$pid"
}

clones() {
    local i
    printf '%s\n' "127.0.0.1 here.test" "127.0.0.1 $(uname -n)" >"$DIR/hosts"
    start_jvm "original-$V" - -Xmx64m -XX:+UseSerialGC -Djdk.net.hosts.file="$DIR/hosts" -cp "$CP" Renew
    jvm=$pid
    wait_line "$log" ready
    dump "$DIR/clones" || return
    for i in 1 2; do
        restore "clone-$V-$i" "--criu=$CRIU" "$DIR/clones"
        wait_exit "$pid"
        is "$status$(tail -n 1 "$log")" 0done "$V: clone $i ends without an error"
    done
    is "$(awk '$1 !~ /^(ready|done|name-.*|pid.*|info)$/ && NF == 2 && seen[$1, $2]++ { print $1 }' \
        "$TMP/clone-$V-1.log" "$TMP/clone-$V-2.log")" "" "$V: no random value occurs in two clones"
    ok "$V: clones print at least 25 kinds of values" \
        test "$(cut -d ' ' -f 1 "$TMP/clone-$V-1.log" | sort -u | wc -l)" -ge 25
}

# The JDK's tools find the restored JVM by its hsperfdata; it is asked over its attach socket.
tools() {
    start_jvm "tools-$V" - -jar "$SIMPLE" --period 20
    jvm=$pid
    wait_line "$log" 2
    "$JAVA_HOME/bin/jcmd" "$jvm" VM.version >/dev/null # so that it has an attach socket
    dump "$DIR/tools" || return
    not_ok "$V: hsperfdata is removed when the JVM has ended" test -e "/tmp/hsperfdata_$(id -un)/$jvm"
    restore "tools-$V" "--criu=$CRIU" "$DIR/tools"
    wait_more "$log" 2
    is "$(stat -c '%a %U' "/tmp/hsperfdata_$(id -un)/$jvm")" "600 $(id -un)" \
        "$V: hsperfdata is there again, with its owner and mode"
    "$JAVA_HOME/bin/jps" >"$DIR/jps"
    ok "$V: jps lists the restored JVM" grep "^$jvm [^ ]" "$DIR/jps"
    run "$JAVA_HOME/bin/jcmd" "$jvm" Thread.print
    contains "$out" "example.Counter.run" "$V: jcmd gets an answer of the restored JVM"
    stop "$pid"
}

detached() {
    start_jvm "detached-$V" - -jar "$SIMPLE" --period 20
    jvm=$pid
    wait_line "$log" 2
    dump "$DIR/detached" || return
    "$CKPT" restore --detach "--criu=$CRIU" "$DIR/detached" >"$DIR/detached.pid" </dev/null 2>>"$log"
    is "$(head -n 1 "$DIR/detached.pid")" "$jvm" "$V: --detach prints the PID and ends"
    ok "$V: --detach: the JVM counts, with the streams of the command" \
        wait_line "$DIR/detached.pid" "after restore"
    is "$(ps -o ppid= -p "$jvm" | tr -d ' ')" 1 "$V: --detach: the JVM belongs to init"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/detached"
    is "$status$err" 0 "$V: --detach: it can be dumped again"
}

has_environment() { # waits until JVM $jvm is restored with NEW_A=1
    timeout 60 bash -c \
        'until tr "\0" "\n" <"/proc/$0/environ" | grep -qx NEW_A=1; do :; done 2>/dev/null' "$jvm"
}

# Streams that the caller of `restore` has closed.
closed_streams() {
    local fd
    start_jvm "closed-$V" - -cp "$CP" NewLife wait NEW_A
    jvm=$pid
    wait_line "$log" ready
    dump "$DIR/closed" || return
    for fd in 0 1 2; do
        start "closed-$V" bash -c "exec \"\$@\" $fd>&-" - \
            "$CKPT" restore --criu "$CRIU" --env NEW_A=1 "$DIR/closed"
        has_environment
        is "$(readlink "/proc/$jvm/fd/$fd")" /dev/null \
            "$V: descriptor $fd that restore was started without is /dev/null"
        stop "$pid"
    done
    start "closed-$V" bash -c 'exec "$@" <&- >&- 2>&-' - \
        "$CKPT" restore --criu "$CRIU" --env NEW_A=1 "$DIR/closed"
    has_environment
    is "$(cd "/proc/$jvm/fd" && readlink 0 1 2 | sort -u)" /dev/null \
        "$V: a restore that is started without standard streams gives /dev/null to the JVM"
    stop "$pid"
}

each_jdk parameters
each_jdk closed_streams
each_jdk main_class
each_jdk clones
each_jdk tools
each_jdk detached
done_testing
