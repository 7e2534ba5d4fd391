#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Native libraries that Java programs unpack at run time: deleted as soon as they are loaded, when the
# JVM ends, or by a cleaner of temporary files; and libraries that an update replaced. An image with such
# libraries restores more than once, and so does the image of a restored process.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Unpacked
LIBRARIES=(jna sqlite snappy lz4 zstd epoll)
LIBRARY_PATH=$(library jna sqlite-jdbc snappy-java lz4-java zstd-jni netty-common \
    netty-transport-classes-epoll netty-transport-native-unix-common netty-transport \
    netty-transport-native-epoll-linux-x86_64 netty-buffer netty-resolver) || exit

# begin NAME ARGUMENT...: a JVM with its own temporary folder.
begin() {
    tmp=$DIR/tmp-$1
    mkdir -p "$tmp"
    start_jvm "$1-$V" "$DIR/$1" "-Djava.io.tmpdir=$tmp" "-Djna.tmpdir=$tmp" \
        -cp "$CP:$LIBRARY_PATH" Unpacked "${@:2}"
    wait_line "$log" 3
}

# restore_next NAME WHAT: a JVM restored from the image continues to count.
restore_next() {
    round=$((${round:-0} + 1))
    restore "$1-$V-$round" "$DIR/$1"
    ok "$V: $2" continues
}

continues() {
    wait_line "$log" "" && wait_more "$log" 2
}

no_errors() { # NAME WHAT
    is "$(cat "$TMP/$1-$V"*.log | grep -c wrong)" 0 "$V: $2"
}

libraries() {
    local name
    for name in "${LIBRARIES[@]}"; do
        begin "$name" "$name"
        freeze "$pid" "$DIR/$name" "$V: $name" || continue
        restore_next "$name" "$name: the library works in the first clone"
        stop "$pid"
        restore_next "$name" "$name: the library works in the second clone, with files deleted by the first"
        freeze "$pid" "$DIR/$name" "$V: $name, generation 1" || continue
        rm -rf "$tmp"
        mkdir "$tmp"
        restore_next "$name" "$name: the library works in the next generation, without temporary files"
        stop "$pid"
        restore_next "$name" "$name: the library works in the second clone of the next generation"
        no_errors "$name" "$name: the library has its data in each clone"
        stop "$pid"
    done
}

# Deleted at once, in each generation; two clones at a time; and the JVM that was left running.
deleted() {
    begin deleted own-deleted "$TMP/libunpacked.so" "$DIR/tmp-deleted/libx.so"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/deleted"
    is "$status$err" 0 "$V: a deleted library: checkpoint --leave-running succeeds"
    ok "$V: a deleted library: the JVM continues after --leave-running" wait_more "$log" 3
    freeze "$pid" "$DIR/deleted" "$V: a deleted library" || return
    restore_next deleted "a deleted library: the first clone continues"
    first=$pid
    restore_next deleted "a deleted library: a second clone continues next to the first"
    stop "$first"
    freeze "$pid" "$DIR/deleted" "$V: a deleted library, generation 1"
    restore_next deleted "a deleted library: generation 1 continues"
    freeze "$pid" "$DIR/deleted" "$V: a deleted library, generation 2"
    restore_next deleted "a deleted library: generation 2 continues"
    no_errors deleted "a deleted library: it has its data in each clone"
    stop "$pid"
}

# The file exists at the freeze; at the restore there is another file, or none.
replaced() {
    local file=$DIR/tmp-replaced/libx.so
    begin replaced own "$TMP/libunpacked.so" "$file"
    freeze "$pid" "$DIR/replaced" "$V: a library that will be deleted" || return
    restore_next replaced "a library that still exists: the JVM is restored"
    is "$(grep -c "$file" "/proc/$pid/maps")" "$(grep -c 'libx.so$' "/proc/$pid/maps")" \
        "$V: a library that still exists is mapped from its file"
    isnt "$(grep -c 'libx.so$' "/proc/$pid/maps")" 0 \
        "$V: a library that still exists is mapped under its name"
    kill -KILL "$pid"
    wait_exit "$pid"
    cp -p "$file" "$file.kept"

    printf 'not a library' >"$file"
    restore_next replaced "another file in the library's place: the JVM is restored"
    is "$(grep -c 'libx.so$' "/proc/$pid/maps")" 0 "$V: another file in the library's place is not mapped"
    kill -KILL "$pid"
    wait_exit "$pid"

    cp -p "$file.kept" "$file"
    chmod go+w "$file"
    restore_next replaced "a library that others may write: the JVM is restored"
    is "$(grep -c 'libx.so$' "/proc/$pid/maps")" 0 "$V: a library that others may write is not mapped"
    kill -KILL "$pid"
    wait_exit "$pid"

    rm "$file"
    ln -s "$file.kept" "$file"
    restore_next replaced "a link in the library's place: the JVM is restored"
    is "$(grep -c 'libx.so' "/proc/$pid/maps")" 0 "$V: a link in the library's place is not followed"
    no_errors replaced "a replaced library: it has its data in each clone"
    kill -KILL "$pid"
    wait_exit "$pid"

    if [ "$(id -u)" = 0 ]; then
        rm "$file"
        cp -p "$file.kept" "$file"
        chown 12345 "$file"
        restore_next replaced "another user's library: the JVM is restored"
        is "$(grep -c 'libx.so$' "/proc/$pid/maps")" 0 "$V: another user's library is not mapped"
        stop "$pid"
    else
        cannot "$V: another user's library is not mapped" "only root can change owners"
    fi
}

# An update puts another file in the place of a library that is mapped.
updated() {
    local file=$DIR/tmp-updated/libx.so
    begin updated own "$TMP/libunpacked.so" "$file"
    printf 'another version' >"$file.new"
    mv "$file.new" "$file"
    freeze "$pid" "$DIR/updated" "$V: a library that an update replaced" || return
    restore_next updated "a library that an update replaced: the JVM is restored"
    freeze "$pid" "$DIR/updated" "$V: a library that an update replaced, generation 1" || return
    restore_next updated "a library that an update replaced: the next generation is restored"
    no_errors updated "a library that an update replaced: it has its data in each clone"
    stop "$pid"
}

# The image and the library are on a file system that is mounted noexec.
noexec() {
    local name file
    if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
        cannot "$V: noexec: the JVM is restored" "no mount can be made here"
        return
    fi
    for name in own own-deleted; do
        file=$DIR/tmp-noexec-$name/libx.so
        begin "noexec-$name" "$name" "$TMP/libunpacked.so" "$file"
        freeze "$pid" "$DIR/noexec-$name" "$V: noexec, $name" || return
        CONFINE=(unshare -m bash -c 'mount --bind "$0" "$0" && mount -o remount,bind,noexec "$0" &&
            exec "$@"' "$DIR")
        restore_next "noexec-$name" "noexec, $name: the JVM is restored"
        CONFINE=()
        no_errors "noexec-$name" "noexec, $name: the library has its data"
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

output=$("${CC:-gcc}" -shared -fPIC -O1 -Wl,-z,max-page-size=0x200000 \
    -I"${JDKS[0]}/include" -I"${JDKS[0]}/include/linux" \
    -o "$TMP/libunpacked.so" "$TOP/tests/lib/unpacked.c" 2>&1) || bail_out "gcc failed: $output"
each_jdk body
done_testing
