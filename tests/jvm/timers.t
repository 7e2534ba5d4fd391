#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Timers of native code continue in two generations: POSIX timers of every clock, under their numbers, with
# signals for the right thread; interval timers; timerfd of every clock. With --time=elapsed the time while
# frozen counts, except for clocks of CPU time.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Shown

# As a kernel before 6.15, which does not let a process choose the numbers of its timers.
cat >"$TMP/old-kernel" <<'PYTHON'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
steps = [(0x20, 0, 0, 0), (0x15, 0, 3, 157), (0x20, 0, 0, 16), (0x15, 0, 1, 77), (0x06, 0, 0, 0x50016),
         (0x06, 0, 0, 0x7fff0000)]  # prctl(77, ...): EINVAL
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


program = Program(len(steps), ctypes.addressof(code))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program)):
    raise OSError(ctypes.get_errno(), "no filter")
os.execvp(sys.argv[1], sys.argv[1:])
PYTHON

shown() { # LIFE
    sed -n "s/^life $1: //p" "$log" | sort -u
}

said() { # what is not about a timer
    grep -v '^life' "$log" | tail -n 5
}

generations() { # KIND
    local life
    start_jvm "$1-$V" "$DIR/$1" -cp "$CP" Shown "$LIBRARY" "$1" 2
    for life in 1 2; do
        wait_exit "$pid"
        is "$status" 137 "$V: $1: the JVM is frozen for life $life" || diag "$(said)"
        restore "$1-$V" "$DIR/$1"
    done
    wait_exit "$pid"
    is "$status" 0 "$V: $1: the last life ends with 0" || diag "$(said)"
    isnt "$(shown 0)" "" "$V: $1: the program shows its timers"
    is "$(grep -c '^failed' "$log")" 0 "$V: $1: the program makes its timers" || diag "$(said)"
    for life in 1 2; do
        is "$(diff <(shown 0) <(shown $life))" "" "$V: $1: timers are the same in life $life" ||
            diag "$(said)"
    done
}

# elapsed KIND PATTERN WHAT: in life 2, if the image is 5900 s old, there is a line with the pattern.
elapsed() {
    like "$(sed -n 's/^life 2: //p' "$log" | tail -n +"$(($(grep -c '^life 0' "$log") + 1))")" "$1" \
        "$V: --time=elapsed: $2"
}

body() {
    LIBRARY=$CLASSES/libtimers.so
    if ! gcc -shared -fPIC -O1 -pthread -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -o "$LIBRARY" \
        "$TOP/tests/jvm/java/timers.c" 2>"$TMP/gcc.err"; then
        skip "$V: timers are kept" "gcc and the JDK's jni.h are needed: $(head -n 3 "$TMP/gcc.err")"
        return
    fi
    generations posix
    contains "$(shown 2)" "wrong 0" "$V: posix: signals have their value and arrive at their thread"
    "$TOP/tests/lib/age-image.py" "$DIR/posix/image" 4000
    restore "posix-$V" --time=elapsed "$DIR/posix"
    wait_exit "$pid"
    is "$status" 0 "$V: posix: restored with --time=elapsed"
    elapsed 'clock of the system, left 10 interval' "a POSIX timer has less time left"
    elapsed "worker's, left 80 interval 0" "a POSIX timer of CPU time has the same time left"

    CONFINE=(python3 "$TMP/old-kernel")
    restore "posix-$V" "$DIR/posix"
    CONFINE=()
    wait_exit "$pid"
    is "$status" 0 "$V: posix: restored where timers cannot have a chosen number"
    is "$(diff <(shown 0 | grep -v wrong) <(sed -n 's/^life 2: //p' "$log" | tail -n 14))" "" \
        "$V: posix: timers have their numbers there too" || diag "$(said)"

    generations intervals
    "$TOP/tests/lib/age-image.py" "$DIR/intervals/image" 4000
    restore "intervals-$V" --time=elapsed "$DIR/intervals"
    wait_exit "$pid"
    elapsed '0: left 10 ' "setitimer: ITIMER_REAL has less time left"
    elapsed '1: left 60 interval 70.500000' "setitimer: ITIMER_VIRTUAL has the same time left"

    generations fds
    "$TOP/tests/lib/age-image.py" "$DIR/fds/image" 20000
    restore "fds-$V" --time=elapsed "$DIR/fds"
    wait_exit "$pid"
    for clock in 1 7; do
        elapsed "clock $clock, 0: ticks 1 cancel 0 left 0 interval 0" "a timerfd of clock $clock has expired"
        elapsed "clock $clock, 1: ticks 1 cancel 0 left 0 interval 0" \
            "a timerfd with an absolute time of clock $clock has expired"
        elapsed "clock $clock, 3: ticks 3 cancel 0 left 60 interval 7000" \
            "a timerfd of clock $clock has expired for each interval"
        elapsed "clock $clock, 6: ticks 3 cancel 0 left 40 interval 8000" \
            "unread expirations of a timerfd of clock $clock are added up"
    done
}
each_jdk body
done_testing
