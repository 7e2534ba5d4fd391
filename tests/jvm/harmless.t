#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A request for a checkpoint must not harm the JVM, whether it is refused, called off, or leaves the
# JVM running: with memory that other threads unmap meanwhile, mapped files that were truncated, threads
# with hardly any stack, threads that block all signals, a full queue of signals, stacks that overflow,
# descriptors that are opened and closed.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need gcc
compile Harmless Many
begun=0
SMALL=$TMP/small.so
gcc -shared -fPIC -Wl,--build-id -x c -o "$SMALL" - <<<"int small;" || bail_out "gcc cannot make a library"

# begin WHAT [ARGUMENT]: starts Harmless; sets pid, log, NAME, COMMANDS.
begin() {
    NAME=$1-$((++begun))-$V
    COMMANDS=$DIR/commands-$NAME
    mkdir -p "$COMMANDS"
    command_count=0
    start_jvm "$NAME" "$DIR/image-$1" -cp "$CP" Harmless "$LIBRARY" "$COMMANDS" "$@"
    wait_line "$log" ready || fail "$V, $1: the program starts"
}

send_command() {
    echo "$1" >"$COMMANDS/new"
    mv "$COMMANDS/new" "$COMMANDS/$((++command_count))"
}

end() { # WHAT: the JVM still answers, and ends with 0
    send_command last
    wait_line "$log" "report last" || fail "$V, $1: the JVM answers"
    send_command end
    wait_exit "$pid"
    is "$status" 0 "$V, $1: the JVM is unharmed and ends with 0"
}

build_library() {
    LIBRARY=$DIR/libharmless.so
    gcc -shared -fPIC -O1 -Wl,-z,now -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -pthread \
        -o "$LIBRARY" "$TOP/tests/jvm/java/harmless.c" 2>"$TMP/gcc.err" && return
    skip "$V: requests for a checkpoint do no harm" \
        "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
    return 1
}

# refused_from_inside WHAT N: N requests by the application itself; each is refused.
refused_from_inside() {
    send_command "ask $2"
    wait_line "$log" "refused $2 times" 120 || fail "$V, $1: $2 requests are refused"
    like "$(cat "$log")" "refused $2 times: descriptor [0-9]+ is '/dev/ptmx'" \
        "$V, $1: the obstacle is the reason"
}

churn() {
    mkdir "$DIR/many"
    for ((i = 0; i < 64; i++)); do
        cp "$SMALL" "$DIR/many/$i"
    done
    OPTIONS=(addr=none gc=false)
    begin map "$DIR/many/"
    refused_from_inside map 60
    end "files mapped and unmapped"
    begin dlopen "$DIR/many/"
    refused_from_inside dlopen 30
    end "libraries opened and closed"
    CONFINE=("$SECCOMP_RUN" --) # takes process_vm_readv() for a debugger's
    begin dlopen "$DIR/many/"
    refused_from_inside dlopen 10
    end "libraries opened and closed in a container"
    CONFINE=()
    OPTIONS=(addr=none)
}

