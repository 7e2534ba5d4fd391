#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A request for a checkpoint must not harm the JVM, whether it is refused, called off, or leaves the
# JVM running: memory that other threads unmap meanwhile, mapped files that were cut short, threads
# with hardly any stack, threads that block all signals, a full queue of signals, stacks that
# overflow, descriptors that come and go.
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
    told=0
    start_jvm "$NAME" "$DIR/image-$1" -cp "$CP" Harmless "$LIBRARY" "$COMMANDS" "$@"
    wait_line "$log" ready || fail "$V, $1: it starts"
}

tell() {
    echo "$1" >"$COMMANDS/new"
    mv "$COMMANDS/new" "$COMMANDS/$((++told))"
}

end() { # WHAT: it has come this far unharmed
    tell last
    wait_line "$log" "report last" || fail "$V, $1: the JVM answers"
    tell end
    wait_exit "$pid" 30
    is "$status" 0 "$V, $1: the JVM ends as ever"
}

build_library() {
    LIBRARY=$DIR/libharmless.so
    gcc -shared -fPIC -O1 -Wl,-z,now -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -pthread \
        -o "$LIBRARY" "$TOP/tests/jvm/java/harmless.c" 2>"$TMP/gcc.err" && return
    skip "$V" "gcc and the JDK's jni.h are needed: $(head -n 1 "$TMP/gcc.err")"
    return 1
}

# asked WHAT N: asks N times from inside; each is refused.
asked() {
    tell "ask $2"
    wait_line "$log" "refused $2 times" 120 || fail "$V, $1: $2 requests are refused"
}

churn() {
    mkdir "$DIR/many"
    for ((i = 0; i < 64; i++)); do
        cp "$SMALL" "$DIR/many/$i"
    done
    OPTIONS=(addr=none gc=false)
    begin map "$DIR/many/"
    asked map 60
    end "files mapped and unmapped"
    begin dlopen "$DIR/many/"
    asked dlopen 30
    end "libraries opened and closed"
    CONFINE=("$SECCOMP_RUN" --) # takes process_vm_readv() for a debugger's
    begin dlopen "$DIR/many/"
    asked dlopen 10
    end "libraries opened and closed in a container"
    CONFINE=()
    OPTIONS=(addr=none)
}

# What another thread closes while it is looked at is no reason to call a checkpoint off.
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
    is "$refused" "" "$V: servers that come and go are no obstacle"
    stop "$pid"
}

# refused_soon WHAT PATTERN: the checkpoint is refused long before the limit for parking.
refused_soon() {
    local before=$SECONDS
    run "$CKPT" checkpoint "$pid" "$DIR/image"
    is "$status" 1 "$V, $1: refused"
    like "$err" "$2" "$V, $1: the message has the reason"
    [ $((SECONDS - before)) -lt 30 ] || fail "$V, $1: refused at once" "$((SECONDS - before)) s"
}

blocked() {
    OPTIONS=(addr=none park_timeout=60000)
    begin deaf
    refused_soon "a thread that blocks all signals" \
        "1 of [0-9]+ threads cannot be stopped: 'deaf-one' \([0-9]+\) with all signals blocked; "
    end "a thread that blocks all signals"
    begin deaf-busy
    refused_soon "a busy thread that blocks all signals" \
        "1 of [0-9]+ threads cannot be stopped: 'deaf-busy' \([0-9]+\) with all signals blocked; "
    end "a busy thread that blocks all signals"
    begin none
    prlimit --pid "$pid" --sigpending=0: # the soft limit
    refused_soon "a full queue of signals" \
        "the user's queue of pending signals is full \(RLIMIT_SIGPENDING is 0\), .*'ulimit -i'"
    prlimit --pid "$pid" --sigpending=1000:
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image"
    is "$status$out$err" 0 "$V, a full queue of signals: once there is room, it works"
    end "a full queue of signals"
    OPTIONS=(addr=none)
}

