#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Descriptors that a JVM has inherited, from a shell or a CI system that left them open. `checkpointer
# run` closes them; if the agent is loaded by -agentpath, they are no obstacle, and are closed in the
# restored process. A JVM that continues keeps them.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Refuse

# The other ends of the pipe and of the connections are in this process, which waits for the JVM.
cat >"$TMP/leave-open.py" <<'PYTHON'
import os, pty, socket, subprocess, sys
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
served, _ = server.accept()
pair = socket.socketpair()
reading, writing = os.pipe()
for number, descriptor in ((40, reading), (41, served.fileno()), (42, pair[0].fileno()),
                           (43, pty.openpty()[1]), (44, os.open("/dev/null", os.O_RDONLY)),
                           (45, os.open(sys.argv[1], os.O_RDONLY))):
    os.dup2(descriptor, number)
child = subprocess.Popen(sys.argv[2:], pass_fds=range(40, 46))
print("jvm", child.pid, flush=True)
sys.exit(child.wait() & 255)
PYTHON

# begin NAME AGENT-OPTION|- REFUSE-ARGUMENT...: sets jvm (its PID), port, image.
begin() {
    local name=$1 agent=() option=$2
    shift 2
    [ "$option" = - ] || agent=("-agentpath:$AGENT=addr=none$option")
    image=$DIR/$name
    echo text >"$DIR/file"
    start "$V $name" python3 "$TMP/leave-open.py" "$DIR/file" "$JAVA" \
        -XX:+IgnoreUnrecognizedVMOptions -XX:+EnableDynamicAgentLoading "${agent[@]}" -cp "$CP" \
        Refuse "$@"
    wait_line "$log" "ready " && wait_line "$log" "jvm " && port=$(port_of "$log" ready)
    jvm=$(sed -n 's/^jvm //p' "$log")
}

end() {
    kill -KILL "$jvm"
    wait_exit "$pid"
}

link_of() { # PID NUMBER
    readlink "/proc/$1/fd/$2"
}

at_start() {
    local number before
    begin start "" none
    before=$(link_of "$jvm" 40)
    run "$CKPT" checkpoint --leave-running "$jvm" "$image"
    is "$status$err" 0 "$V: a checkpoint of a JVM that inherited pipes, sockets and a terminal succeeds"
    is "$(link_of "$jvm" 40)" "$before" "$V: a JVM that continues keeps the pipe that it inherited"
    for number in 40 41 42 43; do
        like "$(<"$log")" "warning: descriptor $number .* was open when the JVM started" \
            "$V: descriptor $number is reported as one that a restored process does not have"
    done
    unlike "$(<"$log")" "descriptor 4[45]" \
        "$V: an inherited file and /dev/null, which are kept, are not reported"
    run "$CKPT" checkpoint "$jvm" "$image"
    is "$status$err" 0 "$V: a checkpoint that ends a JVM with inherited descriptors succeeds"
    wait_exit "$pid"
    restore "$V start" "$image"
    ok "$V: a JVM with inherited descriptors is restored, and answers" answers "$port"
    for number in 40 41 42 43; do
        unlike "$(link_of "$pid" $number)" "pts|ptmx|${before//[^0-9]/}" \
            "$V: the restored process has something harmless at inherited number $number"
    done
    is "$(link_of "$pid" 45)" "$DIR/file" "$V: the restored process has the inherited file"
    freeze "$pid" "$image-2" "$V: a second checkpoint, of the restored process" || return
    restore "$V start" "$image-2"
    ok "$V: an image of a restored process that had inherited descriptors is restored" answers "$port"
    stop "$pid"
}

# What the application has opened itself is an obstacle, even if it leads to the same pipe.
opened() {
    begin opened "" fifo /dev/fd/40
    run "$CKPT" checkpoint "$jvm" "$image"
    like "$status$err" "^1.*is one end of 'pipe:" \
        "$V: a descriptor that the application opened from an inherited one is refused"
    unlike "$err" 'descriptor 4[0-9]' "$V: an inherited descriptor is not among the reasons"
    end
}

ruled() {
    printf 'type: pipe\naction: error\n' >"$DIR/policies"
    begin ruled ",policies=$DIR/policies" none
    run "$CKPT" checkpoint "$jvm" "$image"
    like "$status$err" "^1.*descriptor 40 .* is refused by the rule at $DIR/policies:1" \
        "$V: a rule applies to an inherited descriptor too"
    end
}

# In a JVM that runs, no one can tell which descriptors were inherited.
late() {
    begin late - none
    run "$CKPT" checkpoint "$jvm" "$image"
    like "$status$err" "^1.*descriptor 40 is one end of .*if the JVM only inherited it, start it with" \
        "$V: an agent that is loaded late refuses inherited descriptors and names 'checkpointer run'"
    end
}

body() {
    at_start
    opened
    ruled
    late
}
each_jdk body
done_testing
