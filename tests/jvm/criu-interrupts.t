#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Interrupts, kills and deadlines at each stage of criu, in a checkpoint and in a restore: a script of
# criu's hangs there, or kills criu. A JVM that was to be dumped continues with its connection, with its
# hooks undone and the packet filter as before; of a restore nothing is left.
OWN_PIDS_NET=yes
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
[[ $("$CRIU" --version) != *" 3."* ]] || skip_all "this criu aborts at a script next to the protocol"
. "$TOP/tests/lib/criu-peer.sh"

cat >"$TMP/script" <<'SCRIPT'
#!/bin/bash
case $CRTOOLS_SCRIPT_ACTION in
    "$HANG_AT") echo hung >>"$MARK" && exec tail -f /dev/null ;;
    "$KILL_AT") kill -KILL "$PPID" ;;
esac
SCRIPT
chmod 755 "$TMP/script"
export MARK=$TMP/mark HANG_AT='' KILL_AT=''
BY_CRIU=("--criu=$CRIU" "--criu-option=action-script $TMP/script")

# undone WHAT HOOKS: continues(), and nothing of criu's or of an image is left.
undone() {
    continues "$@"
    is "$("$BUILD/tests/criu-call" tables)" 0 "$1: criu's packet filter rules are gone"
    is "$(pgrep -f 'criu swrk' || true)" "" "$1: criu is gone"
    not_ok "$1: there is no image" test -e "$DIR/image/image"
}
# hung COMMAND...: starts it with a criu that hangs at $HANG_AT, and waits until it does. Sets command.
hung() {
    rm -f "$MARK"
    env --default-signal=INT,QUIT "$@" >"$TMP/hung.log" 2>&1 </dev/null &
    command=$!
    tap_started+=("$command")
    "$WAITFOR" --timeout 60 path "$MARK"
}
# is_gone PID: the process ends, and is waited for.
is_gone() {
    local i
    for i in {1..30}; do
        [ -d "/proc/$1" ] || return 0
        "$WAITFOR" --timeout 1 path "$TMP/never" || true
    done
    return 1
}
scripts_end() {
    local left
    for left in $(pgrep -fx 'tail -f /dev/null'); do
        kill "$left" 2>/dev/null || true # it may just have ended
    done
}

dumps() {
    local stage signal what hooks=0 jvm
    start_jvm "dumps-$V" - -cp "$CP" Rounds "$peer"
    jvm=$pid
    wait_line "$log" "round 3"
    for stage in pre-dump post-dump; do
        for signal in INT TERM HUP KILL; do
            what="$V: SIG$signal to a checkpoint at $stage"
            hooks=$((hooks + 1))
            HANG_AT=$stage hung "$CKPT" checkpoint --engine=criu "${BY_CRIU[@]}" --tcp-established \
                "$jvm" "$DIR/image" || fail "$what: criu reaches the stage"
            kill -s "$signal" "$command"
            wait_exit "$command" || fail "$what: the command ends"
            is "$status" $((128 + $(kill -l "$signal"))) "$what: the command ends with the signal"
            undone "$what" "$hooks"
            scripts_end
        done
        what="$V: criu is killed at $stage"
        hooks=$((hooks + 1))
        KILL_AT=$stage run "$CKPT" checkpoint --engine=criu "${BY_CRIU[@]}" --tcp-established \
            "$jvm" "$DIR/image"
        is "$status" 1 "$what: the checkpoint fails"
        like "$err" "ended by signal 9" "$what: the message says so"
        undone "$what" "$hooks"
    done
    run "$CKPT" checkpoint --engine=criu "${BY_CRIU[@]}" --tcp-established "$jvm" "$DIR/image"
    is "$status$err" 0 "$V: the JVM can be dumped after all that"
    wait_exit "$jvm" || true
    hooks=$((hooks + 1))
    restore "dumps-$V" "${BY_CRIU[@]}" "$DIR/image"
    wait_line "$log" after --count "$hooks"
    ok "$V: its connection works after the restore" wait_line "$log" "round $(($(rounds) + 5))"
    is "$("$BUILD/tests/criu-call" tables)" 0 "$V: criu's packet filter rules are gone after the restore"
    stop "$pid"
}

restores() {
    local stage signal what jvm
    start_jvm "restores-$V" - -jar "$SIMPLE" --period 20
    jvm=$pid
    wait_line "$log" 3
    run "$CKPT" checkpoint --engine=criu "${BY_CRIU[@]}" "$jvm" "$DIR/image"
    is "$status$err" 0 "$V: a JVM is dumped for restores that fail"
    wait_exit "$jvm" || true
    for stage in pre-restore post-restore pre-resume; do
        for signal in INT TERM KILL; do
            what="$V: SIG$signal to a restore at $stage"
            HANG_AT=$stage hung "$CKPT" restore "${BY_CRIU[@]}" "$DIR/image" ||
                fail "$what: criu reaches the stage"
            kill -s "$signal" "$command"
            wait_exit "$command" || fail "$what: the command ends"
            is "$status" $((128 + $(kill -l "$signal"))) "$what: the command ends with the signal"
            ok "$what: no process is left" is_gone "$jvm"
            scripts_end
        done
        what="$V: criu is killed at $stage"
        KILL_AT=$stage run "$CKPT" restore "${BY_CRIU[@]}" "$DIR/image"
        is "$status" 1 "$what: the restore fails"
        not_ok "$what: no process is left" test -d "/proc/$jvm"
        HANG_AT=$stage hung "$CKPT" restore "${BY_CRIU[@]}" --detach "$DIR/image" ||
            fail "$V: criu reaches $stage with --detach"
        kill -INT "$command"
        wait_exit "$command" || fail "$V: the command ends with --detach"
        ok "$V: SIGINT to a restore with --detach at $stage: no process is left" is_gone "$jvm"
        scripts_end
    done
    is "$(count_lines "$log" "after restore")" 0 "$V: no hook was called by a restore that failed"
    restore "restores-$V" "${BY_CRIU[@]}" "$DIR/image"
    ok "$V: the image is restored after all" wait_line "$log" "after restore"
    stop "$pid"
}

# As the JVM begins to run.
early_signals() {
    local i log2=$TMP/early-restored-$V.log
    start_jvm "early-$V" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint --engine=criu "${BY_CRIU[@]}" "$pid" "$DIR/image"
    is "$status$err" 0 "$V: a JVM is dumped for restores that are ended at once"
    wait_exit "$pid" || true
    for i in 1 2 3 4 5; do
        : >"$log2"
        "$CKPT" restore "${BY_CRIU[@]}" "$DIR/image" >>"$log2" 2>&1 </dev/null &
        command=$!
        tap_started+=("$command")
        wait_line "$log2" "after restore"
        kill -TERM "$command"
        wait_exit "$command" || fail "$V: the command ends"
        is "$status" 143 "$V: SIGTERM as the JVM begins to run ends the command as the JVM"
        not_ok "$V: SIGTERM as the JVM begins to run ends the JVM" test -d "/proc/$pid"
    done
}

each_jdk dumps
each_jdk restores
each_jdk early_signals
done_testing
