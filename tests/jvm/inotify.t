#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Descriptors of inotify: after a restore the same paths are watched, with the same masks and numbers, and
# the next event arrives. The first half has descriptors made by system calls, whose paths the kernel shows
# to root only; the second half has Java's WatchService, as an ordinary user.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Watches
user_ready
USER_CP=$USER_DIR/classes:$(for_user "$SIMPLE")
as_user mkdir "$USER_DIR/classes"
cp "$CLASSES"/Watches*.class "$USER_DIR/classes"

# Makes descriptors in the folder of its first argument, and becomes the command of the other ones. Each
# watch has the number that the kernel gives it; numbers in between have been in use.
cat >"$TMP/watches" <<'PYTHON'
import ctypes, fcntl, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
ACCESS, MODIFY, ATTRIB, CREATE, DELETE, DELETE_SELF = 1, 2, 4, 0x100, 0x200, 0x400
ONLYDIR, DONT_FOLLOW, EXCL_UNLINK, ONESHOT = 0x1000000, 0x2000000, 0x4000000, 0x80000000
here = sys.argv[1]


def watch(fd, name, mask):
    wd = libc.inotify_add_watch(fd, os.path.join(here, name).encode(), ctypes.c_uint32(mask))
    if wd < 0:
        raise OSError(ctypes.get_errno(), name)
    return wd


def inotify(number, flags=0):
    fd = libc.inotify_init1(flags)
    os.dup2(fd, number, inheritable=True)
    os.close(fd)
    return number


def unused(fd, count):
    for _ in range(count):
        libc.inotify_rm_watch(fd, watch(fd, "unused", CREATE))
        os.read(fd, 4096)


one = inotify(20)
watch(one, "directory", CREATE | DELETE | ONLYDIR)
unused(one, 5000)
watch(one, "file", MODIFY | DELETE_SELF)
watch(one, "link", ATTRIB | DONT_FOLLOW)
watch(one, "unlinked", CREATE | EXCL_UNLINK)
watch(one, "once", CREATE | ONESHOT)
two = inotify(21, os.O_NONBLOCK)
watch(two, "unused", CREATE)
inotify(22)  # watches nothing
far = inotify(23)
if sys.argv[2] == "near":  # without numbers that only some kernels can reach
    del sys.argv[2]
else:
    fcntl.ioctl(far, 0x40044900, 2147483647)
watch(far, "directory", CREATE)
watch(far, "a name with blanks", CREATE)  # begins again at 1
if len(sys.argv) > 2 and sys.argv[2] == "unread":
    del sys.argv[2]
    watch(inotify(24), "directory", CREATE)
    open(os.path.join(here, "directory", "unread"), "w").close()
os.execv(sys.argv[2], sys.argv[2:])
PYTHON

make_tree() { # DIR
    mkdir -p "$1"/{directory,unlinked,once,unused,"a name with blanks"}
    echo text >"$1/file"
    ln -s file "$1/link"
}

watches_of() { # FD: its watches, without the inodes
    sed -n 's/^inotify wd:\([^ ]*\) .* mask:\([^ ]*\) .*/\1 \2/p' "/proc/$pid/fdinfo/$1"
}

descriptors() { # WHEN
    local fd
    for fd in 20 21 22 23; do
        is "$(watches_of $fd)" "${before[fd]}" "$1: descriptor $fd has the same watches, with their numbers"
    done
    like "$(grep flags "/proc/$pid/fdinfo/21")" 4000 "$1: a non-blocking descriptor stays non-blocking"
    touch "$tree/directory/$2" "$tree/a name with blanks/$2"
    echo more >>"$tree/file"
    wait_line "$log" "fd 20 1 100 $2"
    wait_line "$log" "fd 23 2147483647 100 $2"
    wait_line "$log" "fd 23 1 100 $2"
    wait_line "$log" "fd 20 5002 2 "
    pass "$1: the next events arrive, with their numbers"
}

start_raw() { # NAME [near|unread]
    local name=$1 opens=("-agentpath:$AGENT=addr=none")
    shift
    [ "${1:-}" != unread ] || opens=() # loaded later: not inherited
    ! jdk_has modules || opens+=(--add-opens java.base/java.io=ALL-UNNAMED)
    start "$name" python3 "$TMP/watches" "$tree" "$@" "$JAVA" "${opens[@]}" -cp "$CP" Watches fd 20 22 23
    wait_line "$log" ready
}

