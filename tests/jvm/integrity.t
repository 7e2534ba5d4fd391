#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What restore must not accept: an image whose writer was killed, that was truncated, or changed in any
# byte of its metadata; one that another user made or could have changed; files that are not those that
# the JVM had. Each is refused in one line, nothing is run, and a complete image stays complete.
#
# CKPT_SEED=N repeats the choice of bytes of another run.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3 readelf
compile
SEED=${CKPT_SEED:-$RANDOM}
note "seed $SEED"
RUN_SECONDS=20

# make_image DIR [JAR]: an image of the counter, which has that jar open.
make_image() {
    start_jvm "make-$V" "$1" -jar "${2:-$SIMPLE}" --period 10 --checkpoint-at 2 --until 4
    wait_exit "$pid"
    [ "$status" = 137 ] || fail "$V: the image of the test is made" "$(<"$log")"
}

# restored WHAT DIR: the image is good: the restored program counts to the end.
restored() {
    run "$CKPT" restore "$2"
    is "$status $(tr '\n' ' ' <<<"${out:0:200}")" "0 after restore 3 4 " "$1"
}

# written PATTERN KIB PID: until that much of the one file of this pattern is on the disk; prints its
# name. Its size is set long before. Fails when the process has ended. Polls, since there is no event
# to wait for.
written() {
    python3 - "$@" <<'PYTHON'
import glob, os, sys, time
pattern, wanted, pid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    try:
        for name in glob.glob(pattern):
            if os.stat(name).st_blocks // 2 >= wanted:
                print(name)
                sys.exit(0)
    except FileNotFoundError:
        pass
    if not os.path.exists(f"/proc/{pid}"):
        break
sys.exit(1)
PYTHON
}

# killed DIR WHAT: a JVM ends by SIGKILL in the middle of the write into DIR. Keeps what it wrote.
killed() {
    local image=$1 what=$2 victim temporary before
    before=$(sha256sum "$image/image" 2>/dev/null) || true # there may be none
    start_jvm "$V $what" - -Xmx1g -jar "$SIMPLE" --period 20 --heap 400
    victim=$pid
    wait_line "$log" 3
    start "$V $what, requester" "$CKPT" checkpoint "$victim" "$image"
    if ! temporary=$(written "$image/.checkpointer-image-*" 30000 "$victim"); then
        fail "$V: $what: the agent begins to write the image" "$(head -n 3 "$log")"
        return
    fi
    kill -KILL "$victim"
    wait_exit "$pid"
    is "$status/$(wc -l <"$log")" 1/1 "$V: $what: the requester gets one line"
    wait_exit "$victim"
    rm -f "$(control_socket "$victim")" # it would stay, and another user may get this PID
    ok "$V: $what: the kill is in the middle of the write" test -s "$temporary"
    is "$(sha256sum "$image/image" 2>/dev/null)" "$before" \
        "$V: $what: the old image, or its absence, is unchanged"
    cp "$temporary" "$DIR/half"
}

killed_writes() {
    local half=$DIR/half-image
    killed "$DIR/none" "killed, no image before"
    run "$CKPT" restore "$DIR/none"
    refused "$V: killed, no image before: restore finds no checkpoint" "no checkpoint in '$DIR/none'"
    make_image "$DIR/kept"
    killed "$DIR/kept" "killed, over an image"
    restored "$V: killed, over an image: the old image is restored" "$DIR/kept"
    mkdir -m 700 "$half"
    mv "$DIR/half" "$half/image"
    run "$CKPT" restore "$half"
    refused "$V: restore: half an image is refused" 'no image|damaged'
    make_image "$DIR/kept"
    is "$(ls -A "$DIR/kept")" $'image\nmanifest.json' \
        "$V: killed, over an image: the next checkpoint removes the temporary file"
    restored "$V: killed, over an image: the image of the next checkpoint is restored" "$DIR/kept"
}

# poke FILE OFFSET: flips one bit there.
poke() {
    python3 - "$@" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b", buffering=0) as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 0x10]))
PYTHON
}

# Where the pages begin and the metadata ends.
metadata_size() {
    readelf -lW "$1" | awk '$1 == "LOAD" { print $2 }' | sort | head -n 1
}

