#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A file that is opened again by its path must be the same file: a path that now leads to another one,
# because a file system is mounted there, is refused; so is a deleted name of a file that has other
# names. A name that ends in " (deleted)", as the kernel marks deleted names, is a name like any other.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Opened Mapped Many

# called_off WHAT PATTERN: a checkpoint of $pid.
called_off() {
    run "$CKPT" checkpoint "$pid" "$DIR/refused"
    like "$status $err" "^1 .*$2" "$V: checkpoint: $1 is refused"
    stop "$pid"
}

# freeze_and_restore NAME WHAT
freeze_and_restore() {
    freeze "$pid" "$DIR/$1" "$V: $2" || return
    restore "$1-back-$V" "$DIR/$1"
ok "$V: restore: $2 is kept" wait_line "$log" ""
    stop "$pid"
}

# JVMs whose files are hidden by a mount in their own mount namespace.
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

# hidden KIND CLASS ARGUMENT...: starts the JVM, and hides its files by a mount.
hidden() {
    local kind=$1 line=ready
    [ "$2" = Opened ] || line=tick
    CONFINE=(unshare --mount bash "$DIR/hide" "$DIR/mounted" "$kind")
    start_jvm "$kind-$V" - -cp "$CP" "${@:2}"
    CONFINE=()
    wait_line "$log" "$line"
    : >"/proc/$pid/root$DIR/mounted/hide"
    ok "$V: $kind: a file system is mounted over the file" wait_file "/proc/$pid/root$DIR/mounted/hidden"
}

wait_file() {
    local end=$((SECONDS + 20))
    until [ -e "$1" ]; do
        [ "$SECONDS" -lt "$end" ] || return 1
    done
}

# The file exists under a name that cannot be found.
links() {
    : >"$DIR/name"
    mkdir -p "$DIR/elsewhere"
    ln "$DIR/name" "$DIR/elsewhere/other"
    start_jvm "link-$V" - -cp "$CP" Opened "read:$DIR/name"
    wait_line "$log" ready
    rm "$DIR/name"
    called_off "an open file one of whose two names is deleted" \
        "'$DIR/name \(deleted\)': the name is gone, and the file's other names \(hard links, 1 in all"
    [ "$(id -u)" = 0 ] || return 0 # only with a capability can the kernel be asked
    start_jvm "mapped-$V" - -cp "$CP" Many "$DIR" mapped:1
    wait_line "$log" ready
    ln "$DIR/mapped-0" "$DIR/mapped-1"
    rm "$DIR/mapped-0"
    called_off "a mapped file one of whose two names is deleted" \
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
    freeze_and_restore odd "a file and directory whose names end in ' (deleted)'"
    printf 'type: file\npath: %s\naction: error\n' "$odd/file (deleted)" >"$DIR/rules"
    OPTIONS=(addr=none "policies=$DIR/rules")
    start_jvm "rule-$V" - -cp "$CP" Opened "read:$odd/file (deleted)"
    OPTIONS=(addr=none)
    wait_line "$log" ready
    called_off "a file ' (deleted)' for which a policy has action error" \
        "odd .deleted./file .deleted.'\) is refused by the rule"
}

# A file of a file system that does not report its type, as one of a program (FUSE) may not.
silent() {
    : >"$DIR/silent-file"
    CONFINE=("$SECCOMP_RUN" --bare --deny fstatfs=ENOSYS --)
    start_jvm "silent-$V" - -cp "$CP" Opened "read:$DIR/silent-file" until:1000000
    CONFINE=()
    wait_line "$log" ready
    freeze_and_restore silent "a file of a file system that reports no type"
}

body() {
    if [ "$(id -u)" = 0 ] && unshare --mount mount --make-rprivate / 2>/dev/null; then
        mounted
    else
        cannot "$V: checkpoint: a path that leads to another file is refused" "nothing can be mounted here"
    fi
    links
    names
    silent
}
each_jdk body
done_testing
