# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# TAP and process helpers for the tests in bash (tests/cli, tests/jvm). A test begins with
#
#     . "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
#
# and ends with done_testing. It gets: TOP (the checkout), BUILD (its build folder), CKPT (the
# command), AGENT, TMP (a new folder), and JDKS, JAVAC and jdk_has of jdk.sh. When it ends, for
# whatever reason, the processes it started are killed, each by its own PID, and TMP is removed
# (CKPT_KEEP=1 keeps it). Nothing here sleeps: waiting is for an event, with a deadline.
#
# A command of a test that fails, and whose status is not used, fails the test: the steps after it
# rely on it. Where the failure is meant, write `|| true`, or use the status.
#
# Use skip for what could be installed: with CKPT_MUST_WORK=1 it fails. Use cannot for what this
# kernel or processor will never have.

set -u
export LC_ALL=C.UTF-8 # names of files and arguments are UTF-8, for bash and for Java; messages English
unset PYTHONUNBUFFERED # with it print('port', N) is written in pieces, and a test may see the first one
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${CKPT_BUILD:-$TOP/build}
CKPT=$BUILD/checkpointer
AGENT=$BUILD/libcheckpointer.so
PATH=$PATH:/usr/sbin:/sbin # ldconfig is there, and Debian gives an ordinary user another PATH
WAITFOR=$BUILD/tests/waitfor
SECCOMP_RUN=$BUILD/tests/seccomp-run
TMP=$(mktemp -d "${TMPDIR:-/tmp}/checkpointer-test.XXXXXX")

tap_count=0
tap_failed=0
tap_started=()
declare -A tap_pid_of=()

tap_cleanup() {
    local pid
    for pid in "${tap_started[@]}"; do
        # Only what is still a job of this shell: another process may have the number by now.
        [[ " $(jobs -rp | tr '\n' ' ') " == *" $pid "* ]] && kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    # A JVM that was killed leaves its control socket.
    for pid in "${tap_started[@]}"; do
        [ -d "/proc/$pid" ] || rm -f /tmp/.checkpointer_*_pid"$pid" /tmp/.checkpointer_*_pid"$pid"_*
    done
    if [ "${CKPT_KEEP:-}" = 1 ]; then
        diag "kept: $TMP"
    else
        rm -rf "$TMP"
    fi
}
trap tap_cleanup EXIT
# No effect but one: bash does not print "Killed" for a process whose checkpoint ends it that way.
trap : KILL
trap 'exit 143' TERM
trap 'exit 130' INT HUP

# --- results

note() { sed 's/^/# /' <<<"$*"; }
diag() { note "$@" >&2; }

pass() {
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s\n' "$tap_count" "$*"
}

# fail NAME [DETAIL...]: the details go to stderr, where prove shows them.
fail() {
    local line=${BASH_LINENO[0]} depth=0
    while [[ ${BASH_SOURCE[depth + 1]:-} == */tap.sh ]]; do
        depth=$((depth + 1))
        line=${BASH_LINENO[depth]}
    done
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    printf 'not ok %d - %s\n' "$tap_count" "$1"
    diag "failed: $1 (line $line of $(basename "$0"))"
    shift
    [ $# -eq 0 ] || diag "$@"
    return 1
}

# Called by the trap on ERR: a step failed. Not for what `fail` has counted, nor a second time for
# the functions around a step, nor in a subshell, whose status its parent sees. For a function that
# ended with `return`, the trap runs at the place of the call, but with the text of that `return`.
tap_step() { # STATUS COMMAND
    local stack="${FUNCNAME[*]:1}" line=${BASH_LINENO[0]} text=${2%%$'\n'*} file=${BASH_SOURCE[1]:-}
    [ "$BASH_SUBSHELL" = 0 ] || return 0
    if [ "$tap_failed" = "$tap_reported" ] && [[ $tap_stack != *' '* || ${tap_stack#* } != "$stack" ]]; then
        [[ $text != return* || ! -f $file ]] || text=$(sed -n "${line}s/^ *//p" "$file")
        fail "a step succeeds: $text" "it ended with status $1, line $line of ${file##*/}" || true
    fi
    tap_reported=$tap_failed
    tap_stack=$stack
}
tap_reported=0
tap_stack=
set -E
trap 'tap_step $? "$BASH_COMMAND"' ERR

# ok NAME COMMAND...: passes when the command succeeds; shows its output otherwise.
ok() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then pass "$name"; else fail "$name" "$* printed: $output"; fi
}

# not_ok NAME COMMAND...: passes when the command fails; not when it cannot even start.
not_ok() {
    local name=$1 output status=0
    shift
    output=$("$@" 2>&1) || status=$?
    case $status in
        0) fail "$name" "$* succeeded: $output" ;;
        126 | 127) fail "$name" "$* cannot start: $output" ;;
        *) pass "$name" ;;
    esac
}

