#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Locks on files are held again after a restore: record locks as FileChannel takes them, on ranges,
# exclusive and shared, on a file that is mapped too, that of a logging file; flock() and locks of
# open file descriptions. A JVM that continues after a checkpoint keeps all of them. If another process
# has the lock by then, or a first clone, the restore is refused in one line that names the process; it
# is refused too if the locked file has been replaced.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Locks

# lock "HOW FILE [START LENGTH]"...: tries to take each lock; prints "free" or "held" for each, in one
# line. HOW: exclusive, shared, flock. With HOLD=yes it prints "holding" and keeps the first one until
# it is killed.
cat >"$TMP/lock" <<'PYTHON'
import fcntl, os, signal, sys


def attempt(how, path, start=0, length=0):
    fd = os.open(path, os.O_RDWR)
    try:
        if how == "flock":
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            kind = fcntl.LOCK_SH if how == "shared" else fcntl.LOCK_EX
            fcntl.lockf(fd, kind | fcntl.LOCK_NB, int(length), int(start))
    except OSError:
        return "held"
    if os.environ.get("HOLD"):
        print("holding", flush=True)
        signal.pause()
    os.close(fd)
    return "free"


print(*(attempt(*word.split()) for word in sys.argv[1:]))
PYTHON
lock() { python3 "$TMP/lock" "$@"; }

# inherit HOW FILE COMMAND...: takes a lock that a Java program cannot take, and becomes the command.
cat >"$TMP/inherit" <<'PYTHON'
import fcntl, os, struct, sys
how, path = sys.argv[1:3]
fd = os.open(path, os.O_RDONLY if how == "lease" else os.O_RDWR)
if how == "flock":
    fcntl.flock(fd, fcntl.LOCK_EX)
elif how == "ofd":
    fcntl.fcntl(fd, 37, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 10, 5, 0))
else:
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
os.set_inheritable(fd, True)
os.execv(sys.argv[3], sys.argv[3:])
PYTHON

all_held() { # WHEN
    local got
    got=$(lock "exclusive $FILES/ranges 99 1" "shared $FILES/ranges 0 1" \
        "exclusive $FILES/ranges 200 100" "shared $FILES/ranges 200 100" \
        "exclusive $FILES/ranges 100 100" "exclusive $FILES/ranges 300 0" \
        "shared $FILES/mapped 100 1" "exclusive $FILES/log.lck")
    set -- "$1" $got
    is "$2 $3" "held held" "$V, $1: the exclusive range is locked"
    is "$4 $5" "held free" "$V, $1: the shared range has a shared lock"
    is "$6 $7" "free free" "$V, $1: the rest of the file is not locked"
    is "$8" held "$V, $1: the mapped file is locked"
    is "$9" held "$V, $1: the lock file of the log is locked"
}

continues() { # WHEN
    wait_line "$log" "tick $(($(tail -n 1 "$log" | tr -dc 0-9) + 5))" || fail "$V, $1: the program continues"
    is "$(grep -c 'tick .*:' "$log")" 0 "$V, $1: Java's FileLock objects are valid"
}

