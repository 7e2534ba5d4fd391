# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# For tests that restore a process under its old PID, BEFORE tap.sh: runs the test again in PID and
# mount namespaces of its own, with its own /proc and /tmp. So no other process of the machine takes a
# PID that the test needs, and files in /tmp that are named by a PID are the test's. With OWN_PIDS_NET=yes
# also in a network namespace, which has only the loopback: for tests of the packet filter.

if [ -z "${CKPT_OWN_PIDS:-}" ]; then
    if ! unshare ${OWN_PIDS_NET:+--net} --pid --mount --fork true 2>/dev/null; then
        echo "1..0 # SKIP this user or container may not make a PID namespace"
        exit 0
    fi
    CKPT_OWN_PIDS=$(mktemp -d "${TMPDIR:-/tmp}/checkpointer-pids.XXXXXX")
    chmod 1777 "$CKPT_OWN_PIDS"
    export CKPT_OWN_PIDS
    trap 'rm -rf "$CKPT_OWN_PIDS"' EXIT
    # In the background, so that a signal is not kept waiting for the end of the test.
    unshare ${OWN_PIDS_NET:+--net} --pid --mount-proc --fork --kill-child=KILL \
        setsid bash "$0" "$@" </dev/null &
    trap 'kill -KILL $!; wait $!; exit 143' TERM
    trap 'kill -KILL $!; wait $!; exit 130' INT HUP
    wait $!
    exit
fi
# A folder and no tmpfs: images may be large. What is open was opened in the mount namespace outside, and
# no process that inherits it could be dumped; standard output and error are the test's results.
if [ "$$" = 1 ]; then
    # What the test needs of the old /tmp: the project, its tools and JDKs, if they are there.
    own_pids_keep=${BASH_SOURCE[0]%/*}/../..:$HOME:${XDG_CACHE_HOME:-}:${CRIU:+${CRIU%/*}}
    IFS=: read -r -a own_pids_keep <<<"$own_pids_keep:${JAVA_HOMES:-}"
    for own_pids_folder in "${own_pids_keep[@]}"; do
        own_pids_folder=$(realpath -e "${own_pids_folder:-/}" 2>/dev/null) || continue
        [[ $own_pids_folder == /tmp/* ]] || continue
        mkdir -p "$CKPT_OWN_PIDS${own_pids_folder#/tmp}" &&
            mount --bind "$own_pids_folder" "$CKPT_OWN_PIDS${own_pids_folder#/tmp}" || exit
    done
    mount --rbind "$CKPT_OWN_PIDS" /tmp || exit
    unset TMPDIR
    exec </dev/null
    [ -z "${OWN_PIDS_NET:-}" ] || python3 -c 'import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))' || exit
    for own_pids_fd in /proc/self/fd/*; do
        own_pids_fd=${own_pids_fd##*/}
        [ "$own_pids_fd" -lt 3 ] || [ "$own_pids_fd" = 255 ] || eval "exec $own_pids_fd>&-"
    done
fi
