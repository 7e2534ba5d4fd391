#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Descriptors of timerfd, as Netty's epoll transport has them: the remaining time continues to run, an
# interval is kept, expirations that were not read can still be read, an absolute time of the wall clock
# is kept. /proc/PID/fdinfo shows it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3

# Java cannot make timers: makes them as descriptors 20 and up, and becomes the command of its arguments.
cat >"$TMP/timers" <<'PYTHON'
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)


class Spec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("interval", "interval_ns", "value", "value_ns")]


def timer(number, clock, flags, value=0, value_ns=0, interval=0, create=0):
    fd = libc.timerfd_create(clock, create)
    if value or value_ns:
        spec = Spec(interval, 0, value, value_ns)
        if libc.timerfd_settime(fd, flags, ctypes.byref(spec), None):
            raise OSError(ctypes.get_errno())
    os.dup2(fd, number, inheritable=True)
    os.close(fd)


timer(20, time.CLOCK_MONOTONIC, 0)  # at rest
timer(21, time.CLOCK_MONOTONIC, 0, 5000)  # once, in 5000 s
timer(22, time.CLOCK_MONOTONIC, 0, 6000, 0, 7000)  # then every 7000 s
timer(23, time.CLOCK_MONOTONIC, 0, 0, 1, 8000)  # has expired once, and was not read
timer(24, time.CLOCK_REALTIME, 1, int(time.time()) + 9000)  # TFD_TIMER_ABSTIME
timer(25, time.CLOCK_MONOTONIC, 0, 5000, 0, 0, os.O_NONBLOCK)
os.execv(sys.argv[1], sys.argv[1:])
PYTHON

# For descriptors of no kind: none of these is closed by it.
printf '%s\n' 'type: filedescriptor' 'regex: anon_inode:.*' 'action: close' >"$TMP/rules"

shows() { # FD KEY PATTERN WHAT
    like "$(sed -n "s/^$2:[[:space:]]*//p" "/proc/$pid/fdinfo/$1" 2>&1)" "^$3" "$4"
}

all_shown() { # WHEN
    shows 20 it_value '\(0, 0\)' "$1: a timer that is not armed stays unarmed"
    shows 21 it_value '\(4[89][0-9][0-9], ' "$1: the remaining time of a timer is kept"
    shows 22 it_value '\(5[89][0-9][0-9], ' "$1: the remaining time of a periodic timer is kept"
    shows 22 it_interval '\(7000, 0\)' "$1: the interval of a periodic timer is kept"
    shows 23 ticks 1 "$1: an expiration that was not read is kept"
    [[ $1 == *" 0" ]] || # it stops until it is read, or frozen
        shows 23 it_value '\([67][0-9][0-9][0-9], ' "$1: a periodic timer that has expired unread runs on"
    shows 24 it_value '\(8[89][0-9][0-9], ' "$1: an absolute time of the wall clock is kept"
    shows 24 clockid 0 "$1: a timer of the wall clock keeps its clock"
    shows 25 flags '02004002|04002|0?2004002' "$1: a non-blocking timer stays non-blocking"
}

body() {
    local generation
    start "timers-$V" python3 "$TMP/timers" "$JAVA" "-agentpath:$AGENT=addr=none,policies=$TMP/rules" \
        -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    all_shown "$V, generation 0"
    for generation in 1 2; do
        freeze "$pid" "$DIR/image" "$V, generation $generation" || return
        run "$CKPT" inspect "$DIR/image"
        contains "$out" "timerfd" "$V, generation $generation: inspect lists timerfd descriptors"
        unlike "$out" $'\n +2[0-5]  closed' "$V, generation $generation: a rule by regex closes no timerfd"
        restore "timers-$V" "$DIR/image"
        wait_more "$log" 3
        all_shown "$V, generation $generation"
    done
    stop "$pid"

    # As if the image had been made 21000 s ago: the periodic timer expires three times.
    "$TOP/tests/lib/age-image.py" "$DIR/image/image" 21000
    restore "timers-$V" --time=elapsed "$DIR/image"
    wait_more "$log" 3
    shows 20 it_value '\(0, 0\)' "$V, --time=elapsed: a timer that is not armed stays unarmed"
    shows 21 ticks 1 "$V, --time=elapsed: a timer whose time is over has expired"
    shows 21 it_value '\(0, 0\)' "$V, --time=elapsed: a timer that has expired is not armed"
    shows 22 ticks 3 "$V, --time=elapsed: a periodic timer has expired once for each interval"
    shows 22 it_value '\((5[89][0-9][0-9]|6000), ' "$V, --time=elapsed: a periodic timer keeps its rhythm"
    shows 24 it_value '\((8[0-9][0-9][0-9]), ' \
        "$V, --time=elapsed: an absolute time of the wall clock is kept"
    stop "$pid"
}

each_jdk body
done_testing
