#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# -javaagent:checkpointer.jar: does what -agentpath does, with the same options, and prints no more
# than that; the library that it unpacks is a file for a moment only, in any folder, and no image
# needs it; together with -agentpath it does no harm.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3 readelf unshare
compile Late
JAR=$BUILD/checkpointer.jar
ALL=$'1\n2\n3\nbefore checkpoint\nafter restore\n4\n5\n6\nbefore checkpoint\nafter restore\n7'

# with_jar NAME [as_user] OPTIONS JAVA-ARGUMENT...
with_jar() {
    local name="$V $1" user=() options
    shift
    [ "$1" != as_user ] || { user=(as_user) && shift; }
    options=addr=none${1:+,$1}
    shift
    start "$name" "${user[@]}" "$JAVA" "-javaagent:$JAR=$options" "$@"
}

# unzip_one JAR NAME: prints that entry.
unzip_one() {
    python3 -c 'import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' "$@"
}

content() {
    local jar=$TMP/again.jar
    unzip_one "$JAR" native/linux-x86_64/libcheckpointer.so >"$TMP/native.so"
    is "$(readelf -n "$TMP/native.so" | grep 'Build ID')" "$(readelf -n "$AGENT" | grep 'Build ID')" \
        "checkpointer.jar: the library is in it under its architecture's name"
    run python3 "$TOP/tools/make-jar" --javac "$JAVAC" --output "$jar" \
        --scratch "$TMP/scratch" --version "$("$CKPT" --version | sed 's/.* //')" \
        --native "linux-x86_64=$AGENT" "$TOP"/src/java-agent/checkpointer/agent/*.java
    ok "make-jar: the same sources make the same jar" cmp "$JAR" "$jar"
    run python3 "$TOP/tools/make-jar" --javac "$JAVAC" --output "$TMP/other.jar" \
        --scratch "$TMP/scratch" --version 0 --native "linux-aarch64=$AGENT" \
        --native "linux-x86_64-musl=$AGENT" "$TOP"/src/java-agent/checkpointer/agent/*.java
    is "$status$out$err" 0 "make-jar: a jar for several architectures is made"
}

# The folder for temporary files is removed before the restore.
generations() {
    local folder=$DIR/tmp
    mkdir "$folder"
    with_jar own "image=$DIR/own" "-Djava.io.tmpdir=$folder" -jar "$SIMPLE" --period 20 \
        --checkpoint-at 3,6 --until 7
    wait_exit "$pid"
    is "$status/$(ls -A "$folder")" 137/ "$V: own request: the JVM is frozen, no file is left"
    rmdir "$folder"
    restore "$V own" "$DIR/own"
    wait_exit "$pid"
    is "$status" 137 "$V: own request: the restored JVM is frozen"
    restore "$V own" "$DIR/own"
    wait_exit "$pid"
    is "$status/$(<"$log")" "0/$ALL" "$V: own request: the output is that with -agentpath, and no more"
}

by_pid() {
    local image=$DIR/pid
    with_jar pid "" -jar "$SIMPLE" --period 20
    wait_line "$log" 2
    ok "$V: by PID: the library's file is deleted while the JVM runs" \
        grep -q 'libcheckpointer.*(deleted)' "/proc/$pid/maps"
    for generation in 1 2; do
        freeze "$pid" "$image" "$V: by PID, generation $generation" || return
        run "$CKPT" inspect --verify "$image"
        is "$status$err" 0 "$V: by PID: inspect --verify accepts the image of generation $generation"
        unlike "$out" "libcheckpointer" \
            "$V: by PID: the image of generation $generation needs no library file"
        run readelf -a -W "$image/image"
        is "$status/$err" 0/ "$V: by PID: readelf finds no error in the image of generation $generation"
        restore "$V pid" "$image"
        wait_more "$log" 2 || fail "$V: by PID: generation $generation continues"
        not_ok "$V: by PID: generation $generation maps no library file" \
            grep -q 'libcheckpointer' "/proc/$pid/maps"
    done
    stop "$pid"
    not_ok "$V: by PID: the JVM removes its control socket at its end" test -e "$(control_socket "$pid")"
    in_sequence "$log" "$V: by PID: the JVM counts without a gap"
}

by_user() {
    user_ready
    JAR=$(for_user "$BUILD/checkpointer.jar")
    with_jar user as_user "" "-Djava.io.tmpdir=$USER_DIR" -cp "$(for_user "$SIMPLE")" \
        example.Counter --period 20
    JAR=$BUILD/checkpointer.jar
    wait_line "$log" 2
    freeze as_user "$pid" "$USER_DIR/$V" "$V: an ordinary user" || return
    restore "$V user" as_user "$USER_DIR/$V"
    ok "$V: an ordinary user's JVM is restored" wait_more "$log" 2
    stop "$pid"
}

# What the program sees.
seen() {
    run "$JAVA" "-javaagent:$JAR=addr=none" -cp "$CP" Late <<<"" # an empty line is no command
    like "$out" ^ready "$V: the program starts with -javaagent"
    rm -f "$TMP/in" && mkfifo "$TMP/in" && exec 8<>"$TMP/in"
    printf '%s\n' bean register end >&8
    "$JAVA" "-javaagent:$JAR=addr=none" -cp "$CP" Late <"$TMP/in" >"$TMP/seen" 2>&1 8>&- &
    pid=$!
    tap_started+=("$pid")
    wait_exit "$pid"
    exec 8>&-
    if jdk_has modules; then
        is "$status/$(tr '\n' ' ' <"$TMP/seen")" \
            "0/ready jdk.management:type=CRaC done: bean done: register " \
            "$V: the program finds the CRaC MXBean, and ends with 0"
    fi
    not_ok "$V: the program leaves no control socket" test -e "$(control_socket "$pid")"
}

wrong_start() {
    run "$JAVA" "-javaagent:$JAR=gc=maybe" -jar "$SIMPLE" --until 1
    is "$status/$out/$err" "1//checkpointer: error: agent option 'gc=maybe': expected true or false" \
        "$V: a wrong option ends the start with one line"
    run "$JAVA" "-javaagent:$TMP/other.jar" -jar "$SIMPLE" --until 1
    is "$status/$out/$err" "1//checkpointer: error: '$TMP/other.jar' has no library for \
linux-x86_64; it has linux-aarch64, linux-x86_64-musl" \
        "$V: a jar for other architectures ends the start with one line"
}

# noexec COMMAND...: with $DIR/noexec and /dev/shm mounted without permission to execute.
noexec() {
    unshare -m bash -c 'mount -t tmpfs -o noexec,mode=1777 tmpfs "$0" &&
        mount -t tmpfs -o noexec tmpfs /dev/shm && "$@"' "$DIR/noexec" "$@"
}

# in_noexec: first all folders are noexec, then only the one for temporary files, where the image is too.
in_noexec() {
    local here=$DIR/noexec
    cp "$JAR" "$here/c.jar"
    XDG_RUNTIME_DIR=$here/run XDG_CACHE_HOME=$here "$JAVA" "-Djava.io.tmpdir=$here" \
        "-javaagent:$here/c.jar" -jar "$SIMPLE" --until 1 >"$DIR/vain" 2>&1
    printf 'status %d, left: %s\n' $? "$(ls -A "$here")" >>"$DIR/vain"
    "$JAVA" "-Djava.io.tmpdir=$here" "-javaagent:$JAR=addr=none,image=$here/image" -jar "$SIMPLE" \
        --period 20 --checkpoint-at 1 --until 2 >"$DIR/next" 2>&1
    "$CKPT" restore "$here/image" >>"$DIR/next" 2>&1
    printf 'status %d\n' $? >>"$DIR/next"
}

folders() {
    run "$JAVA" "-Djava.io.tmpdir=$DIR/not-there" "-javaagent:$JAR=addr=none" -jar "$SIMPLE" --until 1
    is "$status$out/$(grep -v "java.io.tmpdir directory" <<<"$err")" 01/ \
        "$V: no folder for temporary files: the next one is used"
    is "$(find "$BUILD" -maxdepth 1 -name '.libcheckpointer*')" "" \
        "$V: no folder for temporary files: nothing is left in the next one"
    mkdir -p "$DIR/noexec"
    if [ "$(id -u)" -ne 0 ] || ! noexec true 2>/dev/null; then
        cannot "$V: all folders noexec: each is named, and no file is left" "no mount can be made here"
        return
    fi
    noexec in_noexec 2>/dev/null # bash reports the process that was killed
    contains "$(<"$DIR/vain")" "checkpointer: error: cannot load the agent's library from any folder: \
'$DIR/noexec' (failed to map segment from shared object), '$DIR/noexec/run' (does not exist), \
'/dev/shm' (failed to map segment from shared object); name another with -Djava.io.tmpdir=DIR, or use \
-agentpath"$'\n'"status 1, left: c.jar" "$V: all folders noexec: each is named, and no file is left"
    is "$(tr '\n' ' ' <"$DIR/next")" "1 before checkpoint after restore 2 status 0 " \
        "$V: temporary folder noexec: another one is used, and the image is restored"
}

both() { # WHAT AGENT AGENT
    run "$JAVA" "${@:2}" -jar "$SIMPLE" --period 20 --checkpoint-at 2 --until 3
    is "$status/$out" $'137/1\n2\nbefore checkpoint' "$V: both agents, $1: the JVM is frozen"
    like "$err" "^checkpointer: warning: the agent is already in this JVM; [^"$'\n'"]*not used$" \
        "$V: both agents, $1: the second warns that it is not used"
    run "$CKPT" restore "$DIR/both"
    is "$status/$out$err" $'0/after restore\n3' "$V: both agents, $1: the JVM is restored"
}

several() {
    local pids=() one lines=
    for one in 1 2 3 4; do
        with_jar "several $one" "" -jar "$SIMPLE" --until 2 --period 1
        pids+=("$pid")
    done
    for one in 1 2 3 4; do
        wait_exit "${pids[one - 1]}"
        lines+="$status $(tr '\n' ' ' <"$TMP/$V several $one.log")"
    done
    is "$lines" "0 1 2 0 1 2 0 1 2 0 1 2 " "$V: four JVMs with the jar start at once"
}

body() {
    generations
    by_pid
    by_user
    seen
    wrong_start
    folders
    both "-agentpath first" "-agentpath:$AGENT=addr=none,image=$DIR/both" "-javaagent:$JAR=addr=none"
    both "-javaagent first" "-javaagent:$JAR=addr=none,image=$DIR/both" "-agentpath:$AGENT=addr=none"
    several
}
export -f in_noexec
export DIR JAR SIMPLE CKPT JAVA
content
each_jdk body
done_testing
