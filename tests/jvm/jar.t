#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# -javaagent:checkpointer.jar: does what -agentpath does, with the same options, and prints no more
# than that; the library that it unpacks is a file for a moment only, wherever that may be, and no
# image asks for it; beside -agentpath it does no harm.
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

# unzip_one JAR NAME: prints it.
unzip_one() {
    python3 -c 'import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' "$@"
}

content() {
    local jar=$TMP/again.jar
    unzip_one "$JAR" native/linux-x86_64/libcheckpointer.so >"$TMP/native.so"
    is "$(readelf -n "$TMP/native.so" | grep 'Build ID')" "$(readelf -n "$AGENT" | grep 'Build ID')" \
        "the jar has the library that was built, under its architecture's name"
    run python3 "$TOP/tools/make-jar" --javac "$JAVAC" --output "$jar" \
        --scratch "$TMP/scratch" --version "$("$CKPT" --version | sed 's/.* //')" \
        --native "linux-x86_64=$AGENT" "$TOP"/src/java-agent/checkpointer/agent/*.java
    ok "the same sources make the same jar" cmp "$JAR" "$jar"
    run python3 "$TOP/tools/make-jar" --javac "$JAVAC" --output "$TMP/other.jar" \
        --scratch "$TMP/scratch" --version 0 --native "linux-aarch64=$AGENT" \
        --native "linux-x86_64-musl=$AGENT" "$TOP"/src/java-agent/checkpointer/agent/*.java
    is "$status$out$err" 0 "a jar for several architectures"
}

# The folder for temporary files is gone before the restore.
generations() {
    local folder=$DIR/tmp
    mkdir "$folder"
    with_jar own "image=$DIR/own" "-Djava.io.tmpdir=$folder" -jar "$SIMPLE" --period 20 \
        --checkpoint-at 3,6 --until 7
    wait_exit "$pid"
    is "$status/$(ls -A "$folder")" 137/ "$V: frozen by its own request, no file left"
    rmdir "$folder"
    restore "$V own" "$DIR/own"
    wait_exit "$pid"
    is "$status" 137 "$V: and again"
    restore "$V own" "$DIR/own"
    wait_exit "$pid"
    is "$status/$(<"$log")" "0/$ALL" "$V: as with -agentpath, and not a word more"
}

by_pid() {
    local image=$DIR/pid
    with_jar pid "" -jar "$SIMPLE" --period 20
    wait_line "$log" 2
    ok "$V: the library's file is gone while it runs" grep -q 'libcheckpointer.*(deleted)' "/proc/$pid/maps"
    for generation in 1 2; do
        freeze "$pid" "$image" "$V: by PID, generation $generation" || return
        run "$CKPT" inspect --verify "$image"
        is "$status$err" 0 "$V: the image of generation $generation is sound"
        unlike "$out" "libcheckpointer" "$V: and names no library"
        run readelf -a -W "$image/image"
        is "$status/$err" 0/ "$V: readelf finds no fault in it"
        restore "$V pid" "$image"
        wait_more "$log" 2 || fail "$V: generation $generation goes on"
        not_ok "$V: nor does the restored JVM map one" grep -q 'libcheckpointer' "/proc/$pid/maps"
    done
    stop "$pid"
    not_ok "$V: its socket goes with it" test -e "$(control_socket "$pid")"
    in_sequence "$log" "$V: and no number was lost"
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
    ok "$V: an ordinary user's JVM" wait_more "$log" 2
    stop "$pid"
}

# What the program sees.
seen() {
    run "$JAVA" "-javaagent:$JAR=addr=none" -cp "$CP" Late <<<"" # an empty line: no word
    like "$out" ^ready "$V: a program starts"
    rm -f "$TMP/in" && mkfifo "$TMP/in" && exec 8<>"$TMP/in"
    printf '%s\n' bean register end >&8
    "$JAVA" "-javaagent:$JAR=addr=none" -cp "$CP" Late <"$TMP/in" >"$TMP/seen" 2>&1 8>&- &
    pid=$!
    tap_started+=("$pid")
    wait_exit "$pid"
    exec 8>&-
    if [ "$V" -ge 9 ]; then
        is "$status/$(tr '\n' ' ' <"$TMP/seen")" \
            "0/ready jdk.management:type=CRaC done: bean done: register " \
            "$V: it has the CRaC MXBean, and ends in order"
    fi
    not_ok "$V: and leaves no socket" test -e "$(control_socket "$pid")"
}

wrong() {
    run "$JAVA" "-javaagent:$JAR=gc=maybe" -jar "$SIMPLE" --until 1
    is "$status/$out/$err" "1//checkpointer: error: agent option 'gc=maybe': expected true or false" \
        "$V: a wrong option ends the start in one line"
    run "$JAVA" "-javaagent:$TMP/other.jar" -jar "$SIMPLE" --until 1
    is "$status/$out/$err" "1//checkpointer: error: '$TMP/other.jar' has no library for \
linux-x86_64; it has linux-aarch64, linux-x86_64-musl" "$V: so does a jar for other machines"
}

# noexec COMMAND...: with $DIR/noexec and /dev/shm mounted so.
noexec() {
    unshare -m bash -c 'mount -t tmpfs -o noexec,mode=1777 tmpfs "$0" &&
        mount -t tmpfs -o noexec tmpfs /dev/shm && "$@"' "$DIR/noexec" "$@"
}

# in_vain: all folders are noexec, and then the one for temporary files alone; the image is there too.
in_vain() {
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
        "$V: no folder for temporary files: the next one does"
    is "$(find "$BUILD" -maxdepth 1 -name '.libcheckpointer*')" "" "$V: nothing is left there"
    mkdir -p "$DIR/noexec"
    if [ "$(id -u)" -ne 0 ] || ! noexec true 2>/dev/null; then
        cannot "$V: noexec" "no mount can be made here"
        return
    fi
    noexec in_vain 2>/dev/null # bash tells who was killed
    contains "$(<"$DIR/vain")" "checkpointer: error: no folder will do to load the agent's library from: \
'$DIR/noexec' (failed to map segment from shared object), '$DIR/noexec/run' (not there), \
'/dev/shm' (failed to map segment from shared object); name another with -Djava.io.tmpdir=DIR, or use \
-agentpath"$'\n'"status 1, left: c.jar" "$V: all folders noexec: each is named, and nothing left"
    is "$(tr '\n' ' ' <"$DIR/next")" "1 before checkpoint after restore 2 status 0 " \
        "$V: the first one noexec, as is the image's: another does"
}

both() { # WHAT AGENT AGENT
    run "$JAVA" "${@:2}" -jar "$SIMPLE" --period 20 --checkpoint-at 2 --until 3
    is "$status/$out" $'137/1\n2\nbefore checkpoint' "$V: $1: a checkpoint is made"
    like "$err" "^checkpointer: warning: the agent is in this JVM already; [^"$'\n'"]*not used$" \
        "$V: $1: one of them says that it is the second"
    run "$CKPT" restore "$DIR/both"
    is "$status/$out$err" $'0/after restore\n3' "$V: $1: and restored"
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
    is "$lines" "0 1 2 0 1 2 0 1 2 0 1 2 " "$V: several at once"
}

body() {
    generations
    by_pid
    by_user
    seen
    wrong
    folders
    both "-agentpath first" "-agentpath:$AGENT=addr=none,image=$DIR/both" "-javaagent:$JAR=addr=none"
    both "-javaagent first" "-javaagent:$JAR=addr=none,image=$DIR/both" "-agentpath:$AGENT=addr=none"
    several
}
export -f in_vain
export DIR JAR SIMPLE CKPT JAVA
content
each_jdk body
done_testing
