#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A JVM that criu restores on a terminal behaves like a program of the shell: ^Z stops it and its
# restore, fg continues both, ^C ends both, and the shell has its terminal back. Also a JVM that was
# dumped on another terminal; one whose standard streams are pipes; one that leads a session.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
need python3
compile Echo Held
export CKPT CRIU

# Types into an interactive shell on a new terminal, and prints what the terminal shows.
#     shell [EXPECT|SEND TEXT]...
# EXPECT waits for the text, which must come after what was found before; SEND types it (\n, ^Z, ^C).
cat >"$TMP/shell" <<'PYTHON'
import os, pty, select, signal, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.environ["PS1"] = "PROMPT$ "
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
shown, at = "", 0
steps = sys.argv[1:]
for kind, text in zip(steps[::2], steps[1::2]):
    if kind == "SEND":
        os.write(terminal, text.replace("^Z", "\x1a").replace("^C", "\x03").encode())
        continue
    end = time.monotonic() + 60
    while text not in shown[at:] and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            try:
                shown += os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                break
    if text not in shown[at:]:
        print("MISSING:", text, "\nSHOWN:", shown[-2000:])
        os.kill(pid, signal.SIGKILL)
        sys.exit(1)
    at = shown.index(text, at) + len(text)
os.close(terminal)
PYTHON

# dump WHAT JVM DIR
dump() {
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$2" "$3"
    is "$status$out$err" 0 "$1: the JVM is dumped"
}

# The second line after fg is the JVM's: only then does it have the terminal.
job_control() {
    local what=$1 directory=$2
    run python3 "$TMP/shell" EXPECT 'PROMPT$ ' SEND "${CKPT@Q} restore --criu $CRIU $directory"$'\n' \
        EXPECT "after restore" SEND ^Z EXPECT Stopped SEND $'echo st-$?\n' EXPECT st-148 \
        SEND $'ps -o stat= -C java | cut -c1 | tr -d "\\n"; echo -is\n' EXPECT T-is \
        SEND $'fg\n' EXPECT restore EXPECT $'\n' EXPECT $'\n' SEND ^C EXPECT 'PROMPT$ ' \
        SEND $'echo end-$?\n' EXPECT end-130 \
        SEND $'read -t 30 word; echo got-$word\n' SEND $'typed\n' EXPECT got-typed
    is "$status$out$err" 0 "$what: ^Z, fg and ^C act on the restored JVM, and the shell has its terminal back"
    not_ok "$what: no JVM is left" pgrep -x java
}

terminals() {
    local jvm
    start_jvm "plain-$V" - -jar "$SIMPLE" --period 20
    jvm=$pid
    wait_line "$log" 2
    dump "$V: streams in files" "$jvm" "$DIR/plain" || return
    wait_exit "$pid"
    job_control "$V: streams in files" "$DIR/plain"

    run python3 "$TMP/shell" EXPECT 'PROMPT$ ' \
        SEND "${CKPT@Q} run --option addr=none -- $JAVA -jar ${SIMPLE@Q} --period 20"$'\n' EXPECT $'\n5\r' \
        SEND ^Z EXPECT Stopped SEND $'bg\n' EXPECT $'\n' \
        SEND "${CKPT@Q} checkpoint --engine=criu --criu $CRIU \$(pgrep -x java) $DIR/terminal"$'\n' \
        SEND $'echo done-$?\n' \
        EXPECT done-0
    is "$status$out$err" 0 "$V: on a terminal: the JVM is dumped"
    job_control "$V: on another terminal" "$DIR/terminal"
}

# The JVM's child has the terminal too. It gets that of the restore, whose settings stay. The shell
# must not expect the words in its own echo of the command. ^C ends the JVM with 130, or with 1 if it
# has noticed first that its child has ended.
child() {
    local image=$DIR/child
    run python3 "$TMP/shell" EXPECT 'PROMPT$ ' \
        SEND "${CKPT@Q} run --option addr=none -- $JAVA -Xmx64m -cp ${CP@Q} Held inherit $DIR"$'\n' \
        EXPECT child EXPECT tick SEND ^Z EXPECT Stopped SEND $'bg >$DIR/bg\n' \
        SEND "${CKPT@Q} checkpoint --engine=criu --criu $CRIU \$(pgrep -x java) $image"$'\n' \
        EXPECT Killed SEND $'echo done-$?\n' EXPECT done-0
    is "$status$out$err" 0 "$V: a JVM is dumped whose child inherited the terminal"
    run python3 "$TMP/shell" EXPECT 'PROMPT$ ' SEND $'stty rows 33\n' EXPECT 'PROMPT$ ' \
        SEND "${CKPT@Q} restore --criu $CRIU $image"$'\n' EXPECT child EXPECT tick EXPECT child \
        SEND ^C EXPECT 'PROMPT$ ' SEND $'echo end-$?\n' EXPECT end-1 \
        SEND $'stty size\n' EXPECT '33 ' SEND $'read -t 30 word; echo got-$word\n' \
        SEND $'typed\n' EXPECT got-typed
    is "$status$out$err" 0 "$V: the child has the terminal of the restore, whose size stays"
    run setsid --wait "$CKPT" restore --dry-run "--criu=$CRIU" "$image"
    refused "$V: without a terminal it is refused" "needs one again.*restore from a shell on a terminal"
    run "$CKPT" restore --detach "--criu=$CRIU" "$image"
    refused "$V: in the background it is refused" "needs one again.*--detach"
}

