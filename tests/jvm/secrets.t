#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Random state that two clones must not share, beyond the JDK's own generators (renew.t): every
# SecureRandom of any provider, with Bouncy Castle as the first one, and the generators of libraries. A
# provider that hangs when it gets a seed does not hang the restore. Generators that clones share are
# named by inspect.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
CLONES=20
BATCH=10
LIBRARIES=$(library bcprov-jdk18on bson commons-math3 netty-{common,transport,buffer,resolver}) ||
    bail_out "a library is missing"
compile Secrets Tickets

# duplicates LOG...: "KIND: N of M values differ" for each kind of value that is not different in all.
duplicates() {
    awk '$1 !~ /^(ready|done|checkpointer:)$/ && NF == 2 { all[$1]++; if (!seen[$1, $2]++) own[$1]++ }
        END { for (k in all) if (own[k] != all[k]) print k ": " own[k] + 0 " of " all[k] " values differ" }' \
        "$@" | sort
}

# clones NAME MODE [JAVA-ARGUMENT...]: makes an image and its clones; sets logs, the original's first.
clones() {
    local name=$1 mode=$2 i batch pids=() good=0
    shift 2
    logs=()
    start_jvm "$name-$V" - -Xmx64m -XX:TieredStopAtLevel=1 "$@" -cp "$CP:$LIBRARIES" \
        "${PROGRAM:-Secrets}" "$mode"
    wait_line "$log" ready || fail "$V: $name: the program starts" "$(<"$log")"
    logs+=("$log")
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/$name"
    is "$status$out$err" 0 "$V: $name: checkpoint --leave-running succeeds"
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
    is "$good" "$CLONES" "$V: $name: all clones end without an error"
}

differ() { # NAME MODE WHAT [JAVA-ARGUMENT...]
    local name=$1 mode=$2 what=$3
    shift 3
    clones "$name" "$mode" "$@"
    is "$(duplicates "${logs[@]}")" "" "$V: $what: no random value occurs in two clones"
    not_ok "$V: $what: no clone prints a warning" grep -h "^checkpointer:" "${logs[@]}"
}

kept() { # NAME: the generators that inspect lists as shared
    run "$CKPT" inspect --json "$DIR/$1"
    python3 -c 'import json, sys
for each in json.load(sys.stdin)["generators_kept"]: print(each["class"], each["count"])' <<<"$out"
}

providers() {
    differ bc bc "Bouncy Castle is the first provider"
    is "$(kept bc)" "" "$V: Bouncy Castle: inspect lists no shared generator"
    CLONES=2 differ bc-z bc "ZGC" -XX:+UseZGC
    differ own own "a provider and a subclass of the application's"
}

libraries() {
    differ libraries libraries "libraries"
    is "$(kept libraries)" "" "$V: libraries: inspect lists no shared generator"
}

# One provider waits without limit, one throws: the others get their seed, and the restore warns and
# continues.
hang() {
    local output
    CLONES=1 clones hang own -Dhang=true
    is "$(duplicates "${logs[@]}")" "$(printf '%s: 1 of 2 values differ\n' throwing waiting)" \
        "$V: a provider that hangs: the generators of others are renewed"
    output=$(sed -n 's/^checkpointer: warning: the random generator //p' "${logs[1]}")
    like "$output" "SecureRandom \(Secrets.Hanging\) did not accept" "$V: a provider that hangs is reported"
    like "$output" "SecureRandom \(Secrets.Waiting\) did not accept" "$V: a provider that waits is reported"
    like "$output" "SecureRandom \(Secrets.Throwing\) does not accept" \
        "$V: a provider that takes no seed is reported"
}