ranges() {
    local jvm holder
    mkdir -p "$FILES"
    : >"$FILES/ranges"
    head -c 8192 /dev/zero >"$FILES/mapped"
    start_jvm "locks-$V" - -cp "$CP" Locks "$FILES"
    wait_line "$log" "tick 5" || fail "$V: the program starts"
    all_held "before"
    # If the process that has locked a file closed it, the locks would be released.
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image"
    is "$status$err" 0 "$V: checkpoint --leave-running with locks succeeds"
    all_held "after a checkpoint with --leave-running"
    freeze "$pid" "$DIR/image" "$V: first generation" || return
    is "$(lock "exclusive $FILES/ranges")" free "$V: the frozen JVM holds no lock"
    run "$CKPT" inspect "$DIR/image"
    contains "$out" "exclusive lock on 0 to 99, shared lock on 200 to 299" "$V: inspect: the locks are shown"

    HOLD=yes start "holder-$V" python3 "$TMP/lock" "exclusive $FILES/ranges 250 1"
    holder=$pid
    wait_line "$log" holding
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: restore: a lock that another process has is refused" \
        "'$FILES/ranges' is locked by process $holder;"
    stop "$holder"

    HOLD=yes start "sharer-$V" python3 "$TMP/lock" "shared $FILES/ranges 200 10"
    holder=$pid
    wait_line "$log" holding
    restore "locks-$V" "$DIR/image"
    jvm=$pid
    continues "restored"
    stop "$holder"
    all_held "restored"
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: restore: a second clone is refused by the lock of the first" "is locked by process $jvm;"
    all_held "after a second clone was refused"

    freeze "$jvm" "$DIR/image" "$V: second generation" || return
    restore "locks-$V" "$DIR/image"
    continues "the second generation"
    all_held "the second generation"
    is "$(grep -o 'logged [0-9]*' "$FILES/log" | awk '$2 != NR' | head -n 1)" "" \
        "$V: the logging file has every record once"
    kill -KILL "$pid"
    wait_exit "$pid"

    echo more >>"$FILES/ranges"
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: restore: a locked file that was written is refused" "'$FILES/ranges' has changed"
    rm "$FILES/ranges"
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: restore: a locked file that is missing is refused" \
        "'$FILES/ranges': no such file or directory; put it back"
}

# inherits HOW: a JVM that inherits such a lock from the process that started it.
inherits() {
    : >"$FILES/$1"
    rm -f "$FILES"/log* "$FILES/ranges"
    start "$1-$V" python3 "$TMP/inherit" "$1" "$FILES/$1" "$JAVA" "-agentpath:$AGENT=addr=none" \
        -cp "$CP" Locks "$FILES"
    wait_line "$log" "tick 3" || fail "$V: the program starts"
}

others() {
    inherits flock
    is "$(lock "flock $FILES/flock")" held "$V: flock(): the JVM has inherited the lock"
    freeze "$pid" "$DIR/flock" "$V: flock()" || return
    HOLD=yes start "flocker-$V" python3 "$TMP/lock" "flock $FILES/flock"
    wait_line "$log" holding
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/flock"
    refused "$V: restore: a lock that another process has by flock() is refused" \
        "'$FILES/flock' is locked by another process"
    stop "$pid"
    restore "flock-$V" "$DIR/flock"
    continues "flock()"
    is "$(lock "flock $FILES/flock")" held "$V: flock(): the restored JVM holds the lock"
    kill -KILL "$pid"
    wait_exit "$pid"

    inherits ofd
    freeze "$pid" "$DIR/ofd" "$V: lock of an open file description" || return
    is "$(lock "exclusive $FILES/ofd")" free "$V: lock of an open file description: the frozen JVM holds none"
    restore "ofd-$V" "$DIR/ofd"
    continues "lock of an open file description"
    is "$(lock "exclusive $FILES/ofd 14 1" "exclusive $FILES/ofd 15 1")" "held free" \
        "$V: lock of an open file description: the restored JVM holds it"
    kill -KILL "$pid"
    wait_exit "$pid"

    inherits lease
    freeze "$pid" "$DIR/lease" "$V: a lease" || return
    exec 8<>"$FILES/lease" # breaks a lease, and prevents that it is given
    run "$CKPT" restore "$DIR/lease"
    exec 8>&-
    refused "$V: restore: a lease on a file that another process has open now is refused" \
        "had a lease on '$FILES/lease', and another process has it open now"
    restore "lease-$V" "$DIR/lease"
    continues "a lease"
    is "$(grep -h '^lock:.*LEASE' "/proc/$pid/fdinfo/"* | wc -l)" 1 "$V: a lease: the restored JVM has it"
    kill -KILL "$pid"
    wait_exit "$pid"
}

body() {
    FILES=$DIR/files
    ranges
    others
}
each_jdk body
done_testing