flipped() {
    local image=$DIR/flip/image size offsets offset wrong=()
    make_image "$DIR/flip"
    size=$(($(metadata_size "$image")))
    RANDOM=$SEED
    offsets="0 4 16 24 56 64 $((size - 4097))"
    for _ in {1..40}; do
        offsets+=" $(((RANDOM * 32768 + RANDOM) % (size - 4096)))"
    done
    for offset in $offsets; do
        poke "$image" "$offset"
        run "$CKPT" restore "$DIR/flip"
        [ "$status/$out/$(wc -l <<<"$err")" = 1//1 ] || wrong+=("$offset: $status '$err'")
        poke "$image" "$offset"
    done
    is "${wrong[*]}" "" "$V: restore: a flipped bit anywhere in the metadata is refused"
    poke "$image" "$((size + 4096 * 20 + 5))"
    run "$CKPT" restore --verify "$DIR/flip"
    refused "$V: restore --verify: a flipped bit of a page is refused" damaged
    poke "$image" "$((size + 4096 * 20 + 5))"
    restored "$V: restore: an image whose bits are all flipped back is restored" "$DIR/flip"
}

truncated() {
    local image=$DIR/cut/image size whole at
    make_image "$DIR/cut"
    cp "$image" "$DIR/whole"
    size=$(stat -c %s "$image")
    whole=$(($(metadata_size "$image")))
    for at in 0 10 100 $((whole / 2)) "$whole" $((size / 2)) $((size - 4096)) $((size - 1)); do
        cp "$DIR/whole" "$image"
        truncate -s "$at" "$image"
        run "$CKPT" restore "$DIR/cut"
        refused "$V: restore: an image truncated to $at of $size bytes is refused" "'$image'|image"
    done
    cp "$DIR/whole" "$image"
    restored "$V: restore: an image that is complete again is restored" "$DIR/cut"
}

# Images that another user could have written.
trust() {
    local image=$DIR/trust/image
    make_image "$DIR/trust"
    chmod 620 "$image"
    run "$CKPT" restore "$DIR/trust"
    refused "$V: restore: an image that the group may write is refused" "may write '$image'"
    chmod 602 "$image"
    run "$CKPT" restore "$DIR/trust"
    refused "$V: restore: an image that all users may write is refused" "may write '$image'"
    chmod 600 "$image"
    chmod 770 "$DIR/trust"
    run "$CKPT" restore "$DIR/trust"
    refused "$V: restore: an image directory that the group may write is refused" "may write '$DIR/trust'"
    chmod 700 "$DIR/trust"
    mv "$image" "$DIR/elsewhere"
    ln -s "$DIR/elsewhere" "$image"
    run "$CKPT" restore "$DIR/trust"
    refused "$V: restore: a symbolic link to an image is refused" "$image"
    rm "$image"
    mkfifo "$image"
    run timeout 10 "$CKPT" restore "$DIR/trust"
    refused "$V: restore: a named pipe in place of an image is refused" "$image"
    rm "$image"
    mv "$DIR/elsewhere" "$image"
    if [ "$(id -u)" -eq 0 ]; then
        chown 12345 "$image"
        run "$CKPT" restore "$DIR/trust"
        refused "$V: restore: another user's image is refused" "'$image' belongs to user 12345"
        chown 0 "$image"
        chown 12345 "$DIR/trust"
        run "$CKPT" restore "$DIR/trust"
        refused "$V: restore: an image in another user's directory is refused" \
            "'$DIR/trust' belongs to user 12345"
        chown 0 "$DIR/trust"
    else
        cannot "$V: restore: another user's image is refused" "only root can make one"
    fi
    restored "$V: restore: an image with its old owner and mode is restored" "$DIR/trust"
}

changed_jar() {
    local jar=$DIR/app.jar
    cp -p "$SIMPLE" "$jar"
    make_image "$DIR/jar" "$jar"
    touch "$jar"
    run "$CKPT" restore "$DIR/jar"
    refused "$V: restore: an open jar with another time of change is refused" "'$jar' has changed"
    touch -r "$SIMPLE" "$jar"
    restored "$V: restore: an open jar with its old time of change is accepted" "$DIR/jar"
    echo >>"$jar"
    touch -r "$SIMPLE" "$jar"
    run "$CKPT" restore "$DIR/jar"
    refused "$V: restore: an open jar of another size is refused" "'$jar' has changed"
    rm "$jar"
    run "$CKPT" restore "$DIR/jar"
    refused "$V: restore: a missing jar is refused" "'$jar'"
    mkdir "$jar"
    run "$CKPT" restore "$DIR/jar"
    refused "$V: restore: a directory in place of an open jar is refused" "'$jar'"
}

# A copy of the JDK, without what java does not need to run this program.
changed_libjvm() {
    local home=$DIR/jdk real=$JAVA JAVA=$DIR/jdk/bin/java libjvm=$DIR/jdk/lib/server/libjvm.so at
    mkdir -p "$home/bin"
    cp -pL "$real" "$home/bin/java"
    tar -C "$JAVA_HOME" -chf - --exclude='*.diz' --exclude=src.zip --exclude=ct.sym lib conf release \
        2>/dev/null | tar -C "$home" -xf -
    make_image "$DIR/libjvm"
    touch "$libjvm"
    restored "$V: restore: the same libjvm with another time of change is accepted" "$DIR/libjvm"
    at=$(readelf -SW "$libjvm" | sed -n 's/.*\.note\.gnu\.build-id *NOTE *[0-9a-f]* *\([0-9a-f]*\).*/\1/p')
    if [ -n "$at" ]; then
        poke "$libjvm" $((16#$at + 20))
        run "$CKPT" restore "$DIR/libjvm"
        refused "$V: restore: another libjvm of the same size is refused" "'$libjvm' has changed"
        poke "$libjvm" $((16#$at + 20))
        restored "$V: restore: the old libjvm put back is accepted" "$DIR/libjvm"
    else
        cannot "$V: restore: another libjvm of the same size is refused" "this one has no build-id"
    fi
    mv "$libjvm" "$libjvm.away"
    run "$CKPT" restore "$DIR/libjvm"
    refused "$V: restore: a missing libjvm is refused" "'$libjvm'"
    mv "$libjvm.away" "$libjvm"
    touch "$home/lib/modules"
    run "$CKPT" restore "$DIR/libjvm"
    refused "$V: restore: another lib/modules is refused" "'$home/lib/modules' has changed"
    rm -r "$home"
}

body() {
    flipped
    truncated
    trust
    changed_jar
    changed_libjvm
    killed_writes
}
each_jdk body
done_testing