# Generators that an application may have seeded itself are kept and named, and an option renews them.
plain() {
    CLONES=2 clones plain plain
    is "$(grep -h '^random-seeded' "${logs[@]}" | sort -u | wc -l)" 1 \
        "$V: a Random with a seed continues its sequence"
    like "$(kept plain)" "java.util.Random 2" "$V: inspect: java.util.Random is listed as shared"
    like "$(kept plain)" "Secrets.Deaf 1" \
        "$V: inspect: a SecureRandom that does not use its seed is listed as shared"
    like "$(kept plain)" "java.util.SplittableRandom 1" "$V: inspect: SplittableRandom is listed as shared"
    run "$CKPT" inspect "$DIR/plain"
    like "$out" $'\n''Random generators that clones share: [0-9]+'$'\n'".*java.util.Random" \
        "$V: inspect without --json: java.util.Random is listed as shared"
    OPTIONS=(addr=none renew_random=true)
    CLONES=4 clones renewed plain
    is "$(duplicates "${logs[@]}")" "deaf: 1 of 5 values differ" \
        "$V: renew_random=true: all but the one without a seed differ"
    is "$(kept renewed)" 'Secrets$Deaf 1' "$V: renew_random=true: inspect lists only the one without a seed"
    OPTIONS=(addr=none)
}

# Keys that encrypt new session tickets differ; old keys are kept, so that clients can still resume.
tickets() {
    local PROGRAM=Tickets CLONES=2 opens=(--add-opens java.base/sun.security.ssl=ALL-UNNAMED)
    needs_jdk tls_tickets "$V: clones encrypt session tickets with their own keys" || return 0
    clones tickets "$TMP/store" "${opens[@]}"
    is "$(grep -h '^ticket' "${logs[@]}" | sort -u | wc -l)" 3 \
        "$V: clones encrypt session tickets with their own keys"
    is "$(grep -h '^resumed' "${logs[@]}" | sort | uniq -c | xargs)" "3 resumed true" \
        "$V: a session from before the freeze is resumed"
}

# Native libraries in a container, where each clone is PID 1, as the original was.
natives() {
    local crypto inner i
    needs_jdk foreign_functions "$V: native: memory with MADV_WIPEONFORK is wiped in a clone" || return 0
    "$JAVA_HOME/bin/javac" -cp "$SIMPLE" -d "$DIR" "$TOP/tests/jvm/java/Native.java" || fail \
        "$V: native: the program compiles"
    crypto=$(ldconfig -p | sed -n 's/.*libcrypto\.so\.[13].*x86-64.* => //p' | head -n 1)
    start "native-$V" "${CONTAINER[@]}" "$CKPT" run --option addr=none -- "$JAVA" -Xmx64m \
        --enable-native-access=ALL-UNNAMED -cp "$DIR:$SIMPLE" Native "${crypto:--}"
    wait_line "$log" ready || fail "$V: native: the program starts" "$(<"$log")"
    inner=$(cat "/proc/$pid/task/$pid/children")
    run "$CKPT" checkpoint "${inner%% *}" "$DIR/native"
    is "$status$out$err" 0 "$V: native: the checkpoint succeeds"
    wait_exit "$pid"
    for i in 1 2 3; do
        run timeout 60 "${CONTAINER[@]}" "$CKPT" restore "$DIR/native"
        printf '%s\n' "$out" >"$TMP/native-$V-$i.log"
    done
    is "$(cat "$TMP/native-$V"-?.log | grep -xc 'wiped true')" 3 \
        "$V: native: memory with MADV_WIPEONFORK is wiped in a clone"
    [ -n "$crypto" ] || { cannot "$V: OpenSSL: two clones with one PID draw different values" \
        "libcrypto is not installed" && return; }
    is "$(cat "$TMP/native-$V"-?.log | grep -xc 'pid 1')" 3 "$V: OpenSSL: all clones are PID 1"
    is "$(cat "$TMP/native-$V"-?.log | grep '^openssl' | sort -u | wc -l)" 3 \
        "$V: OpenSSL: two clones with one PID draw different values"
}

each_jdk providers
each_jdk libraries
each_jdk hang
each_jdk plain
"${JDKS[0]}/bin/keytool" -genkeypair -alias server -keyalg EC -dname CN=server -validity 30000 \
    -storetype PKCS12 -keystore "$TMP/store" -storepass password >"$TMP/keytool.log" 2>&1 ||
    fail "keytool makes the key store" "$(<"$TMP/keytool.log")"
each_jdk tickets
CONTAINER=(unshare --pid --fork --mount-proc --kill-child)
if [ "$(id -u)" != 0 ] || ! "${CONTAINER[@]}" true 2>/dev/null; then
    cannot "native: memory with MADV_WIPEONFORK is wiped in a clone" "only root makes PID namespaces here"
else
    each_jdk natives
fi
done_testing
