#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Native libraries that Java programs unpack at run time: deleted as soon as they are loaded, when
# the JVM ends, or by whatever tidies up; and those that an update replaced. An image restores all
# the same, more than once, and so does the image of a restored process.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Unpacked
LIBRARIES=(jna sqlite snappy lz4 zstd epoll)
LIBRARY_PATH=$(library jna sqlite-jdbc snappy-java lz4-java zstd-jni netty-common \
    netty-transport-classes-epoll netty-transport-native-unix-common netty-transport \
    netty-transport-native-epoll-linux-x86_64 netty-buffer netty-resolver) || exit

# begin NAME ARGUMENT...: a JVM with a temporary folder of its own.
begin() {
    tmp=$DIR/tmp-$1
    mkdir -p "$tmp"
    start_jvm "$1-$V" "$DIR/$1" "-Djava.io.tmpdir=$tmp" "-Djna.tmpdir=$tmp" \
        -cp "$CP:$LIBRARY_PATH" Unpacked "${@:2}"
    wait_line "$log" 3 60
}

# A restore of its image goes on counting, from the same number each time.
again() { # NAME WHAT
    round=$((${round:-0} + 1))
    restore "$1-$V-$round" "$DIR/$1"
    ok "$V: $2" goes_on
}

goes_on() {
    wait_line "$log" "" 60 && wait_more "$log" 2
}

right() { # NAME WHAT
    is "$(cat "$TMP/$1-$V"*.log | grep -c wrong)" 0 "$V: $2"
}

libraries() {
    local name
    for name in "${LIBRARIES[@]}"; do
        begin "$name" "$name"
        freeze "$pid" "$DIR/$name" "$V: $name" || continue
        again "$name" "$name: works after the first restore"
        stop "$pid"
        again "$name" "$name: works after the second restore, with its files deleted by the first"
        freeze "$pid" "$DIR/$name" "$V: $name, generation 1" || continue
        rm -rf "$tmp"
        mkdir "$tmp"
        again "$name" "$name: works in the next generation, with all temporary files gone"
        stop "$pid"
        again "$name" "$name: and once more"
        right "$name" "$name: did what it should each time"
        stop "$pid"
    done
}

# Deleted at once, in each generation; two clones at a time; and the JVM that was left running.
deleted() {
    begin deleted own-deleted "$TMP/libunpacked.so" "$DIR/tmp-deleted/libx.so"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/deleted"
    is "$status$err" 0 "$V: a library that was deleted: checkpoint that leaves it running"
    ok "$V: a library that was deleted: which it does" wait_more "$log" 3
    freeze "$pid" "$DIR/deleted" "$V: a library that was deleted" || return
    again deleted "a library that was deleted: restore"
    first=$pid
    again deleted "a library that was deleted: restore of a clone"
    stop "$first"
    freeze "$pid" "$DIR/deleted" "$V: a library that was deleted, generation 1"
    again deleted "a library that was deleted: next generation"
    freeze "$pid" "$DIR/deleted" "$V: a library that was deleted, generation 2"
    again deleted "a library that was deleted: the one after that"
    right deleted "a library that was deleted: has its data"
    stop "$pid"
}

# The file is there at the freeze, and something else, or nothing, at the restore.
replaced() {
    local file=$DIR/tmp-replaced/libx.so
    begin replaced own "$TMP/libunpacked.so" "$file"
    freeze "$pid" "$DIR/replaced" "$V: a library that will be deleted" || return
    again replaced "a library that is still there: restore"
    is "$(grep -c "$file" "/proc/$pid/maps")" "$(grep -c 'libx.so$' "/proc/$pid/maps")" \
        "$V: a library that is still there: is mapped from its file"
    isnt "$(grep -c 'libx.so$' "/proc/$pid/maps")" 0 "$V: a library that is still there: by name"
    kill -KILL "$pid"
    wait_exit "$pid"
    cp -p "$file" "$file.kept"

    printf 'not a library' >"$file"
    again replaced "another file in the library's place: restore"
    is "$(grep -c 'libx.so$' "/proc/$pid/maps")" 0 "$V: another file in its place: is not mapped"
    kill -KILL "$pid"
    wait_exit "$pid"

    cp -p "$file.kept" "$file"
    chmod go+w "$file"
    again replaced "a library that others may write: restore"
    is "$(grep -c 'libx.so$' "/proc/$pid/maps")" 0 "$V: a library that others may write: is not mapped"
    kill -KILL "$pid"
    wait_exit "$pid"

    rm "$file"
    ln -s "$file.kept" "$file"
    again replaced "a link in the library's place: restore"
    is "$(grep -c 'libx.so' "/proc/$pid/maps")" 0 "$V: a link in its place: is not followed"
    right replaced "a library that was replaced: has its data"
    kill -KILL "$pid"
    wait_exit "$pid"

    if [ "$(id -u)" = 0 ]; then
        rm "$file"
        cp -p "$file.kept" "$file"
        chown 12345 "$file"
        again replaced "the library of another user: restore"
        is "$(grep -c 'libx.so$' "/proc/$pid/maps")" 0 "$V: the library of another user: is not mapped"
        stop "$pid"
    else
        cannot "$V: the library of another user" "needs root"
    fi
}

# An update puts another file in the place of a library that is mapped.
updated() {
    local file=$DIR/tmp-updated/libx.so
    begin updated own "$TMP/libunpacked.so" "$file"
    printf 'another version' >"$file.new"
    mv "$file.new" "$file"
    freeze "$pid" "$DIR/updated" "$V: a library that an update replaced" || return
    again updated "a library that an update replaced: restore"
    freeze "$pid" "$DIR/updated" "$V: a library that an update replaced, generation 1" || return
    again updated "a library that an update replaced: next generation"
    right updated "a library that an update replaced: has its data"
    stop "$pid"
}

# The image and the library's place are on a file system that nothing is mapped executable from.
noexec() {
    local name file
    if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
        cannot "$V: noexec" "no mount can be made here"
        return
    fi
    for name in own own-deleted; do
        file=$DIR/tmp-noexec-$name/libx.so
        begin "noexec-$name" "$name" "$TMP/libunpacked.so" "$file"
        freeze "$pid" "$DIR/noexec-$name" "$V: noexec, $name" || return
        CONFINE=(unshare -m bash -c 'mount --bind "$0" "$0" && mount -o remount,bind,noexec "$0" &&
            exec "$@"' "$DIR")
        again "noexec-$name" "noexec, $name: restore"
        CONFINE=()
        right "noexec-$name" "noexec, $name: has its data"
        stop "$pid"
    done
}

body() {
    deleted
    replaced
    updated
    noexec
    libraries
}

said=$("${CC:-gcc}" -shared -fPIC -O1 -Wl,-z,max-page-size=0x200000 \
    -I"${JDKS[0]}/include" -I"${JDKS[0]}/include/linux" \
    -o "$TMP/libunpacked.so" "$TOP/tests/lib/unpacked.c" 2>&1) || bail_out "gcc failed: $said"
each_jdk body
done_testing
