#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck disable=SC2034,SC2154
#
# Connections to another process: refused by default, and with --connections=close reset in the restored
# process, also without a loopback interface. The program (java/Resets.java) has them in every state and
# uses them in every way; the other process (lib/silent-peer.py) ends before the restore. Also how
# --policies and --connections reach a JVM: by the command, as options of the agent, over HTTP.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Resets

# begin NAME [MANY]: the peer, and the JVM without an agent; sets pid, folder, image, peer, ports.
begin() {
    folder=$DIR/$1 image=$DIR/image-$1
    rm -rf "$folder" "$image"
    "${AS[@]}" mkdir -p "$folder"
    start "peer-$1-$V" "${AS[@]}" "$PEER" "$folder"
    peer=$pid
    wait_line "$log" ports
    read -r -a ports < <(sed -n 's/^ports //p' "$log")
    start "$1-$V" "${AS[@]}" "${RUN[@]}" "$JAVA" -cp "$CLASSES" Resets "$folder" "${ports[@]}" "${2:-0}"
    wait_line "$log" ready
}
RUN=() AS=() PEER=$TOP/tests/lib/silent-peer.py

# come_back WHAT [COMMAND...]: the peer ends, and the image is restored by that command; sets log.
come_back() {
    local what=$1
    shift
    stop "$peer" || true
    : >"$folder/go"
    start "${log##*/}-again" "$@" "$CKPT" restore "$image"
    wait_exit "$pid"
    is "$status" 0 "$V: $what: the restored JVM ends with 0" || diag "$(<"$log")"
    not_ok "$V: $what: no use of a connection hangs" grep -q hangs "$log"
}

has() { # WHAT LINE-PATTERN
    ok "$V: $1: ${2%%:*}" grep -qE -- "^$2\$" "$log" || diag "$(grep "^${2%%:*}:" "$log")"
}

RESET='Connection reset( by peer)?' PIPE='Broken pipe'
# Every use; java.net.Socket and channels report a reset again until they are closed.
all_reset() {
    local what=$1 reset=$RESET pipe=$PIPE
    has "$what" "read: $reset; ($reset|-1); $pipe; $pipe;"
    has "$what" "write: $reset; $pipe; ($reset|-1); ($reset|-1);"
    has "$what" "blocked: $reset; ($reset|-1); $pipe;"
    has "$what" "socket: $reset; ($reset|-1); $pipe.*; shut down; true; closed;"
    has "$what" "async: $reset; -1; $pipe;"
    has "$what" "options: true;"
    has "$what" "select-read: 1; $reset; ($reset|-1); $pipe; 0;"
    has "$what" "select-both: 1; $reset; ($reset|-1); $pipe; 0;"
    has "$what" "select-blocked: 1; $reset; 0;"
    has "$what" "select-none: 0 idle; $reset;"
    has "$what" "connecting: 1; (Connection refused|$reset); 0;"
    has "$what" "connect-limited: (Connection refused.*|$reset);"
    ! jdk_has unix_sockets || {
        has "$what" "unix: $reset; ($reset|-1); $pipe;"
        has "$what" "unix-write: $pipe; $reset; ($reset|-1);"
        has "$what" "unix-select: 1; $reset; ($reset|-1);"
    }
}

loaded_late() {
    begin late
    run "$CKPT" checkpoint "$pid" "$image"
    like "$status $err" "^1 .*TCP connection.*--connections=close" \
        "$V: without an option connections are refused, and the option is named"
    run "$CKPT" checkpoint --connections=close "$pid" "$image"
    is "$status$out$err" 0 "$V: --connections=close: the checkpoint succeeds"
    wait_exit "$pid"
    like "$(<"$log")" "warning: 1[0-9] connections to other processes will be reset in the restored process" \
        "$V: --connections=close: one warning has the number of connections"
    like "$("$CKPT" inspect "$image")" \
        "closed +it was '127.0.0.1:[0-9]+ to 127.0.0.1:${ports[0]}', a connection" \
        "$V: --connections=close: inspect shows the connections"
    come_back "--connections=close"
    has "--connections=close" "server: true;"
    all_reset "--connections=close"
}

# The second generation is frozen before the application has noticed anything.
chain() {
    RUN=("$CKPT" run --connections=close --option addr=none --)
    begin chain
    RUN=()
    run "$CKPT" checkpoint --connections=refuse "$pid" "$image"
    like "$status $err" "^1 .*TCP connection" "$V: the request's option overrides that of the agent"
    freeze "$pid" "$image" "$V: run --connections=close"
    stop "$peer"
    start "second-$V" "$CKPT" restore "$image"
    second=$log
    ok "$V: chain: the image is restored" wait_line "$log" restored
    freeze "$pid" "$image" "$V: chain: the second generation"
    come_back "chain"
    cat "$second" >>"$log" # what was waited for was noticed there
    all_reset "chain"
}

many() { # NAME WHAT [COMMAND...]
    local name=$1 what=$2
    shift 2
    begin "$name" 1000
    freeze_late "$what"
    come_back "$what" "$@"
    has "$what" "many: 1000"
}

freeze_late() { # WHAT
    run "${AS[@]}" "$CKPT" checkpoint --connections=close "$pid" "$image"
    is "$status$out$err" 0 "$V: $1: the checkpoint succeeds"
    wait_exit "$pid"
}

without_loopback() {
    if ! unshare --net true 2>/dev/null; then
        cannot "$V: without a loopback interface" "network namespaces are not allowed here"
        return
    fi
    begin down
    freeze_late "without a loopback interface"
    come_back "without a loopback interface" unshare --net
    all_reset "without a loopback interface"
    many many-down "1000 connections without a loopback interface" unshare --net
    begin denied # a namespace for the sockets is not allowed either
    freeze_late "without any network"
    come_back "without any network" unshare --net "$SECCOMP_RUN" --
    has "without any network" "read: $RESET; ($RESET|-1); $PIPE; $PIPE;"
    has "without any network" "write: $PIPE; $PIPE; $RESET; ($RESET|-1);" # as of a Unix socket
    has "without any network" "blocked: $RESET; ($RESET|-1); $PIPE;"
    has "without any network" "select-both: 1; $RESET; ($RESET|-1); $PIPE; 0;"
    has "without any network" "select-none: 0 idle; $RESET;"
    has "without any network" "connecting: 1; $RESET; 0;"
}

# A user without privileges gets the namespace inside one of users.
ordinary_user() {
    local what="without a loopback interface, as an ordinary user" DIR=$USER_DIR
    user_ready
    if ! unshare --net "${AS_USER[@]}" unshare --user --net true 2>/dev/null; then
        cannot "$V: $what" "user namespaces are not allowed here, or only root makes network namespaces"
        return
    fi
    AS=("${AS_USER[@]}") PEER=$(for_user "$PEER")
    begin user
    freeze_late "$what"
    come_back "$what" unshare --net "${AS_USER[@]}"
    all_reset "$what"
    AS=()
}

body() {
    loaded_late
    chain
    many many "1000 connections"
    without_loopback
    ordinary_user
}

each_jdk body
done_testing
