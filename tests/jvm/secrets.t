#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What two clones must not share, beyond the JDK's own generators (renew.t): every SecureRandom of
# any provider, with Bouncy Castle as the first one, and the generators of libraries. A provider that
# hangs when it is given a seed does not hang the restore. What is kept is named by inspect.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
CLONES=20
BATCH=10
LIBRARIES=$(library bcprov-jdk18on bson commons-math3 netty-{common,transport,buffer,resolver}) ||
    bail_out "a library is missing"
compile Secrets

# Of the logs of all clones and of the original: "KIND: N of M values differ", for those that should.
duplicates() {
    awk '$1 !~ /^(ready|done|checkpointer:)$/ && NF == 2 { all[$1]++; if (!seen[$1, $2]++) own[$1]++ }
        END { for (k in all) if (own[k] != all[k]) print k ": " own[k] + 0 " of " all[k] " values differ" }' \
        "$@" | sort
}

# clones NAME MODE [OPTION...] [-- JAVA-ARGUMENT...]: an image, its original and its clones.
# Sets good, logs.
clones() {
    local name=$1 mode=$2 i batch pids=()
    shift 2
    good=0 logs=()
    start_jvm "$name-$V" - -Xmx64m -XX:TieredStopAtLevel=1 "$@" -cp "$CP:$LIBRARIES" Secrets "$mode"
    wait_line "$log" ready 60 || fail "$V: $name: the program starts" "$(<"$log")"
    logs+=("$log")
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/$name"
    is "$status$out$err" 0 "$V: $name: an image, and the process continues"
    wait_exit "$pid"
    for ((batch = 0; batch < CLONES; batch += BATCH)); do
        pids=()
        for ((i = batch; i < batch + BATCH && i < CLONES; i++)); do
            restore "$name-$V-$i" "$DIR/$name"
            pids+=("$pid")
            logs+=("$TMP/$name-$V-$i.log")
        done
        for ((i = 0; i < ${#pids[@]}; i++)); do
            wait_exit "${pids[i]}"
            [ "$status/$(tail -n 1 "$TMP/$name-$V-$((batch + i)).log")" = 0/done ] && good=$((good + 1))
        done
    done
    is "$good" "$CLONES" "$V: $name: all clones end well"
}

differ() { # NAME MODE WHAT [JAVA-ARGUMENT...]
    local name=$1 mode=$2 what=$3
    shift 3
    clones "$name" "$mode" "$@"
    is "$(duplicates "${logs[@]}")" "" "$V: $what: no value is found twice in clones"
    not_ok "$V: $what: no warning" grep -h "^checkpointer:" "${logs[@]}"
}

kept() { # NAME: what inspect names
    run "$CKPT" inspect --json "$DIR/$1"
    python3 -c 'import json, sys
for each in json.load(sys.stdin)["generators_kept"]: print(each["class"], each["count"])' <<<"$out"
}

providers() {
    differ bc bc "Bouncy Castle is the first provider"
    is "$(kept bc)" "" "$V: Bouncy Castle: nothing is kept"
    CLONES=2 differ bc-z bc "ZGC" -XX:+UseZGC
    differ own own "a provider and a subclass of the application's"
}

libraries() {
    differ libraries libraries "libraries"
    is "$(kept libraries)" "" "$V: libraries: nothing is kept"
}

# One waits for ever, one throws: the others have their seed, and the restore says so and goes on.
hang() {
    local said
    CLONES=1 clones hang own -Dhang=true
    is "$(duplicates "${logs[@]}")" "$(printf '%s: 1 of 2 values differ\n' throwing waiting)" \
        "$V: a provider that hangs: the generators of others are renewed"
    said=$(sed -n 's/^checkpointer: warning: the random generator //p' "${logs[1]}")
    like "$said" "SecureRandom \(Secrets.Hanging\) did not accept" "$V: a provider that hangs is reported"
    like "$said" "SecureRandom \(Secrets.Waiting\) did not accept" "$V: a provider that waits is reported"
    like "$said" "SecureRandom \(Secrets.Throwing\) does not accept" \
        "$V: a provider that takes no seed is reported"
}

# What an application may have seeded itself goes on as it was, is named, and an option renews it.
plain() {
    CLONES=2 clones plain plain
    is "$(grep -h '^random-seeded' "${logs[@]}" | sort -u | wc -l)" 1 \
        "$V: a Random with a seed continues its sequence"
    like "$(kept plain)" "java.util.Random 2" "$V: inspect names java.util.Random"
    like "$(kept plain)" "java.util.SplittableRandom 1" "$V: inspect names SplittableRandom"
    run "$CKPT" inspect "$DIR/plain"
    like "$out" $'\n''Random generators that clones share: [0-9]+'$'\n'".*java.util.Random" \
        "$V: inspect for people too"
    OPTIONS=(addr=none renew_random=true)
    CLONES=4 differ renewed plain "renew_random=true"
    is "$(kept renewed)" "" "$V: renew_random=true: nothing is kept"
    OPTIONS=(addr=none)
}

each_jdk providers
each_jdk libraries
each_jdk hang
each_jdk plain
done_testing