raw() {
    local before=() fd generation tree=$DIR/tree
    if [ "$(id -u)" != 0 ]; then
        skip "$V: watches made by system calls" "their paths are shown to root only"
        return
    fi
    make_tree "$tree"
    start_raw "raw-$V"
    for fd in 20 21 22 23; do
        before[fd]=$(watches_of $fd)
    done
    contains "${before[20]}" "138a 402" "$V: the test has watches with gaps between their numbers"
    for generation in 1 2 3; do
        freeze "$pid" "$DIR/image" "$V, generation $generation" || return
        restore "raw-$V" "$DIR/image"
        wait_line "$log" "generation $generation"
        descriptors "$V, generation $generation" "name$generation"
    done
    run "$CKPT" inspect "$DIR/image"
    contains "$out" "$tree/a name with blanks" "$V: inspect shows the watched paths"
    stop "$pid"
}

move_tree() { # it is a copy, in which a file is gone, and a directory is a file
    mv "$tree" "$DIR/old"
    cp -a "$DIR/old" "$tree"
    rm -r "$tree/file" "$tree/unlinked"
    echo file >"$tree/unlinked"
}

# The descriptors of an image whose tree has been moved, copied and changed.
moved() {
    local before=() tree=$DIR/tree
    [ "$(id -u)" = 0 ] || return 0
    start_raw "moved-$V"
    freeze "$pid" "$DIR/moved" "$V, a tree that is copied" || return
    move_tree
    restore "moved-$V" "$DIR/moved"
    wait_line "$log" "generation 1"
    wait_line "$log" "fd 20 5002 400 "
    wait_line "$log" "fd 20 5002 8000 "
    pass "$V: a watched file that is gone is reported as deleted, if that was wanted"
    wait_line "$log" "fd 20 5004 8000 "
    pass "$V: the watch of a directory that is gone ends"
    is "$(watches_of 20)" $'138d 80000100\n138b 4\n1 300' "$V: the other watches are there"
    touch "$tree/directory/new"
    wait_line "$log" "fd 20 1 100 new"
    pass "$V: a directory that was copied is watched at its path"
    stop "$pid"
}

# The same on a kernel that cannot be asked for a number: numbers are used up, and their events dropped.
old_kernel() {
    local before=() tree=$DIR/tree3 CONFINE=()
    [ "$(id -u)" = 0 ] || return 0
    rm -rf "$DIR/old"
    make_tree "$tree"
    start_raw "old-$V" near
    freeze "$pid" "$DIR/near" "$V, a kernel without INOTIFY_IOC_SETNEXTWD" || return
    move_tree
    CONFINE=("$BUILD/tests/seccomp-run" --bare --deny set-next-watch=EINVAL --)
    restore "old-$V" "$DIR/near"
    wait_line "$log" "generation 1"
    wait_line "$log" "fd 20 5002 8000 "
    wait_line "$log" "fd 20 5004 8000 "
    pass "$V: a kernel without INOTIFY_IOC_SETNEXTWD: the ends of watches are reported"
    is "$(grep -c "^fd 20 " "$log")" 3 "$V: such a kernel: and nothing else" || diag "$(grep "^fd " "$log")"
    is "$(watches_of 20)" $'138d 80000100\n138b 4\n1 300' "$V: such a kernel: the other watches are there"
    touch "$tree/directory/new"
    wait_line "$log" "fd 20 1 100 new"
    pass "$V: such a kernel: the next event arrives"
    stop "$pid"
}

refusals() {
    local before=() tree=$DIR/tree2
    [ "$(id -u)" = 0 ] || return 0
    make_tree "$tree"
    start_raw "unread-$V" unread
    run "$CKPT" checkpoint "$pid" "$DIR/unread"
    is "$status" 1 "$V: unread events are refused"
    is "$(grep -c "descriptor 24 (inotify) has events that the application has not read" <<<"$err")" 1 \
        "$V: unread events are named in one line" || diag "$err"
    touch "$tree/directory/after"
    wait_line "$log" "fd 20 1 100 after"
    pass "$V: the JVM continues after the refusal"
    stop "$pid"
}

# ---- Java's WatchService

# As an ordinary user, who may not open files by their handles.
start_service() { # NAME JAVA-ARGUMENT...
    local name=$1
    shift
    start_jvm "$name" as_user - -cp "$USER_CP" Watches "$@"
    wait_line "$log" ready
}

