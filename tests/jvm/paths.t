#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What is opened again by its path is the same file: a path that leads to another one by now, because
# something is mounted there, is refused; so is a name that is gone where the file has others. A name
# that ends in " (deleted)", as the kernel marks names that are gone, is a name like any other.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Opened Mapped Many

# called_off WHAT PATTERN: a checkpoint of $pid.
called_off() {
    run "$CKPT" checkpoint "$pid" "$DIR/refused"
    like "$status $err" "^1 .*$2" "$V: $1"
    stop "$pid"
}

# and_back NAME WHAT
and_back() {
    freeze "$pid" "$DIR/$1" "$V: $2" || return
    restore "$1-back-$V" "$DIR/$1"
    ok "$V: $2" wait_line "$log" ""
    stop "$pid"
}

# JVMs whose files are hidden by a mount: in a mount namespace of their own.
mounted() {
    local top=$DIR/mounted
    mkdir "$top"
    cat >"$DIR/hide" <<'SHELL'
top=$1 kind=$2
shift 2
mount --make-rprivate / && mount -t tmpfs below "$top" && mkdir "$top/work" && echo old >"$top/file" &&
    cd "$top/work" || exit
[ "$kind" = cwd ] || cd /
(
    until [ -e "$top/hide" ]; do read -r -t 0.05 <> <(:); done
    mount -t tmpfs above "$top" && mkdir "$top/work" && echo new >"$top/file" && : >"$top/hidden"
) &
exec "$@"
SHELL
    hidden descriptor Opened "read:$top/file"
    called_off "a descriptor whose path leads to another file" \
        "descriptor [0-9]+ is '$top/file', but that path leads to another file now"
    hidden mapping Mapped "$top/file"
    called_off "a mapping whose path leads to another file" \
        "memory '$top/file' is of a file, but that path leads to another one now"
    hidden cwd Opened "until:1000"
    called_off "a working directory whose path leads to another one" \
        "the working directory is '$top/work', but that path leads to another one now"
}

# hidden KIND CLASS ARGUMENT...: the JVM runs, and its files are hidden.
hidden() {
    local kind=$1 said=ready
    [ "$2" = Opened ] || said=tick
    CONFINE=(unshare --mount bash "$DIR/hide" "$DIR/mounted" "$kind")
    start_jvm "$kind-$V" - -cp "$CP" "${@:2}"
    CONFINE=()
    wait_line "$log" "$said"
    : >"/proc/$pid/root$DIR/mounted/hide"
    ok "$V: $kind: a file system is mounted over its file" wait_file "/proc/$pid/root$DIR/mounted/hidden"
}

wait_file() {
    local end=$((SECONDS + 20))
    until [ -e "$1" ]; do
        [ "$SECONDS" -lt "$end" ] || return 1
    done
}

# The file lives on under a name that no one can find.
links() {
    : >"$DIR/name"
    ln "$DIR/name" "$DIR/other"
    start_jvm "link-$V" - -cp "$CP" Opened "read:$DIR/name"
    wait_line "$log" ready
    rm "$DIR/name"
    called_off "one of two names of an open file is gone" \
        "'$DIR/name \(deleted\)': the name is gone, and the file's other names \(hard links, 1 in all"
    [ "$(id -u)" = 0 ] || return 0 # only with a capability can the kernel be asked
    start_jvm "mapped-$V" - -cp "$CP" Many "$DIR" mapped:1
    wait_line "$log" ready
    ln "$DIR/mapped-0" "$DIR/mapped-1"
    rm "$DIR/mapped-0"
    called_off "one of two names of a mapped file is gone" \
        "'$DIR/mapped-0 \(deleted\)' is of a file whose name is gone, and which has other names"
}

# "x (deleted)": an open file, one that a policy names, the working directory.
names() {
    local odd="$DIR/odd (deleted)"
    mkdir "$odd"
    : >"$odd/file (deleted)"
    cd "$odd"
    start_jvm "odd-$V" - -cp "$CP" Opened "read:$odd/file (deleted)" until:1000000
    cd "$TOP"
    wait_line "$log" ready
    and_back odd "a file and a working directory whose names end in ' (deleted)'"
    printf 'type: file\npath: %s\naction: error\n' "$odd/file (deleted)" >"$DIR/rules"
    OPTIONS=(addr=none "policies=$DIR/rules")
    start_jvm "rule-$V" - -cp "$CP" Opened "read:$odd/file (deleted)"
    OPTIONS=(addr=none)
    wait_line "$log" ready
    called_off "a policy names such a file" "odd .deleted./file .deleted.'\) is refused by the rule"
}

# A file of a file system that does not tell what it is, as a program's (FUSE) may not.
silent() {
    : >"$DIR/silent-file"
    CONFINE=("$SECCOMP_RUN" --bare --deny fstatfs=ENOSYS --)
    start_jvm "silent-$V" - -cp "$CP" Opened "read:$DIR/silent-file" until:1000000
    CONFINE=()
    wait_line "$log" ready
    and_back silent "a file of a file system that does not tell what it is"
}

body() {
    if [ "$(id -u)" = 0 ] && unshare --mount mount --make-rprivate / 2>/dev/null; then
        mounted
    else
        cannot "$V: a path that leads to another file" "nothing can be mounted here"
    fi
    links
    names
    silent
}
each_jdk body
done_testing
