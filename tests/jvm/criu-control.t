#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The control socket in a JVM that CRIU has restored: it is where it was, so `check`, `checkpoint` and
# the second half reach the JVM. A socket that an earlier JVM left at that name.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-by-hand.sh"
compile Endpoint

begin() { # NAME [OPTION...]
    local name=$1
    shift
    OPTIONS=(addr=none "$@")
    start_jvm "$name-$V" - -XX:-UsePerfData -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready
}

reached() {
    begin reached
    control "$pid" prepare
    is "$answer" "done|" "$V: the first half is requested over the control socket"
    criu_ends "$pid" "$DIR/reached" "$V: with a control socket"
    criu_restore "$DIR/reached"
    is "$status$err" 0 "$V: criu restores a JVM with a control socket"
    control "$pid" resume
    is "$answer" "done|" "$V: after criu's restore, the second half is requested over the same socket"
    run "$CKPT" check "$pid"
    like "$out" 'agent: loaded, and it answers' "$V: after criu's restore, check reaches the agent"
    run "$CKPT" checkpoint "$pid" "$DIR/reached-image"
    is "$status$err" 0 "$V: after criu's restore, checkpoint freezes the JVM"
    "$WAITFOR" --timeout 60 exit "$pid" || true
}

# The socket's name has the PID namespace. The PID may be in use here, as criu's is another one there.
other_namespace() {
    local inner outer namespace
    begin namespace
    inner=$pid
    control "$pid" prepare
    criu_ends "$pid" "$DIR/namespace" "$V: for another PID namespace"
    tap_pid_of[$log]=
    start criu unshare --pid --fork --mount-proc "$CRIU" restore -D "$DIR/namespace" -o restore.log -v4
    ok "$V: criu restores the JVM in another PID namespace" \
        "$WAITFOR" --timeout 60 line "$DIR/namespace/restore.log" "Restore finished successfully"
    # The first number of NSpid is the PID here, the last one that in there.
    outer=$(awk -v "inner=$inner" '$1 == "NSpid:" && $NF == inner && NF == 3 { print $2 }' \
        /proc/[0-9]*/status 2>/dev/null)
    run "$CKPT" resume "$outer"
    is "$status$err" 0 "$V: in another PID namespace, the JVM is found by the socket's old name"
    namespace=$(readlink "/proc/$outer/ns/pid")
    ok "$V: in another PID namespace, the second half gives the socket its new name" \
        test -S "/tmp/.checkpointer_0_pid${inner}_${namespace//[^0-9]/}"
    not_ok "$V: in another PID namespace, the socket's old name is gone" \
        test -e "$(control_socket "$inner")"
    run "$CKPT" check "$outer"
    like "$out" 'agent: loaded, and it answers' "$V: in another PID namespace, check reaches the agent"
    is "$status" 0 "$V: in another PID namespace, the agent answers check"
    kill -KILL "$outer"
    wait_exit "$pid" || true
}

# The endpoint may be a Unix socket too.
unix_endpoint() {
    begin unix "addr=unix:$DIR/endpoint"
    post() {
        code=$(curl -s --max-time 30 -o /dev/null -w '%{http_code}' -X POST \
            --unix-socket "$DIR/endpoint" "http://localhost$1") || true
    }
    post /before-checkpoint
    is "$code" 204 "$V: the first half is requested at a Unix socket"
    criu_ends "$pid" "$DIR/unix" "$V: with the endpoint at a Unix socket"
    criu_restore "$DIR/unix"
    post /after-restore
    is "$code" 204 "$V: after criu's restore, the endpoint is at the same Unix socket"
    end_restored "$pid"
}

# In a killed JVM nothing removes the socket.
stale() {
    local path first
    begin first
    first=$pid
    kill -KILL "$pid"
    wait_exit "$pid" || true
    path=$(control_socket "$first")
    ok "$V: a JVM that was killed leaves its socket" test -S "$path"
    # `start` forks once before it starts the JVM.
    printf '%s' "$((first - 2))" >/proc/sys/kernel/ns_last_pid
    begin second
    is "$pid" "$first" "$V: the next JVM has the PID of the one that was killed"
    control "$pid" prepare
    is "$answer" "done|" "$V: the socket of a killed JVM is replaced by the next with that PID"
    is "$(stat -c %a "$path")" 600 "$V: the control socket has mode 600"
    stop "$pid"
}

removed() {
    begin removed
    rm "$(control_socket "$pid")"
    run "$CKPT" check "$pid"
    like "$out" 'no +agent: loaded, but with no control socket \(.*its socket was removed from /tmp' \
        "$V: check: a socket that was removed is reported"
    run "$CKPT" checkpoint "$pid" "$DIR/never"
    like "$err" 'has the agent, but no control socket \(.*its socket was removed from /tmp' \
        "$V: checkpoint: a socket that was removed is reported"
    stop "$pid"
}

body() {
    reached
    other_namespace
    unix_endpoint
    stale
    removed
}
each_jdk body
done_testing