is() { # GOT WANT NAME
    if [ "$1" = "$2" ]; then pass "$3"; else fail "$3" "got:  $1"$'\n'"want: $2"; fi
}

isnt() { # GOT UNWANTED NAME
    if [ "$1" != "$2" ]; then pass "$3"; else fail "$3" "got what it should not be: $1"; fi
}

like() { # TEXT EXTENDED-REGEX NAME
    if [[ $1 =~ $2 ]]; then pass "$3"; else fail "$3" "got:  $1"$'\n'"want a match of: $2"; fi
}

unlike() { # TEXT EXTENDED-REGEX NAME
    if [[ $1 =~ $2 ]]; then fail "$3" "got: $1"$'\n'"it matches: $2"; else pass "$3"; fi
}

contains() { # TEXT PART NAME
    if [[ $1 == *"$2"* ]]; then pass "$3"; else fail "$3" "got:  $1"$'\n'"want in it: $2"; fi
}

cannot() { # NAME REASON
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

skip() { # NAME REASON
    if [ "${CKPT_MUST_WORK:-}" = 1 ]; then
        fail "$1" "skipped, but it must work here: $2"
    else
        cannot "$1" "$2"
    fi
}

cannot_all() { # REASON
    printf '1..0 # SKIP %s\n' "$*"
    exit 0
}

skip_all() { # REASON
    [ "${CKPT_MUST_WORK:-}" = 1 ] || cannot_all "$@"
fail "nothing that the test needs is missing" "skipped, but it must work here: $*"
    done_testing
}

bail_out() {
    printf 'Bail out! %s\n' "$*"
    exit 255
}

done_testing() {
    printf '1..%d\n' "$tap_count"
    [ "$tap_failed" -eq 0 ] && [ "$tap_count" -gt 0 ]
    exit
}

# --- processes

# Sets tap_argv: the command as given, or with what as_user puts before it. It is not called as a
# function, so that $! is the PID of the command itself. In the background bash has SIGINT and SIGQUIT
# ignored, and a JVM would inherit that: back to the default.
tap_argv_of() {
    tap_argv=(env --default-signal=INT,QUIT)
    if [ "$1" = as_user ]; then
        user_ready
        tap_argv+=("${AS_USER[@]}")
        shift
    fi
    if [ "$(type -t "$1")" = function ]; then
        tap_argv=("$@")
    else
        tap_argv+=("$@")
    fi
}

# run COMMAND...: sets status, out and err. Killed after RUN_SECONDS (120).
run() {
    local tap_argv pid
    tap_argv_of "$@"
    "${tap_argv[@]}" >"$TMP/.out" 2>"$TMP/.err" </dev/null &
    pid=$!
    tap_started+=("$pid")
    wait_exit "$pid" "${RUN_SECONDS:-120}" || diag "killed after ${RUN_SECONDS:-120} s: $*"
    out=$(<"$TMP/.out")
    err=$(<"$TMP/.err")
}

# start NAME COMMAND...: in the background, its output appended to a log. Sets pid and log.
start() {
    local tap_argv
    log=$TMP/$1.log
    shift
    tap_argv_of "$@"
    "${tap_argv[@]}" >>"$log" 2>&1 </dev/null &
    pid=$!
    tap_started+=("$pid")
    tap_pid_of[$log]=$pid
}

# What a busy machine needs at most, in seconds, for what takes a moment.
PATIENCE=120

# wait_line LOG TEXT [SECONDS] [waitfor's options...]: until the log has a line with the text in
# it; a number is a whole line. Gives up at once when the process that `start` gave this log has
# ended.
wait_line() {
    local what=(line "$1" "$2") seconds=$PATIENCE
    shift 2
    if [[ ${1:-} == [0-9]* ]]; then
        seconds=$1
        shift
    fi
    tap_wait "a line with '${what[2]}'" "$seconds" "${what[@]}" "$@"
}

# wait_more LOG N: until the log has N numbers, each a line, more than it has now.
wait_more() {
    tap_wait "$2 more numbers" "$PATIENCE" number "$1" --count "$2" \
        --from "$(stat -c %s "$1" 2>/dev/null || echo 0)"
}

tap_wait() { # WHAT SECONDS (line|number) LOG WAITFOR-ARGUMENTS...
    local what=$1 seconds=$2 log=$4 owner=${tap_pid_of[$4]:-}
    shift 2
    "$WAITFOR" --timeout "$seconds" "$@" ${owner:+--pid "$owner"} && return
    diag "not within $seconds s: $what in $(basename "$log"), whose end is:" \
        "$(printf '\n'; tail -n 15 "$log" 2>/dev/null)"
    return 1
}

# wait_exit PID [SECONDS]: until the process has ended; kills it when that takes too long, and
# fails. For a child of this shell it sets status to the exit status (128 + the signal's number).
wait_exit() {
    local late=0
    "$WAITFOR" --timeout "${2:-$PATIENCE}" exit "$1" || late=1
    [ "$late" = 0 ] || kill -KILL "$1" 2>/dev/null || true
    status=0
    wait "$1" 2>/dev/null || status=$?
    return "$late"
}

# stop PID: SIGTERM, and SIGKILL after 60 seconds, which it reports: what a process writes at its end is
# missing then. A JVM waits up to 10 seconds for its compilers, and longer on a machine with a load.
# `unshare --fork`, which blocks SIGTERM, gets SIGKILL at once.
stop() {
    local signal=TERM
    [ "$(cat "/proc/$1/comm" 2>/dev/null)" != unshare ] || signal=KILL
    kill -"$signal" "$1" 2>/dev/null || true
    wait_exit "$1" 60 || diag "process $1 has not ended within 60 s, and was killed"
}

# release FIFO: writes a line to the process that reads, or will read, the FIFO. If none does, it gives up;
# a plain `echo >FIFO` would wait for ever.
release() {
    timeout "$PATIENCE" bash -c 'echo >"$1"' release "$1" || {
        diag "not within $PATIENCE s: a reader of $(basename "$1")"
        return 1
    }
}

# free_port: prints a TCP port of the loopback that is free now, below those the kernel assigns.
free_port() {
    python3 - <<'PYTHON'
import random, socket
while True:
    port = random.randrange(15000, 30000)
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(port)
        break
PYTHON
}

need() { # COMMAND...: skips the whole test where one of them is missing
    local command
    for command; do
        command -v "$command" >/dev/null || skip_all "$command is not installed"
    done
}

# --- an ordinary user

# The user of the test itself, unless that is root: then one without name, groups or capabilities,
# who can never gain any.
USER_DIR=$TMP/user
AS_USER=()
user_is_ready=
user_ready() {
    [ -z "$user_is_ready" ] || return 0
    user_is_ready=yes
    mkdir -p "$USER_DIR"
    AS_USER=(env "HOME=$USER_DIR" "TMPDIR=$USER_DIR")
    [ "$(id -u)" -eq 0 ] || return 0
    local drop=(setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all --no-new-privs)
    # A root that is itself confined may not be allowed to shrink the bounding set.
    "${drop[@]}" --bounding-set=-all true 2>/dev/null && drop+=(--bounding-set=-all)
    AS_USER=("${drop[@]}" "${AS_USER[@]}")
    chmod 711 "$TMP"
    chown 12345:12345 "$USER_DIR"
# A restore returns to the directory; the tree may be below one that only root may enter.
    "${AS_USER[@]}" test -x "$PWD" || cd "$TMP" || return
    if ! "${AS_USER[@]}" test -r "$AGENT" -a -x "$CKPT" -a -x "$SECCOMP_RUN"; then
        CKPT=$(for_user "$CKPT")
        AGENT=$(for_user "$AGENT")
        SECCOMP_RUN=$(for_user "$SECCOMP_RUN")
    fi
}

# for_user FILE: prints a path where that user can read FILE: its own, or that of a copy.
# user_ready does this for CKPT, AGENT and SECCOMP_RUN.
for_user() {
    user_ready
    if "${AS_USER[@]}" test -r "$1"; then
        printf '%s\n' "$1"
    else
        install -D -m 755 "$1" "$TMP/bin/$(basename "$1")" && printf '%s\n' "$TMP/bin/$(basename "$1")"
    fi
}

# as_user COMMAND...: runs it as that user. `run as_user …` and `start NAME as_user …` work too, and
# then $pid is the command's own. Its files go to USER_DIR, which belongs to it.
as_user() {
    user_ready
    "${AS_USER[@]}" "$@"
}

# --- JDKs

. "$TOP/tests/lib/jdk.sh"
[ ${#JDKS[@]} -gt 0 ] || bail_out "no JDK found, run tools/setup"
[ -x "$WAITFOR" ] || bail_out "build/tests is missing, run tools/build"
