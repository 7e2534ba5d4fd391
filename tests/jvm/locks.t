#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Locks on files are held again after a restore: record locks as FileChannel takes them, on ranges,
# exclusive and shared, on a file that is mapped too, that of a logging file; flock() and locks of
# open file descriptions. A JVM that continues after a checkpoint has kept all of them. Where another
# process has the lock by then, the restore is refused in one line that says who, also for a second clone;
# so it is where the locked file is another one.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Locks

# lock "HOW FILE [START LENGTH]"...: tries for each lock; prints "free" or "held" for each, in one
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

# What a Java program cannot lock: opens and locks FILE, and becomes the command behind it.
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
    is "$2 $3" "held held" "$V, $1: nobody else gets a lock on the exclusive range"
    is "$4 $5" "held free" "$V, $1: the shared range may be shared only"
    is "$6 $7" "free free" "$V, $1: the rest is free"
    is "$8" held "$V, $1: nobody gets a lock on the mapped file"
    is "$9" held "$V, $1: nor on the logging file's"
}

goes_on() { # WHEN
    wait_line "$log" "tick $(($(tail -n 1 "$log" | tr -dc 0-9) + 5))" || fail "$V, $1: it goes on"
    is "$(grep -c 'tick .*:' "$log")" 0 "$V, $1: Java's locks are valid"
}

ranges() {
    local jvm holder
    mkdir -p "$FILES"
    : >"$FILES/ranges"
    head -c 8192 /dev/zero >"$FILES/mapped"
    start_jvm "locks-$V" - -cp "$CP" Locks "$FILES"
    wait_line "$log" "tick 5" || fail "$V: it starts"
    all_held "before"
    # Closing a file by the process that has locked it would give the locks up.
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image"
    is "$status$err" 0 "$V: checkpoint --leave-running"
    all_held "after a checkpoint with --leave-running"
    freeze "$pid" "$DIR/image" "$V: freeze" || return
    is "$(lock "exclusive $FILES/ranges")" free "$V: the frozen JVM holds nothing"
    run "$CKPT" inspect "$DIR/image"
    contains "$out" "exclusive lock on 0 to 99, shared lock on 200 to 299" "$V: inspect tells of them"

    HOLD=yes start "holder-$V" python3 "$TMP/lock" "exclusive $FILES/ranges 250 1"
    holder=$pid
    wait_line "$log" holding
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: somebody else has the lock" "'$FILES/ranges' is locked by process $holder;"
    stop "$holder"

    HOLD=yes start "sharer-$V" python3 "$TMP/lock" "shared $FILES/ranges 200 10"
    holder=$pid
    wait_line "$log" holding
    restore "locks-$V" "$DIR/image"
    jvm=$pid
    goes_on "restored"
    stop "$holder"
    all_held "restored"
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: a second clone" "is locked by process $jvm;"
    all_held "after a second clone was refused"

    freeze "$jvm" "$DIR/image" "$V: freeze again" || return
    restore "locks-$V" "$DIR/image"
    goes_on "the second generation"
    all_held "the second generation"
    is "$(grep -o 'logged [0-9]*' "$FILES/log" | awk '$2 != NR' | head -n 1)" "" \
        "$V: the logging file has every record once"
    kill -KILL "$pid"
    wait_exit "$pid" 10

    echo more >>"$FILES/ranges"
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: somebody wrote to a locked file" "'$FILES/ranges' has changed"
    rm "$FILES/ranges"
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/image"
    refused "$V: the locked file is gone" "'$FILES/ranges': no such file or directory; put it back"
}

# inherits HOW: a JVM that has such a lock from whoever started it.
inherits() {
    : >"$FILES/$1"
    rm -f "$FILES"/log* "$FILES/ranges"
    start "$1-$V" python3 "$TMP/inherit" "$1" "$FILES/$1" "$JAVA" "-agentpath:$AGENT=addr=none" \
        -cp "$CP" Locks "$FILES"
    wait_line "$log" "tick 3" || fail "$V: it starts"
}

others() {
    inherits flock
    is "$(lock "flock $FILES/flock")" held "$V: flock() is held"
    freeze "$pid" "$DIR/flock" "$V: freeze with flock()" || return
    HOLD=yes start "flocker-$V" python3 "$TMP/lock" "flock $FILES/flock"
    wait_line "$log" holding
    RUN_SECONDS=20 run "$CKPT" restore "$DIR/flock"
    refused "$V: somebody else has it by flock()" "'$FILES/flock' is locked by another process"
    stop "$pid"
    restore "flock-$V" "$DIR/flock"
    goes_on "with flock()"
    is "$(lock "flock $FILES/flock")" held "$V: flock() is held again"
    kill -KILL "$pid"
    wait_exit "$pid" 10

    inherits ofd
    freeze "$pid" "$DIR/ofd" "$V: freeze with an open file's lock" || return
    is "$(lock "exclusive $FILES/ofd")" free "$V: an open file's lock is gone"
    restore "ofd-$V" "$DIR/ofd"
    goes_on "with an open file's lock"
    is "$(lock "exclusive $FILES/ofd 14 1" "exclusive $FILES/ofd 15 1")" "held free" \
        "$V: and held again"
    kill -KILL "$pid"
    wait_exit "$pid" 10

    inherits lease
    run "$CKPT" checkpoint "$pid" "$DIR/lease"
    like "$err" "'$FILES/lease' and has a lock of the kind LEASE" "$V: a lease is refused by name"
    kill -KILL "$pid"
    wait_exit "$pid" 10
}

body() {
    FILES=$DIR/files
    ranges
    others
}
each_jdk body
done_testing