service() {
    local here=$USER_DIR/service-$V generation image=$USER_DIR/image-$V
    as_user mkdir -p "$here/one" "$here/two" "$here/gone"
    start_service "service-$V" service "$here/one" "$here/two" "$here/gone"
    as_user touch "$here/one/a"
    wait_line "$log" "service $here/one ENTRY_CREATE a"
    for generation in 1 2 3; do
        freeze as_user "$pid" "$image" "$V: WatchService, generation $generation" || return
        [ "$generation" != 2 ] || as_user touch "$here/two/meanwhile"
        [ "$generation" != 3 ] || as_user rm -r "$here/gone"
        restore "service-$V" as_user "$image"
        wait_line "$log" "generation $generation"
        as_user touch "$here/one/b$generation"
        wait_line "$log" "service $here/one ENTRY_CREATE b$generation"
        pass "$V: WatchService, generation $generation: the next event arrives"
        [ "$generation" != 1 ] || unlike "$(cat "$log")" OVERFLOW "$V: without a change there is no OVERFLOW"
    done
    wait_line "$log" "service $here/two OVERFLOW null"
    pass "$V: WatchService: what has changed meanwhile is reported as OVERFLOW"
    wait_line "$log" "invalid $here/gone"
    pass "$V: WatchService: the key of a directory that is gone becomes invalid"
    is "$(grep -c OVERFLOW "$log")" 1 "$V: WatchService: there is no other OVERFLOW" ||
        diag "$(grep OVERFLOW "$log")"
    stop "$pid"
}

# Two processes of one image, each with its own watches; the image was moved meanwhile.
clones() {
    local here=$USER_DIR/clones-$V clone pids=()
    as_user mkdir -p "$here/one"
    start_service "clones-$V" service "$here/one"
    freeze as_user "$pid" "$USER_DIR/before-$V" "$V: WatchService, clones" || return
    as_user mv "$USER_DIR/before-$V" "$USER_DIR/after-$V"
    for clone in 1 2; do
        restore "clone-$V-$clone" as_user "$USER_DIR/after-$V"
        pids+=("$pid")
        wait_line "$log" "generation 1"
    done
    as_user touch "$here/one/file"
    for clone in 1 2; do
        wait_line "$TMP/clone-$V-$clone.log" "service $here/one ENTRY_CREATE file"
    done
    pass "$V: WatchService: two clones get the next event"
    stop "${pids[0]}"
    stop "${pids[1]}"
}

# 500 directories, with gaps between the numbers of their watches.
many() {
    local here=$USER_DIR/many-$V i
    as_user mkdir -p "$here"
    (cd "$here" && seq -f 'd%03g' 500 | as_user xargs mkdir)
    start_service "many-$V" tree "$here"
    freeze as_user "$pid" "$USER_DIR/image-many-$V" "$V: WatchService, many" || return
    restore "many-$V" as_user "$USER_DIR/image-many-$V"
    wait_line "$log" "generation 1"
    for i in 001 002 250 499 500; do
        as_user touch "$here/d$i/file"
        wait_line "$log" "service $here/d$i ENTRY_CREATE file"
    done
    pass "$V: WatchService: each of 500 directories is watched again, by its own key"
    stop "$pid"
}

# Events that arrive all the time: the checkpoint succeeds, and says what was lost.
busy() {
    local here=$USER_DIR/busy-$V writer
    as_user mkdir -p "$here/one"
    start_service "busy-$V" service "$here/one"
    start "writer-$V" as_user timeout 300 python3 -c '
import os, sys
name = sys.argv[1]
while True:
    open(name, "w").close()
    os.unlink(name)' "$here/one/busy"
    writer=$pid
    log=$TMP/busy-$V.log
    pid=${tap_pid_of[$log]}
    wait_line "$log" "service $here/one ENTRY_CREATE busy"
    freeze as_user "$pid" "$USER_DIR/image-busy-$V" "$V: WatchService, busy" || { stop "$writer" && return; }
    stop "$writer"
    restore "busy-$V" as_user "$USER_DIR/image-busy-$V"
    wait_line "$log" "generation 1"
    as_user touch "$here/one/next"
    wait_line "$log" "service $here/one ENTRY_CREATE next"
    pass "$V: WatchService: with events that arrive all the time a checkpoint succeeds"
    stop "$pid"
}

body() {
    raw
    moved
    old_kernel
    refusals
    service
    clones
    many
    busy
}
each_jdk body
done_testing
