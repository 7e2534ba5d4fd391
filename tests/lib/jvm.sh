# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the tests of whole JVMs (tests/jvm) share, on top of tap.sh: compile a test's Java programs,
# start them with the agent or without, freeze them, restore them, and examine what they printed.
# A test runs its body for every JDK:
#
#     . "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
#     . "$TOP/tests/lib/jvm.sh"
#     compile Echo
#     body() { …; }
#     each_jdk body
#     done_testing
#
# In the body: JAVA_HOME, JAVA (its java), V ("17") and DIR (an empty folder for this JDK).

SIMPLE=$TOP/examples/simple/target/simple.jar # also has org.crac, to compile against and run with
CLASSES=$TMP/classes
CP=$CLASSES:$SIMPLE
FIRSTBYTE=$BUILD/tests/firstbyte

# Descriptors that the caller left open would be open in every JVM that is not started by
# `checkpointer run`, and prevent its checkpoint. (255 is bash's own, and not inherited.)
for descriptor in "/proc/$$/fd"/*; do
    descriptor=${descriptor##*/}
    if [ "$descriptor" -gt 2 ] && [ "$descriptor" != 255 ]; then
        eval "exec $descriptor>&-"
    fi
done
unset descriptor

# compile [NAME...]: tests/jvm/java/NAME.java for every JDK from 8 on, against $LIBRARIES too if set.
compile() {
    local output sources=("${@/%/.java}")
    [ -f "$SIMPLE" ] || bail_out "examples/simple is not built, run tools/build --examples"
    chmod 711 "$TMP" # the ordinary user of as_user reads the classes
    mkdir -p "$CLASSES"
    [ $# -gt 0 ] || return 0
    output=$("$JAVAC" --release 8 -Xlint:-options -d "$CLASSES" \
        -cp "$SIMPLE${LIBRARIES:+:$LIBRARIES}" \
        "${sources[@]/#/$TOP/tests/jvm/java/}" 2>&1) || bail_out "javac failed: $output"
}

# library NAME...: prints the class path of jars of tests/jars, such as sqlite-jdbc.
library() {
    local jar path=
    for jar; do
        jar=$TOP/tests/jars/target/lib/$jar.jar
        [ -f "$jar" ] || bail_out "${jar##*/} is missing, run tools/build --libraries" >&2
        path+=${path:+:}$jar
    done
    printf '%s\n' "$path"
}

each_jdk() { # FUNCTION [ARGUMENT...]
    for JAVA_HOME in "${JDKS[@]}"; do
        JAVA=$JAVA_HOME/bin/java
        V=$(jdk_version)
        DIR=$TMP/jdk-$V
        mkdir -p "$DIR"
        export JAVA_HOME
        "$@"
    done
}

# start_jvm NAME [as_user] IMAGE|- JAVA-ARGUMENT...: with the agent, and that image directory (-: none).
start_jvm() {
    local name=$1 user=() image=() option options=()
    shift
    [ "$1" != as_user ] || { user=(as_user) && shift; }
    [ "$1" = - ] || image=(--image "$1")
    shift
    for option in "${OPTIONS[@]}"; do
        options+=(--option "$option")
    done
    start "$name" "${user[@]}" "${CONFINE[@]}" "$CKPT" run "${image[@]}" "${options[@]}" -- "$JAVA" "$@"
}

# The agent's options for start_jvm. No HTTP endpoint: its default port is one for the machine.
OPTIONS=(addr=none)

# What the JVM and the command are started by, such as seccomp-run; set by a test.
CONFINE=()

# control_socket PID [UID]: where the agent of a JVM in this PID namespace has its control socket.
control_socket() {
    local namespace suffix=
    namespace=$(readlink /proc/self/ns/pid)
    [ "$namespace" = "pid:[4026531836]" ] || suffix=_${namespace//[^0-9]/}
    printf '%s\n' "/tmp/.checkpointer_${2:-$(id -u)}_pid$1$suffix"
}

# start_relay: a process through which programs connect to themselves with -Drelay=$relay, so that the
# other end of each connection is another process's.
start_relay() {
    start relay python3 "$TOP/tests/lib/tcp-relay.py"
    wait_line "$log" "listens "
    relay=$(port_of "$log" listens)
}

# restore NAME [as_user] DIR: in the background; its output is appended to the log of that name.
restore() {
    local name=$1 user=()
    shift
    [ "$1" != as_user ] || { user=(as_user) && shift; }
    start "$name" "${user[@]}" "${CONFINE[@]}" "$CKPT" restore "$@"
}

# freeze [as_user] PID DIR WHAT [OPTION...]: `checkpoint PID DIR`, and the JVM ends with 137.
# Sets status, out, err; fails a check whose name begins with WHAT if something is wrong, and prints
# nothing otherwise. If port is set, the server there first gets the time to notice that its clients
# are gone.
freeze() {
    local user=() process directory what
    [ "$1" != as_user ] || { user=(as_user) && shift; }
    process=$1 directory=$2 what=$3
    shift 3
    [ -z "${port:-}" ] || clients_are_gone "$port"
    run "${user[@]}" "${CONFINE[@]}" "$CKPT" checkpoint "$@" "$process" "$directory"
    if [ "$status$out$err" != 0 ]; then
        fail "$what: the checkpoint succeeds" "status $status, output: $out$err"
        return 1
    fi
    wait_exit "$process"
    [ "$status" = 137 ] || fail "$what: the JVM ends with 137 after the checkpoint" \
        "status $status instead of 137"
}

# refused WHAT PATTERN: of the last `run` of a restore: status 1, one line with the pattern, no more.
# Set RUN_SECONDS for that run: a JVM that is restored after all would run for two minutes.
refused() {
    if [ "$status" = 1 ] && [ -z "$out" ] && [ "$(wc -l <<<"$err")" = 1 ] && [[ $err =~ $2 ]]; then
        pass "$1"
    else
        fail "$1" "status $status, out '${out:0:300}', err '${err:0:1000}'" \
            "want 1, nothing, one line with: $2"
    fi
}

# count_lines LOG TEXT
count_lines() {
    grep -s -c -F -- "$2" "$1" || true
}

# last_number LOG: the counter's last number.
last_number() {
    grep -x '[0-9][0-9]*' "$1" | tail -n 1
}

# in_sequence LOG NAME: the counter's numbers are 1, 2, 3 and so on, each once.
in_sequence() {
    local wrong
    wrong=$(grep -x '[0-9][0-9]*' "$1" | awk '$1 != NR { print $1 " where " NR " should be"; exit }
        END { if (!NR) print "no number" }')
    is "$wrong" "" "$2"
}

# clients_are_gone PORT: until the server there has closed the connections of clients that are gone;
# 3 seconds at most. It notices their end a little later than they do.
clients_are_gone() {
    local deadline=$((SECONDS + 3))
    while awk -v "port=$(printf ':%04X$' "$1")" \
        '$2 ~ port && ($4 == "01" || $4 == "08") { found = 1 } END { exit !found }' \
        /proc/net/tcp /proc/net/tcp6; do
        [ "$SECONDS" -lt "$deadline" ] || return
    done
}

# answers PORT [PATH]: until an HTTP server answers 200 there; 60 seconds at most.
answers() {
    "$FIRSTBYTE" --http "$1" "${2:-/}" --timeout 60 -- tail -f /dev/null
}

# port_of LOG TEXT: the number at the end of the line with this text.
port_of() {
    sed -n "s/.*$2 *\([0-9][0-9]*\).*/\1/p" "$1" | head -n 1
}
