#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Generators that the application seeded itself: a SecureRandom differs between clones all the same,
# whatever its algorithm and the moment of its seeding (CRaC keeps it; SECURITY.md has the reason), and
# Random and SplittableRandom continue the sequence of their seed.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Seeded

ALGORITHMS=(SHA1PRNG-seeded SHA1PRNG-with-rest SHA1PRNG-long-ago SHA1PRNG-not-drawn
    SHA1PRNG-seeded-twice SHA1PRNG-not-seeded NativePRNG-seeded constructor
    DRBG-seeded DRBG-personalised DRBG-personalised-not-drawn)

# values KIND NAME LOG: both values in that line.
values() {
    sed -n "s/^$1 $2 //p" "$3"
}

body() {
    local image=$DIR/image frozen name clone what="JDK $V, ${1:-default collector}"
    start_jvm "frozen-$V$1" "$image" ${1:+"$1"} -cp "$CP" Seeded
    frozen=$log
    wait_exit "$pid"
    is "$status" 137 "$what: the JVM is frozen"
    for clone in 1 2; do
        restore "clone-$clone-$V$1" "$image"
        wait_exit "$pid"
        cp "$log" "$DIR/clone-$clone"
    done
    for name in "${ALGORITHMS[@]}"; do
        ! grep -q "^absent $name" "$frozen" || continue # DRBG in JDK 8
        is "$(values secret "$name" "$DIR/clone-1" | wc -w)" 2 "$what: a clone draws from $name"
        is "$(cat "$DIR"/clone-[12] | sed -n "s/^secret $name //p" | tr ' ' '\n' | sort | uniq -d)" "" \
            "$what: a SecureRandom that the application seeded differs between clones: $name"
    done
    for name in Random SplittableRandom Random.setSeed; do
        is "$(values sequence "$name" "$DIR/clone-1")" "$(values control "$name" "$DIR/clone-1")" \
            "$what: a generator with a seed continues its sequence: $name"
        is "$(values sequence "$name" "$DIR/clone-2")" "$(values sequence "$name" "$DIR/clone-1")" \
            "$what: a generator with a seed continues with the same numbers in each clone: $name"
    done
}

collectors() {
    body ""
    body -XX:+UseSerialGC
    body -XX:+UseZGC
}

each_jdk collectors
done_testing