# criu cannot give a terminal to a session that it makes: a JVM that leads one and its child.
session() {
    local jvm shell
    start "session-$V" python3 "$TMP/shell" EXPECT 'PROMPT$ ' \
        SEND "exec ${CKPT@Q} run --option addr=none -- $JAVA -Xmx64m -cp ${CP@Q} Held inherit $DIR"$'\n' \
        EXPECT "until it is stopped"
    shell=$pid
    timeout 60 bash -c 'until jvm=$(pgrep -x java) && pgrep -P "$jvm"; do :; done' >"$DIR/session-child"
    jvm=$(pgrep -x java)
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/session"
    refused "$V: a JVM that leads the session of its child's terminal is refused before the hooks" \
        "process $(head -n 1 "$DIR/session-child") \('sh'\) .*has a terminal open, .*docker run --init"
    # shellcheck disable=SC2046
    kill $(pgrep -P "$jvm") "$jvm"
    stop "$shell"
}

# A script's shell leaves the terminal to the process group that it began with.
script() {
    local jvm
    start_jvm "script-$V" - -jar "$SIMPLE" --period 20
    jvm=$pid
    wait_line "$log" 2
    dump "$V: for a script" "$jvm" "$DIR/script" || return
    wait_exit "$pid"
    printf '%s\n' "${CKPT@Q} restore --criu $CRIU $DIR/script" \
        'echo end-$?' 'read -t 60 word' 'echo got-$word' \
        >"$DIR/script.sh"
    run python3 "$TMP/shell" EXPECT 'PROMPT$ ' SEND "bash $DIR/script.sh"$'\n' EXPECT "after restore" \
        SEND $'^C' EXPECT end- SEND $'typed\n' EXPECT got-typed
    is "$status$out$err" 0 "$V: after a restore in a script, the script reads from its terminal again"

    restore "script-$V" "--criu=$CRIU" "$DIR/script"
    wait_more "$log" 2
    kill -STOP "$jvm"
    timeout 60 bash -c 'until grep -q "^State:.*T" "/proc/$0/status"; do :; done' "$jvm"
    kill -CONT "$jvm"
    wait_more "$log" 2
    kill -TERM "$jvm"
    wait_exit "$pid"
    pass "$V: restore ends with its JVM after a SIGSTOP and SIGCONT to the JVM only"
}

pipes() {
    local jvm
    mkfifo "$DIR/in" "$DIR/out"
    cat "$DIR/out" >"$DIR/first" &
    start "pipes-$V" bash -c 'exec "$@" <"$0/in" >"$0/out"' "$DIR" "$CKPT" run --option addr=none -- \
        "$JAVA" -cp "$CP" Echo
    exec 7>"$DIR/in"
    jvm=$pid
    echo one >&7
    wait_line "$DIR/first" one || true
    dump "$V: pipes" "$jvm" "$DIR/pipes" || return
    wait_exit "$pid"
    exec 7>&-
    cat "$DIR/out" >"$DIR/second" &
    start "pipes-$V" bash -c 'exec "$@" <"$0/in" >"$0/out"' "$DIR" "$CKPT" restore "--criu=$CRIU" "$DIR/pipes"
    exec 7>"$DIR/in"
    echo two >&7
    ok "$V: pipes: the restored JVM reads and writes those of the command" wait_line "$DIR/second" two
    exec 7>&-
    stop "$pid"
}

leader() {
    local jvm
    start "leader-$V" setsid --wait "$CKPT" run --option addr=none -- "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    jvm=$(pgrep -x java)
    dump "$V: session leader" "$jvm" "$DIR/leader" || return
    wait_exit "$pid"
    restore "leader-$V" "--criu=$CRIU" "$DIR/leader"
    wait_more "$log" 2
    is "$(ps -o sid= -p "$jvm" | tr -d ' ')" "$jvm" \
        "$V: session leader: the restored JVM leads a session again"
    stop "$pid"
    not_ok "$V: session leader: SIGTERM to restore ends it" kill -0 "$jvm"
}

each_jdk terminals
each_jdk child
each_jdk session
each_jdk script
each_jdk pipes
each_jdk leader
done_testing
