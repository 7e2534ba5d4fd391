#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The program name of a restored JVM, for itself and for others: ProcessHandle.info() names java in each
# generation, and the JVM can start itself again by that; ps, pgrep and jps find it; and /proc/PID/exe
# is java where the caller has CAP_CHECKPOINT_RESTORE.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
output=$("${JDKS[0]}/bin/javac" --release 11 -d "$CLASSES" "$TOP/tests/jvm/java/Program.java" 2>&1) ||
    bail_out "javac failed: $output"
user_ready

# reports_command NAME COMMAND: the JVM of $log then prints this command twice.
reports_command() {
    local before
    before=$(count_lines "$log" "command ")
    wait_line "$log" "command " --count $((before + 2))
    is "$(grep '^command ' "$log" | tail -n 1)" "command $2" "$1"
}

listed() { # [as_user]
    ${1:-} "$JAVA_HOME/bin/jps" -l | grep -c "^$pid Program" || true
}

# shellcheck disable=SC2086
body() { # [as_user]
    local what="JDK $V${1:+, an ordinary user}" java arguments image listed
    local where=$USER_DIR/$V${1:-}
    $1 mkdir -p "$where"
    java=$(readlink -f "$JAVA")
    image=$where/image
    start_jvm "program-$V${1:-}" $1 - -cp "$CLASSES" Program "$where/again"
    wait_line "$log" "command $java"
    arguments=$(sed -n "s|^command $java ||p" "$log" | head -n 1)
    listed=$(listed $1)
    freeze $1 "$pid" "$image" "$what" || return
    restore "program-$V${1:-}" $1 "$image"
    reports_command "$what: ProcessHandle.info() names java" "$java $arguments"
    $1 touch "$where/again"
    ok "$what: a restored program can start itself by its ProcessHandle.info()" wait_line "$log" child
    is "$(<"/proc/$pid/comm")" java "$what: the command name of the process is java"
    is "$(tr '\0' '\n' <"/proc/$pid/cmdline" | head -n 1)" "$JAVA" \
        "$what: the command line of the process begins with java"
    # A user without a name has no hsperfdata folder.
    is "$(listed $1)" "$listed" "$what: jps -l lists a restored JVM as before ($listed)"
    ok "$what: pgrep finds a restored JVM as java" grep -qx "$pid" <<<"$(pgrep -x java)"
    freeze $1 "$pid" "$image" "$what, second generation" || return
    is "$("$CKPT" inspect --json "$image" | sed -n 's/.*"executable": "\(.*\)",.*/\1/p')" "$java" \
        "$what: the image of a restored JVM has java as executable"
    restore "program-$V${1:-}" $1 "$image"
    reports_command "$what, second generation: ProcessHandle.info() names java" "$java $arguments"
    if [ -z "${1:-}" ] && [ "$(id -u)" -eq 0 ]; then
        is "$(readlink "/proc/$pid/exe")" "$java" "$what: /proc/PID/exe is java"
    fi
    stop "$pid"
}

each_jdk body ""
each_jdk body as_user
done_testing
