# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the programs of tests/embedded share, on top of jvm.sh and fetch.sh: start the program with the
# agent, freeze and restore it over generations. Set for each program by tests/embedded: name, what
# (the beginning of a check's name), DIR, port; here: jvm, the PID of the JVM, and pid, what this shell
# started, which is the JVM or its `restore`.

PRELOAD= # a library to load before all others
scheme=http
BY_ENGINE=()  # the options of checkpoint that choose the engine
RESTORE_BY=() # and those of restore

# begin_silently JAVA-ARGUMENT...: starts it with the agent and temporary files in $TEMPORARY.
begin_silently() {
    TEMPORARY=$DIR/tmp
    mkdir -p "$TEMPORARY"
    CONFINE=(env ${PRELOAD:+"LD_PRELOAD=$PRELOAD"})
    start_jvm "$name-$V" "$DIR/image" "-Djava.io.tmpdir=$TEMPORARY" -Dderby.stream.error.file=/dev/null "$@"
    CONFINE=()
    jvm=$pid
}

# begin JAVA-ARGUMENT...: starts it, until it has printed a line ("ready", or a number).
begin() {
    begin_silently "$@"
    wait_line "$log" "" 120
    [ -z "$port" ] || wait_line "$log" ready 120
}

# again IMAGE: restores it. By criu the JVM has the PID that it had, and is a child of `restore`.
again() {
    restore "$name-$V" "${RESTORE_BY[@]}" "$1"
    [ "$engine" = criu ] || jvm=$pid
}

end_jvm() {
    kill -KILL "$jvm"
    wait_exit "$pid"
}

# A cleaner of temporary files at work between checkpoint and restore. criu has no copies of what is
# mapped from there, such as native libraries.
clean_temporary() {
    [ "$engine" = criu ] || rm -rf "${TEMPORARY:?}"/*
}

# web: prints the server's answer. The client is gone when this returns, and the server may not know.
web() {
    curl -k -sS --max-time 60 "$scheme://127.0.0.1:$port/" 2>&1 || true
}

# next_generation N: a checkpoint at once, then a restore after a cleaner of temporary files.
next_generation() {
    run "$CKPT" checkpoint "${BY_ENGINE[@]}" "$jvm" "$DIR/image"
    is "$status$out$err" 0 "$what: checkpoint $1 succeeds" || return
    wait_exit "$pid"
    is "$status" 137 "$what: checkpoint $1 ends the JVM"
    clean_temporary
    again "$DIR/image"
}

# web_generations N: each checkpoint follows a request at once; the first image is restored twice.
web_generations() {
    local generation
    for ((generation = 1; generation <= $1; generation++)); do
        is "$(web)" hello "$what: the server answers before checkpoint $generation" || return
        next_generation "$generation" || return
        if [ "$generation" = 1 ]; then
            is_served "the first clone of image 1 answers"
            end_jvm
            clean_temporary
            again "$DIR/image"
        fi
        is_served "the server answers after restore $generation"
    done
}

is_served() { # WHAT
    local deadline=$((SECONDS + 60)) output
    until output=$(web) && [ "$output" = hello ]; do
        [ "$SECONDS" -lt "$deadline" ] && [ -d "/proc/$pid" ] || break
    done
    is "$output" hello "$what: $1" || diag "$(tail -n 5 "$log")"
}

# client_generations N: `client WHAT` connects and disconnects right before each checkpoint.
client_generations() {
    local generation
    client "a client is served before checkpoint 1"
    for ((generation = 1; generation <= $1; generation++)); do
        next_generation "$generation" || return
        client "a client is served after restore $generation"
    done
}

# counts N: a program that counts, over N generations; the first image is restored twice.
counts() {
    local generation
    for ((generation = 1; generation <= $1; generation++)); do
        wait_more "$log" 3
        next_generation "$generation" || return
        ok "$what: the program continues in generation $generation" wait_more "$log" 3
    done
    is "$(count_lines "$log" wrong)" 0 "$what: the program reports no wrong result"
}

# refused_by_name IMAGE PATH: a restore names a file below the path that a clone has changed.
refused_by_name() {
    RUN_SECONDS=60 run "$CKPT" restore "${RESTORE_BY[@]}" "$1"
    if [ "$status" = 1 ] && [[ $err == *"'$2"*"' has changed"* ]]; then
        pass "$what: restore: a second clone is refused after the first has written"
    else
        fail "$what: restore: a second clone is refused after the first has written" \
            "status $status, out '${out:0:300}', err '${err:0:1000}'"
    fi
}

# database FILE CLASS ARGUMENT: a program that prints "has N", and then each number it has committed.
# A clone commits rows; a second clone, which lacks them, is refused; a plain start has all of them.
database() {
    local acknowledged
    begin -cp "$PROGRAM" "${@:2}"
    wait_more "$log" 5
    next_generation 1 || return
    ok "$what: a clone commits rows" wait_more "$log" 5
    end_jvm
    acknowledged=$(last_number "$log")
    refused_by_name "$DIR/image" "$DIR/$1"
    mv "$log" "$log.before"
    begin -cp "$PROGRAM" "${@:2}"
    wait_more "$log" 5
    ok "$what: no acknowledged row is lost ($acknowledged)" \
        [ "$(port_of "$log" has)" -ge "$acknowledged" ]
    next_generation 2 || return
    ok "$what: a checkpoint of the plain start is restored" wait_more "$log" 25
    is "$(count_lines "$log" wrong)" 0 "$what: no row is missing or wrong"
}
