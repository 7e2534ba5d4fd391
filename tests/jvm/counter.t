#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Checkpoints and restores of the counter over three generations, by its own request and by
# `checkpoint PID DIR`, with the agent from the start and loaded later; and what the parent of the
# restored process sees: its PID, its exit status, signals, standard streams.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Echo

own_requests() {
    local generation
    start_jvm "own-$V" "$DIR/own" -jar "$SIMPLE" --period 20 --checkpoint-at 3,6,9 --until 12
    wait_exit "$pid"
    is "$status" 137 "$V: own request: the process that was frozen ends with 137"
    for generation in 1 2 3; do
        restore "own-$V" "$DIR/own"
        wait_exit "$pid"
        [ "$generation" = 3 ] || is "$status" 137 \
            "$V: own request: generation $generation ends with 137 when it is frozen"
    done
    is "$status" 0 "$V: own request: the last generation ends with 0"
    is "$(<"$log")" "$(printf '%s\n' 1 2 3 "before checkpoint" "after restore" 4 5 6 \
        "before checkpoint" "after restore" 7 8 9 "before checkpoint" "after restore" 10 11 12)" \
        "$V: own request: it counts through three generations, with each hook called once"
}

# The image's permissions do not depend on the umask.
modes() {
    local mask
    mask=$(umask)
    umask 0
    start_jvm "modes-$V" "$DIR/modes" -jar "$SIMPLE" --period 20 --checkpoint-at 1
    umask "$mask"
    wait_exit "$pid"
    is "$(cd "$DIR/modes" && stat -c '%n %a' . *)" $'. 700\nimage 600\nmanifest.json 600' \
        "$V: only the owner may read the image and its directory, whatever the umask"
}

by_pid() { # WHAT
    local image=$DIR/pid-$1 generation
    if [ "$1" = agent ]; then
        start_jvm "$1-$V" - -jar "$SIMPLE" --period 20
    else
        start "$1-$V" "$JAVA" -jar "$SIMPLE" --period 20
    fi
    wait_line "$log" 3 || fail "$V: $1: the counter starts"
    for generation in 1 2 3; do
        freeze "$pid" "$image" "$V: $1, generation $generation" || return
        restore "$1-$V" "$image"
        wait_more "$log" 2 || fail "$V: $1: generation $generation continues to count"
    done
    pass "$V: $1: three generations frozen by PID"
    is "$(ps -o ppid= -p "$pid" | tr -d ' ')" $$ "$V: $1: the restored process is the command's child"
    ok "$V: $1: the restored process has the PID of the restore command" grep -q libjvm.so "/proc/$pid/maps"
    stop "$pid"
    is "$status" 143 "$V: $1: SIGTERM ends the restored JVM with 143"
    in_sequence "$log" "$V: $1: no number is lost or printed twice"
    # org.crac searches for an implementation once, when it is first used: an agent that is loaded later
    # is not found, and the counter's hooks are not called.
    [ "$1" = attached ] ||
        is "$(count_lines "$log" "before checkpoint")/$(count_lines "$log" "after restore")" 3/3 \
            "$V: $1: the hooks are called in each generation"
}

leave_running() {
    local image=$DIR/leave first
    start_jvm "leave-$V" - -jar "$SIMPLE" --period 20
    first=$pid
    wait_line "$log" 3
    run "$CKPT" checkpoint --leave-running "$first" "$image"
    is "$status$err" 0 "$V: --leave-running: the checkpoint succeeds"
    wait_line "$log" "after restore"
    ok "$V: --leave-running: the JVM continues" wait_more "$log" 2
    restore "left-$V" "$image"
    ok "$V: --leave-running: a clone is restored from the image" wait_line "$log" "after restore"
    ok "$V: --leave-running: the clone continues to count" \
        wait_more "$log" 2
    stop "$pid"
    ok "$V: --leave-running: the first JVM continues next to the clone" wait_more "$TMP/leave-$V.log" 2
    stop "$first"
    in_sequence "$TMP/leave-$V.log" "$V: --leave-running: the first JVM counts without a gap"
}

# talk DIR-NAME COMMAND...: starts a command with its own pipe at each standard stream; sets pid.
# The shell holds the writing end of its stdin as descriptor 8.
talk() {
    local base=$DIR/$1
    shift
    rm -f "$base".* # so that output of the process before is not taken for this one's
    mkfifo "$base.in"
    exec 8<>"$base.in"
    env --default-signal=INT,QUIT "$@" <"$base.in" >"$base.out" 2>"$base.err" 8>&- &
    pid=$!
    tap_started+=("$pid")
    tap_pid_of[$base.out]=$pid
}

streams() {
    talk first "$CKPT" run --option addr=none -- "$JAVA" -cp "$CP" Echo
    echo one >&8
    ok "$V: streams: the first process reads its stdin" wait_line "$DIR/first.out" "heard one"
    freeze "$pid" "$DIR/streams" "$V: streams: the first process" || return
    talk second "$CKPT" restore "$DIR/streams"
    printf '%s\n' two "err three" >&8
    ok "$V: streams: the restored process has the stdin of restore" wait_line "$DIR/second.out" "heard two"
    ok "$V: streams: the restored process has the stderr of restore" wait_line "$DIR/second.err" three
    echo "exit 7" >&8
    wait_exit "$pid"
    is "$status" 7 "$V: streams: restore ends with the JVM's exit status"
    is "$(<"$DIR/second.out")" $'heard two\nshutdown hook' \
        "$V: streams: the restored process has the stdout of restore"
    is "$(<"$DIR/first.out")$(<"$DIR/first.err")" $'ready\nheard one' \
        "$V: streams: the restored process writes nothing to the streams of the first"
    exec 8>&-
}

# Streams that end, that are closed, and other descriptors that restore was started with.
surroundings() {
    talk third "$CKPT" restore "$DIR/streams" 240</dev/null 250</dev/null
    echo fds >&8
    wait_line "$DIR/third.out" "fds ["
    unlike "$(<"$DIR/third.out")" '[ ,](240|250)[],]' \
        "$V: streams: other descriptors of restore are not inherited by the JVM"
    freeze "$pid" "$DIR/again" "$V: streams: a JVM restored with other descriptors open"
    run "$CKPT" restore "$DIR/again"
    is "$status/$out" $'0/end of input\nshutdown hook' \
        "$V: streams: the restored process reads the end of its new stdin"
    exec 8>&-
}

signals() {
    local name number
    for name in TERM:143 INT:130 HUP:129; do
        talk signal "$CKPT" restore "$DIR/streams"
        echo hello >&8
        wait_line "$DIR/signal.out" "heard hello"
        kill -QUIT "$pid"
        wait_line "$DIR/signal.out" "Full thread dump" || fail \
            "$V: SIGQUIT prints the threads of the restored JVM"
        kill "-${name%:*}" "$pid"
        wait_exit "$pid"
        number=${name#*:}
        is "$status" "$number" "$V: SIG${name%:*} ends the restored JVM with $number"
        ok "$V: SIG${name%:*}: the shutdown hooks of the restored JVM run" \
            grep -qx "shutdown hook" "$DIR/signal.out"
        exec 8>&-
    done
}

body() {
    own_requests
    modes
    by_pid agent
    by_pid attached
    leave_running
    streams
    surroundings
    signals
}
each_jdk body
done_testing
