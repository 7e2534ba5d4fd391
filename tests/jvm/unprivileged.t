#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A selection of the other tests as an ordinary user without any capability, and a second time under a
# system call filter like those of container runtimes: three generations by PID and by the counter's own
# request, the agent loaded later, every collector, the HTTP server.
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
        "$base: the counter freezes itself twice and continues" || diag "$(tail "$log")"

    start "$base pid" as_user "${CONFINE[@]}" "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    for generation in 1 2 3; do
        freeze as_user "$pid" "$image" "$base: by PID, generation $generation" || return
        restore "$base pid" as_user "$image"
        wait_more "$log" 2 || fail "$base: generation $generation continues to count" "$(tail "$log")"
    done
    is "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$pid/status")" \
        "$(as_user id -u)" "$base: the restored JVM belongs to the user"
    is "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$pid/status")" 0000000000000000 \
        "$base: the restored JVM has no capability"
    stop "$pid"
    is "$status" 143 "$base: SIGTERM ends the restored JVM with 143"
    in_sequence "$log" "$base: with the agent loaded later it counts without a gap over three generations"
}

collectors() {
    local collector base
    for collector in Serial Parallel G1 Z Shenandoah; do
        jdk_takes "-XX:+Use${collector}GC" || continue
        base="$V $HOW: $collector"
        start_jvm "$base" as_user - -Xmx256m "-XX:+Use${collector}GC" -cp "$CP" Load --threads 20
        wait_line "$log" "round 3"
        freeze as_user "$pid" "$HERE/load" "$base" || { stop "$pid" && continue; }
        restore "$base" as_user "$HERE/load"
        wait_line "$log" "round " --count $(($(count_lines "$log" "round ") + 3))
        stop "$pid"
        is "$status/$(grep -c CORRUPT "$log")" 143/0 \
            "$base: the JVM is frozen, restored, and finds its data unchanged" || diag "$(tail "$log")"
    done
}

http() {
    local base="$V $HOW: http" port
    start_jvm "$base" as_user - -jar "$HTTP_JAR"
    wait_line "$log" "listening on port"
    port=$(port_of "$log" "listening on port")
    ok "$base: the server answers before the checkpoint" answers "$port"
    freeze as_user "$pid" "$HERE/http" "$base" || return
    restore "$base" as_user "$HERE/http"
    ok "$base: the first request after the restore is answered" answers "$port"
    stop "$pid"
}

# The limit on the user's processes leaves no thread for a request.
processes() {
    start_jvm "$V processes" as_user - -jar "$SIMPLE" --period 20
    wait_line "$log" 2
    as_user prlimit --pid "$pid" --nproc=1: # the soft limit
    run as_user "$CKPT" checkpoint --leave-running "$pid" "$HERE/processes"
    like "$status$err" "^1checkpointer: the JVM cannot start a thread for the request: .*'ulimit -u'" \
        "$V: checkpoint: a limit on processes that is reached is named"
    as_user prlimit --pid "$pid" --nproc=10000:
    run as_user "$CKPT" checkpoint --leave-running "$pid" "$HERE/processes"
    is "$status$out$err" 0 "$V: checkpoint: succeeds when the limit on processes is raised"
    stop "$pid"
}

# Root may freeze a user's JVM; it stays the user's. The user may not freeze root's.
two_users() {
    start_jvm "$V root's" - -cp "$CP" Load
    wait_line "$log" "round 1"
    run as_user "$CKPT" checkpoint "$pid" "$USER_DIR/stolen"
    is "$status/$out/$(wc -l <<<"$err")" 1//1 "$V: two users: another user's JVM cannot be frozen"
    stop "$pid"
    start_jvm "$V user's" as_user - -cp "$CP" Load
    wait_line "$log" "round 1"
    freeze "$pid" "$HERE/by-root" "$V: two users: a user's JVM, by root" || return
    is "$(stat -c %u "$HERE/by-root/image")" "$(as_user id -u)" \
        "$V: two users: the image that root makes belongs to the user"
    restore "$V user's" as_user "$HERE/by-root"
    ok "$V: two users: the user restores the image that root has made" \
        wait_line "$log" "round " --count $(($(count_lines "$log" "round ") + 3))
    # The restored process may live in a user namespace that has no number for root.
    freeze "$pid" "$HERE/by-root" "$V: two users: the user's restored JVM, by root" || return
    restore "$V user's" as_user "$HERE/by-root"
    ok "$V: two users: the user restores the second image that root has made" wait_line "$log" "round " \
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
        cannot "$V: two users: the user restores the image that root has made" \
            "only root can act as two users"
    fi
    CONFINE=("$SECCOMP_RUN" --)
    HOW="under a container's filter"
    counter
    collectors
    http
}
each_jdk body
done_testing
