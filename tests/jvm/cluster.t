#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JGroups cluster of two members over UDP multicast: one of them is frozen by its PID and restored, twice,
# and each time the cluster forms again, messages arrive on both sides, and nothing spins. The members watch
# each other over TCP connections (FD_SOCK), which a policy closes.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
LIBRARIES=$(library jgroups)
compile Cluster
printf '%s\n' 'type: socket' 'family: ip' 'listening: false' 'remotePort: *' 'action: close' >"$TMP/policies"
PATIENCE=240 # the members look for each other every 10 to 30 s

member() { # NAME
    start "$1-$V" "$JAVA" -Djava.net.preferIPv4Stack=true -Djgroups.bind_addr=127.0.0.1 \
        "-Djgroups.udp.mcast_port=$GROUP_PORT" -cp "$CLASSES:$LIBRARIES" Cluster "$1"
}

cpu_ticks() { # PID
    sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'
}

# The restored member's CPU time while ten messages arrive, which takes 5 s at least.
is_quiet() { # WHAT
    local before
    before=$(cpu_ticks "$pid")
    wait_line "$log" "got second" --count 10 --from "$(stat -c %s "$log")" || return
    [ $(($(cpu_ticks "$pid") - before)) -lt 250 ] || fail "$1: nothing spins" \
        "$(($(cpu_ticks "$pid") - before)) ticks of CPU time in 5 s"
}

body() {
    local generation second second_log from
    GROUP_PORT=$(free_port)
    member second
    second=$pid second_log=$log
    wait_line "$log" joined
    member first
    wait_line "$log" "view 2" || return
    wait_line "$log" "got second"
    wait_line "$second_log" "got first"
    for generation in 1 2; do
        freeze "$pid" "$DIR/image" "$V, generation $generation" --policies "$TMP/policies" || return
        from=$(stat -c %s "$second_log")
        run "$CKPT" inspect "$DIR/image"
        like "$out" "UDP socket +at [^,]*:$GROUP_PORT, in 228.8.8.8 on lo" \
            "$V, generation $generation: inspect shows the multicast group of the cluster"
        restore "first-$V" "$DIR/image"
        ok "$V, generation $generation: the restored member gets messages" \
            wait_line "$log" "got second" --from "$(stat -c %s "$log")"
        ok "$V, generation $generation: the other member gets its messages" \
            wait_line "$second_log" "got first" --from "$from"
        ok "$V, generation $generation: nothing spins" is_quiet "$V, generation $generation"
        unlike "$(<"$log")" 'IOException|Exception in thread' \
            "$V, generation $generation: no errors are logged"
    done
    stop "$pid"
    ok "$V: the cluster notices when a restored member ends" wait_line "$second_log" "view 1" \
        --from "$(stat -c %s "$second_log")"
    stop "$second"
}
each_jdk body
done_testing
