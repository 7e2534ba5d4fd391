#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What the other tests see, in short, as an ordinary user without any capability, and once more under
# a system call filter as container runtimes have it: three generations by PID and by the counter's
# own request, the agent loaded later, every collector, the HTTP server.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl
compile Load
user_ready
SIMPLE=$(for_user "$SIMPLE")
HTTP_JAR=$(for_user "$TOP/examples/http/target/http.jar")
CP=$CLASSES:$SIMPLE

counter() {
    local base="$V $HOW" image=$HERE/counter generation
    start_jvm "$base own" as_user "$image" -jar "$SIMPLE" --period 20 --checkpoint-at 3,6 --until 9
    wait_exit "$pid"
    for generation in 1 2; do
        restore "$base own" as_user "$image"
        wait_exit "$pid"
    done
    is "$status $(grep -x '[0-9]*' "$log" | tr '\n' ' ')" "0 1 2 3 4 5 6 7 8 9 " \
        "$base: the counter freezes itself twice" || diag "$(tail "$log")"

    start "$base pid" as_user "${CONFINE[@]}" "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    for generation in 1 2 3; do
        freeze as_user "$pid" "$image" "$base: by PID, generation $generation" || return
        restore "$base pid" as_user "$image"
        wait_more "$log" 2 || fail "$base: generation $generation counts on" "$(tail "$log")"
    done
    is "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$pid/status")" \
        "$(as_user id -u)" "$base: the restored JVM is that user's"
    is "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$pid/status")" 0000000000000000 \
        "$base: and has no capability"
    stop "$pid"
    is "$status" 143 "$base: SIGTERM ends it"
    in_sequence "$log" "$base: the agent came later, three generations"
}

collectors() {
    local collector base
    for collector in Serial Parallel G1 Z Shenandoah; do
        java_takes "$JAVA_HOME" "-XX:+Use${collector}GC" || continue
        base="$V $HOW $collector"
        start_jvm "$base" as_user - -Xmx256m "-XX:+Use${collector}GC" -cp "$CP" Load --threads 20
        wait_line "$log" "round 3" 60
        freeze as_user "$pid" "$HERE/load" "$base" || { stop "$pid" && continue; }
        restore "$base" as_user "$HERE/load"
        wait_line "$log" "round " 60 --count $(($(count_lines "$log" "round ") + 3))
        stop "$pid"
        is "$status/$(grep -c CORRUPT "$log")" 143/0 "$base goes on" || diag "$(tail "$log")"
    done
}

http() {
    local base="$V $HOW http" port
    start_jvm "$base" as_user - -jar "$HTTP_JAR"
    wait_line "$log" "listening on port"
    port=$(port_of "$log" "listening on port")
    ok "$base: the first request" answers "$port"
    freeze as_user "$pid" "$HERE/http" "$base" || return
    restore "$base" as_user "$HERE/http"
    ok "$base: the first request after restore" answers "$port"
    stop "$pid"
}

# The limit on the user's processes leaves no thread for a request.
processes() {
    start_jvm "$V processes" as_user - -jar "$SIMPLE" --period 20
    wait_line "$log" 2
    as_user prlimit --pid "$pid" --nproc=1: # the soft limit
    run as_user "$CKPT" checkpoint --leave-running "$pid" "$HERE/processes"
    like "$status$err" "^1checkpointer: the JVM cannot start a thread for the request: .*'ulimit -u'" \
        "$V: a limit of processes that is reached is named"
    as_user prlimit --pid "$pid" --nproc=10000:
    run as_user "$CKPT" checkpoint --leave-running "$pid" "$HERE/processes"
    is "$status$out$err" 0 "$V: when it is raised, the JVM is asked again"
    stop "$pid"
}

# Root may freeze a user's JVM; it stays the user's. The user may not freeze root's.
two_users() {
    start_jvm "$V root's" - -cp "$CP" Load
    wait_line "$log" "round 1"
    run as_user "$CKPT" checkpoint "$pid" "$USER_DIR/stolen"
    is "$status/$out/$(wc -l <<<"$err")" 1//1 "$V: another user's JVM cannot be frozen"
    stop "$pid"
    start_jvm "$V user's" as_user - -cp "$CP" Load
    wait_line "$log" "round 1"
    freeze "$pid" "$HERE/by-root" "$V: root freezes a user's JVM" || return
    is "$(stat -c %u "$HERE/by-root/image")" "$(as_user id -u)" "$V: the image is the user's"
    restore "$V user's" as_user "$HERE/by-root"
    ok "$V: who restores it" wait_line "$log" "round " 60 --count $(($(count_lines "$log" "round ") + 3))
    # The restored process may live in a user namespace that has no number for root.
    freeze "$pid" "$HERE/by-root" "$V: root freezes it once more" || return
    restore "$V user's" as_user "$HERE/by-root"
    ok "$V: and the user restores it" wait_line "$log" "round " 60 \
        --count $(($(count_lines "$log" "round ") + 3))
    stop "$pid"
}

body() {
    HERE=$USER_DIR/$V
    as_user mkdir -p "$HERE"
    CONFINE=()
    HOW="without capabilities"
    processes
    counter
    collectors
    http
    if [ "$(id -u)" -eq 0 ]; then
        two_users
    else
        cannot "$V: two users" "only root can be two users"
    fi
    CONFINE=("$SECCOMP_RUN" --)
    HOW="under a container's filter"
    counter
    collectors
    http
}
each_jdk body
done_testing