# A descriptor that another thread closes while it is inspected is no reason to call a checkpoint off.
passing() {
    local refused=
    OPTIONS=(addr=none gc=false)
    start_jvm "passing-$V" - -cp "$CP" Many "$DIR" passing:3
    OPTIONS=(addr=none)
    wait_line "$log" ready
    for ((i = 0; i < 40; i++)); do
        run "$CKPT" checkpoint --leave-running --no-rehearsal "$pid" "$DIR/image-passing"
        refused+=${err#*:}
    done
    is "$refused" "" "$V: sockets that are opened and closed meanwhile are no obstacle"
    stop "$pid"
}

# refused_soon WHAT PATTERN: the checkpoint is refused long before the limit for parking. A busy thread
# is refused when it has used some seconds of CPU time, which can be a minute on a busy machine.
refused_soon() {
    local before=$SECONDS
    run "$CKPT" checkpoint "$pid" "$DIR/image"
    is "$status" 1 "$V, $1: the checkpoint is refused"
    like "$err" "$2" "$V, $1: the message has the reason"
    [ $((SECONDS - before)) -lt "$PATIENCE" ] || fail "$V, $1: the checkpoint is refused at once" \
        "$((SECONDS - before)) s"
}

# A thread that takes no signal is stopped by ptrace; where that is forbidden, it cannot be stopped, also
# where the system call ends the process that makes it.
blocked() {
    local kind what deny
    OPTIONS=(addr=none park_timeout=600000)
    for kind in deaf-one deaf-busy; do
        what="a thread that blocks all signals ($kind)"
        for deny in ptrace ptrace=KILL; do
            CONFINE=("$SECCOMP_RUN" --bare --deny $deny --)
            begin $kind
            CONFINE=()
            refused_soon "$what, $deny denied" \
                "1 of [0-9]+ threads cannot be stopped: '$kind' .* with all signals blocked; allow ptrace"
            end "$what, $deny denied"
        done
        begin $kind
        leave_running $kind 3 || return
        end "$what, stopped by ptrace"
    done
    begin none
    prlimit --pid "$pid" --sigpending=0: # the soft limit
    refused_soon "a full queue of signals" \
        "the user's queue of pending signals is full \(RLIMIT_SIGPENDING is 0\), .*'ulimit -i'"
    prlimit --pid "$pid" --sigpending=1000:
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image"
    is "$status$out$err" 0 "$V, a full queue of signals: a checkpoint succeeds when there is room"
    end "a full queue of signals"
    OPTIONS=(addr=none)
}

# leave_running WHAT N: N checkpoints after which the JVM continues.
leave_running() {
    for ((i = 0; i < $2; i++)); do
        run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-$1"
        if [ "$status$out$err" != 0 ]; then
            fail "$V, $1: checkpoint $i succeeds" "status $status, output: $out$err"
            return 1
        fi
    done
}

# An alternate stack and its settings are restored: otherwise the next parking would end the JVM.
small_stacks() {
    local what
    for what in low "low autodisarm" on-alternate; do
        # shellcheck disable=SC2086 # words
        begin $what
        leave_running low 3 || return
        freeze "$pid" "$DIR/image-low" "$V, alternate stack $what" || return
        restore "$NAME" "$DIR/image-low"
        send_command back
        wait_line "$log" "report back" || fail "$V, alternate stack $what: the restored JVM answers"
        leave_running low 2 || return
        end "an alternate stack ($what)"
    done
}

# The threads of a Go library run on stacks of a few KiB, and have alternate ones for signals.
go_library() {
    command -v go >/dev/null || { cannot "$V, a Go library: the JVM is unharmed and ends with 0" \
        "Go is not installed" && return; }
    if [ ! -e "$TMP/libgo.so" ]; then
        mkdir -p "$TMP/go"
        cat >"$TMP/go/main.go" <<'GO'
package main

import "C"

var turns int64

func deep(n int) int {
	if n == 0 {
		return 0
	}
	return deep(n-1) + 1
}

//export goStart
func goStart() {
	for i := 0; i < 4; i++ {
		values := make(chan int)
		go func() {
			for {
				values <- deep(20)
			}
		}()
		go func() {
			for {
				turns += int64(<-values)
			}
		}()
	}
}

//export goTurns
func goTurns() int64 { return turns }

func main() {}
GO
        (cd "$TMP/go" && GO111MODULE=off GOFLAGS='' GOCACHE=$TMP/go-cache HOME=$TMP CGO_ENABLED=1 \
            go build -buildmode=c-shared -o "$TMP/libgo.so" main.go) >"$TMP/go.err" 2>&1
    fi
    if [ ! -e "$TMP/libgo.so" ]; then
        skip "$V, a Go library: the JVM is unharmed and ends with 0" \
            "it cannot be built: $(tail -n 1 "$TMP/go.err")"
        return
    fi
    begin go "$TMP/libgo.so"
    leave_running go 10 || return
    end "a Go library"
}

# A Java thread that overflows its stack repeatedly takes the signal at any depth.
overflows() {
    begin none
    send_command recurse
    wait_line "$log" overflows || fail "$V, stacks that overflow: the thread recurses"
    leave_running none 10 || return
    end "stacks that overflow"
}

# Short-lived threads; some start or end while others are being parked.
short_lives() {
    begin short
    leave_running short 5 || return
    end "short-lived threads"
}

# Pages after the new end are not read: a load there would end the JVM.
cut_short() {
    local file=$DIR/mapped size
    for size in 20480 0; do
        head -c 65536 /dev/urandom >"$file"
        head -c 65536 /dev/urandom >"$file.deleted"
        begin file "$file"
        exec 8>>"$file.deleted"
        rm "$file.deleted"
        truncate -s "$size" "$file"
        truncate -s "$size" "/proc/self/fd/8"
        exec 8>&-
        leave_running file 1 || return
        freeze "$pid" "$DIR/image-file" "$V, mapped files truncated to $size bytes" || return
        restore "$NAME" "$DIR/image-file"
        send_command back
        wait_line "$log" "report back" || fail \
            "$V, mapped files truncated to $size bytes: the restored JVM answers"
        leave_running file 1 || return
        end "mapped files truncated to $size bytes"
    done
}

# Another process truncates and lengthens files at the moment when they are read. The checkpoints may
# succeed or fail.
cut_meanwhile() {
    local cutter turn
    for ((turn = 0; turn < 12; turn++)); do
        truncate -s 16M "$DIR/shared.$turn"
    done
    begin shared "$DIR/shared"
    start "cutter-$V" python3 -c '
import os, sys
files = [os.open("%s.%d" % (sys.argv[1], i), os.O_RDWR) for i in range(12)]
print("cutting", flush=True)
while True:
    for file in files:
        os.ftruncate(file, 0)
        os.ftruncate(file, 16 << 20)' "$DIR/shared"
    cutter=$pid
    wait_line "$log" cutting
    pid=${tap_pid_of[$TMP/$NAME.log]} log=$TMP/$NAME.log
    for ((turn = 0; turn < 12; turn++)); do
        run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-shared"
    done
    stop "$cutter"
    end "mapped files that are truncated meanwhile"
}

# wait_results WHEN WANT WHAT [EXCEPT]: how the waits of native code have ended so far.
wait_results() {
    send_command "$1"
    wait_line "$log" "report $1:" || fail "$V, waits: the program answers '$1'"
    # Without a time namespace, absolute times of the monotonic clock differ after a restore.
    is "$(sed -n "s/.*report $1: turns 0;//p" "$log" | sed "s/${4:-none}//g")" \
        "$(sed "s/${4:-none}//g" <<<"$2")" "$V, waits of native code: $3"
}

waits() {
    local all="" moments=' absolute-sleep=[^ ]*\|sem_clockwait=[^ ]*'
    for name in nanosleep nanosleep-rest usleep clock_nanosleep absolute-sleep poll poll-for-ever ppoll \
        select pselect epoll_wait epoll_wait-for-ever sem_timedwait sem_clockwait sigtimedwait \
        sigwaitinfo pause sigsuspend; do
        all+=" $name=1/0"
    done
    begin waits
    leave_running waits 3 || return
    wait_results first "" "none ends by a parking"
    send_command signal
    wait_line "$log" signalled
    wait_all "$all" || fail "$V, waits of native code: a signal of the application ends each"
    leave_running waits 1 || return
    wait_results second "$all" "none ends by a parking after signals of the application"
    freeze "$pid" "$DIR/image-waits" "$V, waits of native code" || return
    restore "$NAME" "$DIR/image-waits"
    wait_results third "$all" "none ends by a restore" "$moments"
    leave_running waits 1 || return
    wait_results fourth "$all" "none ends by a parking in the restored process" "$moments"
    end "waits of native code"
}

# wait_all WANT: until the waits have ended like that.
wait_all() {
    for ((i = 0; i < 300; i++)); do
        send_command "all$i"
        wait_line "$log" "report all$i:" || return
        [ "$(sed -n "s/.*report all$i: turns 0;//p" "$log")" != "$1" ] || return 0
    done
    return 1
}

body() {
    build_library || return 0
    blocked
    churn
    passing
    small_stacks
    go_library
    overflows
    short_lives
    cut_short
    cut_meanwhile
    waits
}
each_jdk body
done_testing