# leaves_running WHAT N
leaves_running() {
    for ((i = 0; i < $2; i++)); do
        run "$CKPT" checkpoint --leave-running "$pid" "$DIR/image-$1"
        if [ "$status$out$err" != 0 ]; then
            fail "$V, $1: checkpoint $i" "status $status, said: $out$err"
            return 1
        fi
    done
}

# An alternate stack, and its settings, are there again after a restore: else the next parking ends
# the JVM.
small_stacks() {
    local what
    for what in low "low autodisarm" on-alternate; do
        # shellcheck disable=SC2086 # words
        begin $what
        leaves_running low 3 || return
        freeze "$pid" "$DIR/image-low" "$V, $what: freeze" || return
        restore "$NAME" "$DIR/image-low"
        tell back
        wait_line "$log" "report back" || fail "$V, $what: restored"
        leaves_running low 2 || return
        end "an alternate stack ($what)"
    done
}

# The threads of a Go library run on stacks of a few KiB, and have alternate ones for signals.
go_library() {
    command -v go >/dev/null || { cannot "$V, go" "Go is not installed" && return; }
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
    [ -e "$TMP/libgo.so" ] || { skip "$V, go" "no library: $(tail -n 1 "$TMP/go.err")" && return; }
    begin go "$TMP/libgo.so"
    leaves_running go 10 || return
    end "a Go library"
}

# A Java thread that overflows its stack again and again takes the signal at any depth.
overflows() {
    begin none
    tell recurse
    wait_line "$log" overflows || fail "$V, overflows: it recurses"
    leaves_running none 10 || return
    end "stacks that overflow"
}

# Threads that live for a moment only; some start or end while others are asked.
short_lives() {
    begin short
    leaves_running short 5 || return
    end "threads that live for a moment"
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
        leaves_running file 1 || return
        freeze "$pid" "$DIR/image-file" "$V, cut short to $size: freeze" || return
        restore "$NAME" "$DIR/image-file"
        tell back
        wait_line "$log" "report back" || fail "$V, cut short to $size: restored"
        leaves_running file 1 || return
        end "mapped files cut short to $size bytes, restored"
    done
}

# Another process cuts files short, and lengthens them, at the moment when they are read. What becomes
# of the checkpoint is not the point.
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
    end "mapped files that are cut short meanwhile"
}

# counted WHEN WANT WHAT [EXCEPT]: what the waits have come to
counted() {
    tell "$1"
    wait_line "$log" "report $1:" || fail "$V, waits: it answers $1"
    # Without a time namespace, moments of the monotonic clock are others after a restore.
    is "$(sed -n "s/.*report $1: turns 0;//p" "$log" | sed "s/${4:-none}//g")" \
        "$(sed "s/${4:-none}//g" <<<"$2")" "$V, waits: $3"
}

waits() {
    local all="" moments=' absolute-sleep=[^ ]*\|sem_clockwait=[^ ]*'
    for name in nanosleep nanosleep-rest usleep clock_nanosleep absolute-sleep poll poll-for-ever ppoll \
        select pselect epoll_wait epoll_wait-for-ever sem_timedwait sem_clockwait sigtimedwait \
        sigwaitinfo pause sigsuspend; do
        all+=" $name=1/0"
    done
    begin waits
    leaves_running waits 3 || return
    counted first "" "no wait of native code ends by a parking"
    tell signal
    wait_line "$log" signalled
    wait_all "$all" || fail "$V, waits: a signal of the application ends each"
    leaves_running waits 1 || return
    counted second "$all" "nor after signals of the application"
    freeze "$pid" "$DIR/image-waits" "$V, waits: freeze" || return
    restore "$NAME" "$DIR/image-waits"
    counted third "$all" "nor by a restore" "$moments"
    leaves_running waits 1 || return
    counted fourth "$all" "nor in the restored process" "$moments"
    end waits
}

# wait_all WANT: until the waits have come to that.
wait_all() {
    for ((i = 0; i < 300; i++)); do
        tell "all$i"
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
