#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Values that must differ between clones: a hundred clones of one image and the process that continued
# have no random value in common, whichever generator it comes from; each has its own PID; none has
# cached addresses of host names from before. Threads that draw numbers without a pause draw no number
# twice from the first moment on, and each of them sees its own PID.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Renew
BC=$(library bcprov-jdk18on) || bail_out "a library is missing"
CLONES=100
BATCH=10

hosts() { # HERE LOCAL [LINE]
    printf '%s\n' "127.0.0.$1 here.test" "127.0.0.$2 $(uname -n)" "${3:-}" >"$DIR/hosts"
}

# duplicates LOG...: "KIND: N of M values differ" for each kind of value that is not different in all.
duplicates() {
    awk '$1 !~ /^(ready|done|name-.*|pid.*|info)$/ && NF == 2 { all[$1]++; if (!seen[$1, $2]++) own[$1]++ }
        END { for (k in all) if (own[k] != all[k]) print k ": " own[k] + 0 " of " all[k] " values differ" }' \
        "$@" | sort
}

body() {
    local original clone batch i pids=() good=0 own=0 kinds
    local opens=()
    ! jdk_has modules || opens=(--add-opens java.base/sun.security.provider=ALL-UNNAMED)
    hosts 1 4
    start_jvm "original-$V" - -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${opens[@]}" -Drepeat=true \
        -Djdk.net.hosts.file="$DIR/hosts" -Dsun.net.inetaddr.ttl=-1 -Dsun.net.inetaddr.negative.ttl=-1 \
        -cp "$CP" Renew
    original=$log
    wait_line "$original" ready || fail "$V: the program starts"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image"
    is "$status$out$err" 0 "$V: checkpoint --leave-running succeeds"
    wait_exit "$pid"
    ok "$V: the original ends without an error" grep -qx done "$original"
    hosts 2 5 "127.0.0.3 later.test"

    for ((batch = 0; batch < CLONES; batch += BATCH)); do
        pids=()
        for ((i = batch; i < batch + BATCH; i++)); do
            restore "clone-$V-$i" "$DIR/image"
            pids+=("$pid")
        done
        for ((i = batch; i < batch + BATCH; i++)); do
            clone=$TMP/clone-$V-$i.log
            wait_exit "${pids[i - batch]}"
            [ "$status/$(tail -n 1 "$clone")" = 0/done ] && good=$((good + 1))
            grep -qx "pid ${pids[i - batch]}" "$clone" &&
                grep -qx "pid-in-hook ${pids[i - batch]}" "$clone" && own=$((own + 1))
        done
    done
    is "$good" "$CLONES" "$V: all $CLONES clones end without an error"
    kinds=$(cut -d ' ' -f 1 "$clone" | sort -u | tr '\n' ' ')
    ok "$V: each clone prints at least 25 kinds of values" test "$(wc -w <<<"$kinds")" -ge 25
    is "$(duplicates "$TMP/clone-$V"-*.log "$original")" "" "$V: no random value occurs in two clones"
    not_ok "$V: no clone prints a warning" grep -h "^checkpointer:" "$TMP/clone-$V"-*.log
    needs_jdk process_handles "$V: each clone has its own process ID, in afterRestore too" || return 0
    is "$own" "$CLONES" "$V: each clone has its own process ID, in afterRestore too"
    is "$(cat "$TMP/clone-$V"-*.log | grep -cx 'info true')" "$CLONES" \
        "$V: each clone has its own ProcessHandle.info()"
    is "$(sed -n 's/^name-/ /p' "$original" | tr -d '\n')" \
        " here 127.0.0.1 later unknown local 127.0.0.4" "$V: the original has cached addresses of host names"
    is "$(sed -n 's/^name-/ /p' "$clone" | tr -d '\n')" \
        " here 127.0.0.2 later 127.0.0.3 local 127.0.0.5" "$V: a clone looks host names up again"
}
# Threads that draw numbers without a pause; for collectors that move objects only at safepoints.
busy() { # COLLECTOR [NAME PROVIDER]
    local i clone pids=() good=0 own=0 name=$1${2:+-$2} first=()
    [ -z "${2:-}" ] || first=(-Dprovider="$3")
    start_jvm "busy-$name-$V" - -Xmx64m "-XX:+Use$1" -XX:TieredStopAtLevel=1 -Dbusy=true "${first[@]}" \
        -cp "$CP:$BC" Renew
    wait_line "$log" ready || fail "$V: $name: the program starts"
    freeze "$pid" "$DIR/busy" "$V: $name: with busy threads" || return
    for ((i = 0; i < BATCH; i++)); do
        restore "drawn-$name-$V-$i" "$DIR/busy"
        pids+=("$pid")
    done
    for ((i = 0; i < BATCH; i++)); do
        clone=$TMP/drawn-$name-$V-$i.log
        wait_exit "${pids[i]}"
        [ "$status/$(tail -n 1 "$clone")" = 0/done ] && good=$((good + 1))
        grep -qx "pid-busy ${pids[i]}" "$clone" && own=$((own + 1))
    done
    is "$good" "$BATCH" "$V: $name: all $BATCH clones continue to draw numbers"
    if needs_jdk process_handles "$V: $name: no thread sees the old process ID"; then
        is "$own" "$BATCH" "$V: $name: no thread sees the old process ID"
    fi
    is "$(duplicates "$TMP/drawn-$name-$V"-*.log)" "" "$V: $name: no number is drawn by two clones"
}

# A class that differs from the known ones: a warning with its name, and all others are renewed.
unknown() {
    local want="checkpointer: warning: cannot renew the host's number in RMI identifiers in the restored"
    want+=" process; its clones may share it"
    needs_jdk modules "$V: a class that cannot be renewed is named" || return 0
    start_jvm "unknown-$V" - -Xmx64m --patch-module java.rmi="$PATCHED" -cp "$CP" Renew
    wait_line "$log" ready || fail "$V: unknown class: the program starts"
    freeze "$pid" "$DIR/unknown" "$V: unknown class" || return
    restore "warned-$V" "$DIR/unknown"
    wait_exit "$pid"
    is "$status/$(grep '^checkpointer:' "$log")/$(tail -n 1 "$log")" "0/$want/done" \
        "$V: a class that cannot be renewed is named"
    like "$(<"$log")" $'\n'"pid $pid"$'\n' "$V: a class that cannot be renewed does not affect the process ID"
}

PATCHED=$TMP/patched
"$JAVAC" --patch-module java.rmi="$TOP/tests/jvm/java/patch" -d "$PATCHED" \
    "$TOP/tests/jvm/java/patch/UID.java" || bail_out "javac failed"
each_jdk unknown
each_jdk body
for collector in SerialGC G1GC; do
    each_jdk busy "$collector"
    each_jdk busy "$collector" BouncyCastle org.bouncycastle.jce.provider.BouncyCastleProvider
done
done_testing
