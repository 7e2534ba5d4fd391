# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# For tests in which `criu` itself is run, as scripts do, after jvm.sh and criu_ready, or criu-jvm.sh:
# dump and restore, and requests to the control socket between them.

need python3

# The shell leads a session outside of the PID namespace, which criu cannot dump; so the JVM leads
# one of its own. Nothing is sent over the network here, so it need not be locked; but 3.17.1 always does.
CONFINE=(setsid)
CRIU_OPTIONS=(--network-lock skip)
[[ $("$CRIU" --version) != *" 3.17"* ]] || CRIU_OPTIONS=()

# criu_dump PID DIR [OPTION...]: sets status, and err to the errors in the log.
criu_dump() {
    local process=$1 directory=$2
    shift 2
    mkdir -p "$directory"
    run "$CRIU" dump -t "$process" -D "$directory" -o dump.log -v2 "${CRIU_OPTIONS[@]}" "$@"
    err=$(grep -a Error "$directory/dump.log" | grep -v RLIMIT_NOFILE) || true # that one is harmless
}

# criu_ends PID DIR WHAT [OPTION...]: dump it, and wait for its end.
criu_ends() {
    local process=$1 directory=$2 what=$3
    shift 3
    criu_dump "$process" "$directory" "$@"
    [ "$status" = 0 ] || fail "$what: criu dumps the JVM" "$err" || return
    wait_exit "$process"
}

# criu_restore DIR [OPTION...]: in the background, under its old PID; sets status and err.
criu_restore() {
    local directory=$1
    shift
    run "$CRIU" restore -d -D "$directory" -o restore.log "$@"
    err=$(grep -a Error "$directory/restore.log" | grep -v RLIMIT_NOFILE) || true # that one is harmless
}

# control PID LINE...: sends a request; sets answer, with '|' for each end of a line.
control() {
    local process=$1
    shift
    answer=$(python3 "$TOP/tests/lib/control-client.py" "$(control_socket "$process")" "$@") ||
        true # then the answer is empty
}

# The restored JVM is no child of the shell.
end_restored() { # PID
    kill -KILL "$1"
    "$WAITFOR" --timeout 60 exit "$1"
}
