#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Connections at a checkpoint by criu: it waits until those that exist only for a moment are gone. One
# that stays is refused before criu is asked for a dump, unless an option lets criu keep it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
. "$TOP/tests/lib/criu-peer.sh"
compile ProcFiles Children Held
BY_CRIU=(--engine=criu "--criu=$CRIU")

# short_lived NAME PROGRAM WHAT [CHECKPOINT-OPTION...]: six images; the last one is restored.
short_lived() {
    local name=$1 program=$2 what="$V: $3" image=$DIR/$1 try bad=0
    shift 3
    start_jvm "$name-$V" - -Xmx64m -cp "$CP" ProcFiles "$program"
    wait_line "$log" 5 || return
    for ((try = 0; try < 5; try++)); do
        run "$CKPT" checkpoint --leave-running "$@" "$pid" "$image"
        [ "$status$out$err" = 0 ] || { diag "$out$err" && bad=$((bad + 1)); }
    done
    is "$bad" 0 "$what are no obstacle"
    run "$CKPT" checkpoint "$@" "$pid" "$image"
    is "$status$out$err" 0 "$what are no obstacle when the JVM ends"
    wait_exit "$pid"
    restore "$name-$V" "--criu=$CRIU" "$image"
    ok "$what: the image is restored" wait_more "$log" 5
    not_ok "$what: no connection fails" grep Exception "$log"
    stop "$pid"
}

moments() {
    short_lived flicker flicker "connections that exist for a moment" "${BY_CRIU[@]}"
    short_lived rush rush "connections that follow each other closely" "${BY_CRIU[@]}"
    local OPTIONS=(addr=none engine=criu "criu=$CRIU")
    short_lived agent rush "connections, and the agent starts the command that drives criu,"
}

# What jcmd does, all the time, with 20 ms between the connection and the request.
cat >"$TMP/attach.py" <<'PYTHON'
import socket, sys, time
while True:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
        time.sleep(0.02)
        connection.sendall(b"1\0jcmd\0VM.version\0\0\0")
        while connection.recv(4096):
            pass
    print("answered", flush=True)
    time.sleep(0.002)
PYTHON

tools() {
    local what="$V: connections of a tool" try bad=0 jvm counter
    start_jvm "tools-$V" - -Xmx64m -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    jvm=$pid counter=$log
    run "$JAVA_HOME/bin/jcmd" "$jvm" VM.version
    is "$status" 0 "$what: jcmd opens the way for them"
    start "attach-$V" python3 "$TMP/attach.py" "/tmp/.java_pid$jvm"
    for ((try = 0; try < 5; try++)); do
        wait_line "$log" answered --count "$(($(count_lines "$log" answered) + 2))"
        run "$CKPT" checkpoint "${BY_CRIU[@]}" --leave-running "$jvm" "$DIR/tools"
        [ "$status$out$err" = 0 ] || { diag "$out$err" && bad=$((bad + 1)); }
    done
    is "$bad" 0 "$what are no obstacle"
    stop "$pid"
    stop "$jvm"
    in_sequence "$counter" "$what: the JVM counts without a gap"
}

# A Unix connection to another process, which no option of ours keeps.
outside() {
    local what="$V: a Unix connection that stays" server last
    [ "$V" -ge 16 ] || return 0
    mkdir -p "$DIR/outside.d"
    start "server-$V" python3 "$TMP/unix-echo.py" "$DIR/outside.d/outside.sock"
    wait_line "$log" ready
    server=$pid
    start_jvm "outside-$V" - -Xmx64m -cp "$CP" Held unix-outside "$DIR/outside.d"
    wait_line "$log" "tick 3"
    run "$CKPT" checkpoint "${BY_CRIU[@]}" "$pid" "$DIR/outside"
    like "$status$out$err" \
        "^1.*descriptor [0-9]+ is a Unix socket that is connected to process $server \('python3'\)" \
        "$what is refused, with the process"
    unlike "$err" "criu cannot" "$what is refused by the JVM itself"
    last=$(sed -n 's/^tick //p' "$log" | tail -n 1)
    ok "$what: the JVM continues with its connection" wait_line "$log" "tick $((last + 5))"
    run "$CKPT" checkpoint "${BY_CRIU[@]}" --criu-option=ext-unix-sk "$pid" "$DIR/outside"
    like "$status$err" "^1.*criu cannot dump.*External socket|^1.*criu cannot dump.*half of stream unix" \
        "$what: with criu's own option for them, criu decides"
    is "$(count_lines "$log" wrong)" 0 "$what: it carries lines all the time"
    stop "$pid"
    stop "$server"
}
cat >"$TMP/unix-echo.py" <<'PYTHON'
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("ready", flush=True)
connection = listener.accept()[0]
while data := connection.recv(4096):
    connection.sendall(data)
