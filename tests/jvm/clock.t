#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The monotonic clock where no time namespace can be made: the JVM's clock continues where it stopped,
# whether the machine's is far ahead or far behind. The JVM that is frozen gets another clock by a time
# namespace; the restore runs without one, under a filter that refuses to make one.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Clock

WAITERS=(rate sleep park poll wait)

# steps LOG WAITER: how many it has made.
steps() {
    grep -c "^$2 [0-9]*\.$" "$1"
}

# waiters_continue WHAT: every waiter of the JVM makes steps, and none saw a jump.
waiters_continue() {
    local waiter
    for waiter in "${WAITERS[@]}"; do
        ok "$1: $waiter continues in time" \
            wait_line "$log" "$waiter " --count $(($(steps "$log" "$waiter") + 3))
    done
    is "$(grep '^jump' "$log")" "" "$1: the clock does not jump"
}

# The fixed rate is 10 steps a second: hours of them would come at once.
no_storm() { # WHAT BEFORE
    local made=$(($(steps "$log" rate) - $2))
    ok "$1: missed ticks do not come at once ($made ticks)" test "$made" -lt 200
}

other_clock() { # WHAT SECONDS
    local what="JDK $V: $1" image=$DIR/image-$2 before
    CONFINE=(unshare --time --monotonic "$2")
    start_jvm "clock$2-$V" - -cp "$CP" Clock
    CONFINE=()
    wait_line "$log" "wait 3."
    freeze "$pid" "$image" "$what" || return
    before=$(steps "$log" rate)

    CONFINE=("$SECCOMP_RUN" --)
    RUN_SECONDS=20 run "${CONFINE[@]}" "$CKPT" restore --time=namespace "$image"
    refused "$what: restore --time=namespace is refused where no time namespace can be made" \
        "cannot enter a time namespace"
    restore "clock$2-$V" "$image"
    waiters_continue "$what, generation 1, no time namespace"
    is "$(grep "^checkpointer: warning: .*behind the one in the image.*--time=namespace" "$log" | wc -l)" \
        "$([ "$2" -gt 0 ] && echo 1 || echo 0)" \
        "$what: restore: a warning only where native code would wait too long"
    no_storm "$what, generation 1" "$before"
    # The next generation without a time namespace too, and one more with it.
    freeze "$pid" "$image" "$what, generation 1" || return
    restore "clock$2-$V" "$image"
    waiters_continue "$what, generation 2, no time namespace"
    freeze "$pid" "$image" "$what, generation 2" || return
    CONFINE=()
    restore "clock$2-$V" "$image"
    waiters_continue "$what, generation 3, time namespace"
    no_storm "$what, generation 3" "$before"
    stop "$pid"
}

by_choice() {
    CONFINE=(unshare --time --monotonic 864000)
    start_jvm "host-$V" - -cp "$CP" Clock
    CONFINE=()
    wait_line "$log" "wait 3."
    freeze "$pid" "$DIR/host" "JDK $V" || return
    RUN_SECONDS=20 run "$CKPT" restore --time=host "$DIR/host"
    refused "JDK $V: restore --time=host: a clock that is behind is refused" \
        "monotonic clock is [0-9]+ s behind the one in the image"
}

body() {
    other_clock "a clock ten days behind" 864000
    other_clock "a clock a minute ahead" -60
    by_choice
}

if [ "$(id -u)" -ne 0 ] || ! unshare --time --monotonic 5 true 2>/dev/null; then
    cannot "restore: the clock of another machine is made up for" \
        "no time namespace can be made here to play one"
else
    each_jdk body
fi
done_testing
