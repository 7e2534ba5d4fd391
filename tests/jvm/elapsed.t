#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# restore --time=elapsed: the time since the checkpoint, by the wall clock, has passed for the JVM:
# System.nanoTime() has advanced, and waits that were in progress end when their time is over. In a time
# namespace, with the agent's corrections where none can be made, and where the machine's clocks are
# right; the checkpoint is dated back by hours for that.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Elapsed

WAITERS=(sleep park poll wait schedule accept select)
PASSED=7200 # seconds, for which waits of an hour are in progress

age() { # the age that the JVM's last line shows
    sed -n 's/^age \([0-9]*\)\.$/\1/p' "$log" | tail -n 1
}

# frozen WHAT SECONDS AGED: a JVM whose clocks are ahead by SECONDS is frozen, AGED seconds ago.
frozen() {
    CONFINE=(unshare --time --monotonic "$2" --boottime "$2")
    start_jvm "$1" - -cp "$CP" Elapsed
    CONFINE=()
    wait_line "$log" "age 2."
    waiters=("${WAITERS[@]}")
    grep -q "^virtual absent" "$log" || waiters+=(virtual)
    freeze "$pid" "$image" "$1" && "$TOP/tests/lib/age-image.py" "$image/image" "$3"
}

# passed WHAT: all waits have ended, and the clock has advanced.
passed() {
    local waiter seconds
    for waiter in "${waiters[@]}"; do
        ok "$1: a wait that the time since the checkpoint ends has ended: $waiter" \
            wait_line "$log" "$waiter ended"
    done
    ok "$1: a pool at a fixed rate makes the runs of that time" wait_line "$log" "rate 4."
    wait_line "$log" "age " --count $(($(grep -c "^age" "$log") + 2))
    seconds=$(age)
    ok "$1: System.nanoTime() has advanced by the time since the checkpoint ($seconds s)" \
        test "$seconds" -ge "$PASSED" -a "$seconds" -le $((PASSED + 900))
}

# none_passed WHAT
none_passed() {
    local seconds
    wait_line "$log" "age " --count $(($(grep -c "^age" "$log") + 20))
    seconds=$(age)
    ok "$1: System.nanoTime() continues where it stopped ($seconds s)" test "$seconds" -le 900
    is "$(grep -c ' ended$' "$log")" 0 "$1: no wait of an hour has ended"
}

elsewhere() { # WHAT SECONDS
    local what="JDK $V: $1" image=$DIR/image
    frozen "$what" "$2" "$PASSED" || return
    restore "$what" --time=auto "$image"
    none_passed "$what, --time=auto"
    stop "$pid"
    restore "$what" --time=elapsed "$image"
    passed "$what, --time=elapsed in a time namespace"
    stop "$pid"
    : >"$log"
    CONFINE=("$SECCOMP_RUN" --)
    restore "$what" --time=elapsed "$image"
    passed "$what, --time=elapsed without a time namespace"
    CONFINE=()
    freeze "$pid" "$image" "$what, generation 1" || return
    "$TOP/tests/lib/age-image.py" "$image/image" "$PASSED"
    CONFINE=("$SECCOMP_RUN" --)
    restore "$what" --time=elapsed "$image"
    wait_line "$log" "age 14"
    ok "$what, --time=elapsed, generation 2: the time of both freezes has passed ($(age) s)" \
        test "$(age)" -ge $((2 * PASSED))
    ok "$what, --time=elapsed, generation 2: a pool at a fixed rate makes the runs of that time" \
        wait_line "$log" "rate 8."
    stop "$pid"
    CONFINE=()
}

here() {
    local what="JDK $V: the same boot" image=$DIR/image
    frozen "$what" "-$PASSED" "$PASSED" || return
    restore "$what" --time=elapsed "$image"
    passed "$what, --time=elapsed"
    is "$(readlink "/proc/$pid/ns/time")" "$(readlink /proc/self/ns/time)" \
        "$what: --time=elapsed leaves the machine's clocks as they are if they are right"
    stop "$pid"
    is "$(grep -c warning "$log")" 0 "$what: --time=elapsed prints no warning"
}

set_back() {
    local what="JDK $V: a wall clock that was set back" image=$DIR/image
    frozen "$what" 864000 -100000 || return
    restore "$what" --time=elapsed "$image"
    none_passed "$what, --time=elapsed"
    contains "$(cat "$log")" "checkpointer: warning: the wall clock is 99" \
        "$what: --time=elapsed warns that the wall clock is behind"
    stop "$pid"
}

body() {
    elsewhere "a machine whose clock is behind" 864000
    elsewhere "a machine whose clock is ahead" -60
    if [ "$(cut -d. -f1 /proc/uptime)" -gt $((PASSED + 100)) ]; then
        here
    else
        cannot "JDK $V: --time=elapsed on the same boot" "this machine runs for less than two hours"
    fi
    set_back
}

if [ "$(id -u)" -ne 0 ] || ! unshare --time --monotonic 5 true 2>/dev/null; then
    cannot "restore: --time=elapsed lets the time since the checkpoint pass" \
        "no time namespace can be made here to play another machine"
else
    each_jdk body
fi
done_testing
