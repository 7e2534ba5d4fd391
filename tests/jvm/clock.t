#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The monotonic clock where no time namespace is to be had: the JVM's goes on where it stopped, be
# the machine's far ahead or far behind. The other clock is made by a time namespace around the JVM
# that is frozen; the restore runs without, under a filter that refuses to make one.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Clock

WAITERS=(rate sleep park poll wait)

# steps LOG WAITER: how many it has made.
steps() {
    grep -c "^$2 [0-9]*\.$" "$1"
}

# go_on WHAT: every waiter of the JVM makes steps, and none saw a jump.
go_on() {
    local waiter
    for waiter in "${WAITERS[@]}"; do
        ok "$1: $waiter goes on" wait_line "$log" "$waiter " 20 --count $(($(steps "$log" "$waiter") + 3))
    done
    is "$(grep '^jump' "$log")" "" "$1: and nobody saw the clock jump"
}

# The fixed rate is 10 steps a second: hours of them would come at once.
no_storm() { # WHAT BEFORE
    local made=$(($(steps "$log" rate) - $2))
    ok "$1: no missed ticks come after ($made)" test "$made" -lt 200
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
    refused "$what: there is no time namespace" "cannot enter a time namespace"
    restore "clock$2-$V" "$image"
    go_on "$what, restored without one"
    is "$(grep "^checkpointer: warning: .*behind the one in the image.*--time=namespace" "$log" | wc -l)" \
        "$([ "$2" -gt 0 ] && echo 1 || echo 0)" "$what: a warning only where native code waits too long"
    no_storm "$what" "$before"
    # The next generation, again without, and one more with.
    freeze "$pid" "$image" "$what, again" || return
    restore "clock$2-$V" "$image"
    go_on "$what, second generation"
    freeze "$pid" "$image" "$what, third" || return
    CONFINE=()
    restore "clock$2-$V" "$image"
    go_on "$what, third generation, in a time namespace"
    no_storm "$what" "$before"
    stop "$pid"
}

by_choice() {
    CONFINE=(unshare --time --monotonic 864000)
    start_jvm "host-$V" - -cp "$CP" Clock
    CONFINE=()
    wait_line "$log" "wait 3."
    freeze "$pid" "$DIR/host" "JDK $V" || return
    RUN_SECONDS=20 run "$CKPT" restore --time=host "$DIR/host"
    refused "JDK $V: --time=host does not go with a clock that is behind" \
        "monotonic clock is [0-9]+ s behind the one in the image"
}

body() {
    other_clock "a clock ten days behind" 864000
    other_clock "a clock a minute ahead" -60
    by_choice
}

if [ "$(id -u)" -ne 0 ] || ! unshare --time --monotonic 5 true 2>/dev/null; then
    cannot "clocks of another machine" "no time namespace can be made here to play one"
else
    each_jdk body
fi
done_testing
