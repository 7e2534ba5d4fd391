#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A long computation by four threads, under collections and compilation, ends with the same checksum
# as without a checkpoint, though it is frozen at 100 random instants and more: on each JDK with each
# collector a chain of generations, frozen after a random number of steps; half of the freezes, chosen
# at random, without a collection first (the threads then stop anywhere, not at a safepoint).
#
# CKPT_SEED=N repeats the choices of another run, FREEZES=N makes the chains longer (10). The exact
# instants depend on the machine.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Compute

FREEZES=${FREEZES:-10}
STEPS=$((150 * FREEZES))
SEED=${CKPT_SEED:-$RANDOM}
RANDOM=$SEED
note "seed $SEED"
want=
total=0

baseline() {
    run "$JAVA" -cp "$CP" Compute "$STEPS"
    like "$out" 'checksum [0-9a-f]+$' "$V: without a checkpoint the computation ends with a checksum"
    want=${want:-${out##*$'\n'}}
    is "${out##*$'\n'}" "$want" "$V: without a checkpoint the checksum is that of the other JDKs"
}

# Waits for a random number of further steps, or for the end of the process.
wait_steps() {
    wait_line "$log" "step " --count $(($(count_lines "$log" "step ") + 1 + RANDOM % 12)) 2>/dev/null
}

# chain COLLECTOR: freezes until it has been FREEZES times or the computation is at its end.
chain() {
    local name="$V $1" done=0 gc=()
    jdk_takes "-XX:+Use${1}GC" || { cannot "$name: the checksum is right" \
        "this JVM has no $1" && return; }
    start_jvm "$name" - -Xmx128m "-XX:+Use${1}GC" -cp "$CP" Compute "$STEPS"
    while [ "$done" -lt "$FREEZES" ] && wait_steps; do
        gc=()
        [ $((RANDOM % 2)) = 0 ] || gc=(--no-gc)
        freeze "$pid" "$DIR/image" "$name, freeze $done ${gc[*]}" "${gc[@]}" || break
        restore "$name" "$DIR/image"
        done=$((done + 1))
    done
    total=$((total + done))
    wait_exit "$pid"
    is "$status $(tail -n 1 "$log")" "0 $want" "$name: the checksum is right after $done checkpoints" ||
        diag "$(grep -v '^step' "$log" | head -n 30)"
    is "$(grep -c '^step' "$log")" "$STEPS" "$name: each step is made once over all generations"
}

body() {
    local collector
    baseline
    for collector in Serial Parallel G1 Z Shenandoah; do
        chain "$collector"
    done
}
each_jdk body
[ "$total" -ge $((FREEZES * 5 * ${#JDKS[@]})) ] && pass "each chain has $FREEZES checkpoints" ||
    fail "each chain has $FREEZES checkpoints" "the computation was too short: $total checkpoints in all"
done_testing