PYTHON

# A connection that the JVM keeps.
staying() {
    local what="$V: a connection that stays" addresses
    start_jvm "staying-$V" - -Xmx64m -cp "$CP" Rounds "$peer"
    wait_line "$log" "round 3"
    run "$CKPT" checkpoint "${BY_CRIU[@]}" "$pid" "$DIR/staying"
    addresses="127\.0\.0\.1:[0-9]+ to 127\.0\.0\.1:$peer"
    like "$status$out$err" \
        "^1.*cancelled, .*descriptor [0-9]+ is a TCP connection from $addresses.*--tcp-established" \
        "$what is refused, with both addresses and the option"
    is "$(grep -c Exception <<<"$err")" 1 "$what is refused with one reason"
    unlike "$err" "criu cannot" "$what is refused by the JVM itself"
    not_ok "$what: criu was not asked for a dump" test -e "$DIR/staying/dump.log"
    continues "$what" 1

    run "$CKPT" checkpoint "${BY_CRIU[@]}" --criu-option=tcp-close --leave-running "$pid" "$DIR/closed"
    is "$status$out$err" 0 "$what: --criu-option=tcp-close lets criu close it"
    continues "$what: --criu-option=tcp-close" 2

    run "$CKPT" checkpoint "${BY_CRIU[@]}" --tcp-established "$pid" "$DIR/staying"
    is "$status$out$err" 0 "$what: --tcp-established keeps it"
    wait_exit "$pid"
    restore "staying-$V" "--criu=$CRIU" "$DIR/staying"
    continues "$what: after the restore" 3
    stop "$pid"
}

# The same where the agent starts the command that drives criu.
staying_by_option() {
    local what="$V: a connection that stays, engine=criu" OPTIONS=(addr=none engine=criu "criu=$CRIU")
    start_jvm "option-$V" - -Xmx64m -cp "$CP" Rounds "$peer"
    wait_line "$log" "round 3"
    run "$CKPT" checkpoint "$pid" "$DIR/option"
    like "$status$out$err" "^1.* to 127\.0\.0\.1:$peer; .*tcp_established=true" \
        "$what: is refused, with the agent's option"
    continues "$what" 1
    stop "$pid"
    OPTIONS+=(tcp_established=true)
    what="$V: tcp_established=true"
    start_jvm "established-$V" - -Xmx64m -cp "$CP" Rounds "$peer"
    wait_line "$log" "round 3"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/option"
    is "$status$out$err" 0 "$what: a connection that stays is no obstacle"
    continues "$what" 1
    stop "$pid"
}

# sums DIR: checksums of all files, except the log of a dump that failed.
sums() {
    (cd "$1" && find . -type f ! -name dump-failed.log -exec sha256sum {} +) | sort -k 2
}

# Only criu can see it.
of_a_child() {
    local what="$V: a connection of a child process" image=$DIR/child before
    start_jvm "child-$V" - -Xmx64m -cp "$CP" Children bash -c "exec 3<>/dev/tcp/127.0.0.1/$peer; cat"
    wait_line "$log" ready
    ok "$what: the child is connected" answers "$(port_of "$log" ready)" /talk
    run "$CKPT" checkpoint "${BY_CRIU[@]}" --tcp-established --leave-running "$pid" "$image"
    is "$status$out$err" 0 "$what is kept by the option"
    before=$(sums "$image")
    run "$CKPT" checkpoint "${BY_CRIU[@]}" "$pid" "$image"
    like "$status$out$err" "^1.*criu cannot dump .*Connected TCP socket.*child process.* --tcp-established" \
        "$what is refused by criu, with the option"
    contains "$err" "; its log is '$image/dump-failed.log'" "$what: the refusal names its log"
    ok "$what: criu's reason is in that log" grep -q "Connected TCP socket" "$image/dump-failed.log"
    is "$(sums "$image")" "$before" "$what: the older image and its log are unchanged"
    ok "$what: the JVM continues" answers "$(port_of "$log" ready)" /talk
    run "$CKPT" checkpoint "${BY_CRIU[@]}" --tcp-established --leave-running "$pid" "$image"
    is "$status$(ls -A "$image" | sed 's/^criu-.*/criu/')" $'0criu\ndump.log\nimage\nmanifest.json' \
        "$what: the next image has its own log only"
    isnt "$(sums "$image" | grep -F ./dump.log)" "$(grep -F ./dump.log <<<"$before")" \
        "$what: that log is the new one"
    stop "$pid"
}

each_jdk moments
each_jdk tools
each_jdk outside
each_jdk staying
each_jdk staying_by_option
each_jdk of_a_child
done_testing
