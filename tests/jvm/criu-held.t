#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What a JVM may hold at a checkpoint by criu and uses after two restores: children, with their pipes;
# connections, sockets, files, locks, watches; many threads. `criu-held.t KIND...` tries those only.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
compile Held
CHOSEN=("$@")

# carried KIND WHAT [CHECKPOINT-OPTION...]: it ticks on over two generations.
carried() {
    local kind=$1 what="$V: $2" generation jvm image=$DIR/$1
    shift 2
    [ ${#CHOSEN[@]} = 0 ] || [[ " ${CHOSEN[*]} " == *" $kind "* ]] || return 0
    mkdir -p "$DIR/$kind.d"
    start_jvm "$kind-$V" - "${JVM_OPTIONS[@]}" -cp "$CP" Held "$kind" "$DIR/$kind.d" "${ARGUMENTS[@]}"
    jvm=$pid
    wait_line "$log" "tick 3" 120
    for generation in 1 2; do
        run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$@" "$jvm" "$image"
        # A child JVM without the agent is named.
        [[ $kind = jvm && $err == *"does not have the agent"* ]] && err=
        if [ "$status$out$err" != 0 ]; then
            fail "$what" "generation $generation: checkpoint: $status $out$err"
            kill -KILL "$jvm"
            wait_exit "$pid"
            return
        fi
        wait_exit "$pid"
        restore "$kind-$V" "--criu=$CRIU" "$image"
        wait_more_ticks || {
            fail "$what" "generation $generation: $(tail -n 3 "$log")"
            stop "$pid"
            return
        }
    done
    is "$(count_lines "$log" wrong)" 0 "$what"
    stop "$pid"
}

wait_more_ticks() {
    local last
    last=$(sed -n 's/^tick //p' "$log" | tail -n 1)
    wait_line "$log" "tick $((last + 25))"
}

JVM_OPTIONS=(-Xmx64m)
ARGUMENTS=()
children() {
    carried child "a child's pipes carry lines in both directions after the restore"
    carried pipeline "a shell's pipeline carries lines after the restore"
    carried shell "a shell that reads lines answers after the restore"
    carried inherit "a child that inherits the JVM's standard streams writes after the restore"
    carried sleep "a child that sleeps lives after the restore"
    carried ended "the status of a child that ends is waited for after the restore"
    carried jvm "a child JVM answers after the restore"
}
sockets() {
    carried tcp "a connection whose both ends are in the JVM continues" --tcp-established
    carried udp "UDP sockets send and receive after the restore"
    carried unix "Unix sockets with both ends in the JVM continue"
    carried selector "a selector selects and is woken after the restore"
    carried fifo "a FIFO is read and written after the restore"
}
files() {
    carried mapped "a mapped file is read and written after the restore"
    carried deleted "an open file that was deleted is read and written after the restore"
    carried deleted-big "an open file of 20 MiB that was deleted is read and written after the restore"
    carried lock "a file is still locked after the restore"
    carried watch "a WatchService reports files that are made after the restore"
    carried timer "a timer fires after the restore"
}

# The JVM's standard output is a pipe of which the other end is not in its process tree.
pipe() {
    local jvm
    [ ${#CHOSEN[@]} = 0 ] || [[ " ${CHOSEN[*]} " == *" pipe "* ]] || return 0
    # shellcheck disable=SC2016
    start "pipe-$V" bash -c '"$@" | cat' - "$CKPT" run --option addr=none -- \
        "$JAVA" -Xmx64m -cp "$CP" Held inherit "$DIR"
    wait_line "$log" "tick 3"
    jvm=$(pgrep -f "^$JAVA .*Held inherit $DIR")
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/pipe"
    is "$status$err" 0 "$V: a JVM is dumped whose child inherited a pipe to another process"
    wait_exit "$pid"
    # shellcheck disable=SC2016
    start "pipe-$V-2" bash -c '"$@" | cat' - "$CKPT" restore "--criu=$CRIU" "$DIR/pipe"
    wait_line "$log" "tick"
    wait_more_ticks
    ok "$V: a child that inherited a pipe writes to the one of the restore" grep -q child "$log"
    # shellcheck disable=SC2046
    kill $(pgrep -P "$jvm") "$jvm"
    wait_exit "$pid"
}

# Standard output is a socket of another process, as that of the journal for services.
journal() {
    local jvm
    [ ${#CHOSEN[@]} = 0 ] || [[ " ${CHOSEN[*]} " == *" journal "* ]] || return 0
    cat >"$DIR/journal" <<'PYTHON'
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(sys.argv[1:], stdout=theirs, stderr=theirs)
theirs.close()
while data := ours.recv(4096):
    os.write(1, data)
PYTHON
    start "journal-$V" python3 "$DIR/journal" \
        "$CKPT" run --option addr=none -- "$JAVA" -Xmx64m -cp "$CP" Held inherit "$DIR"
    wait_line "$log" child
    jvm=$(pgrep -f "^$JAVA .*Held inherit $DIR")
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/journal-image"
    is "$status$err" 0 "$V: a JVM is dumped whose child inherited a socket to another process"
    wait_exit "$pid"
    restore "journal-$V-2" "--criu=$CRIU" "$DIR/journal-image"
    ok "$V: a child that inherited a socket writes to the stream of the restore" wait_line "$log" child
    # shellcheck disable=SC2046
    kill $(pgrep -P "$jvm") "$jvm"
    wait_exit "$pid"
}

# Standard output is a file, which is renamed before the restore, as logs are.
file() {
    local jvm
    [ ${#CHOSEN[@]} = 0 ] || [[ " ${CHOSEN[*]} " == *" file "* ]] || return 0
    # shellcheck disable=SC2016
    start "file-$V" bash -c 'exec "$@" >"$0"' "$DIR/old.log" \
        "$CKPT" run --option addr=none -- "$JAVA" -Xmx64m -cp "$CP" Held inherit "$DIR"
    jvm=$pid
    wait_line "$DIR/old.log" child
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$DIR/file"
    is "$status$err" 0 "$V: a JVM is dumped whose child inherited a file"
    wait_exit "$jvm"
    echo more >>"$DIR/old.log"
    restore "file-$V" "--criu=$CRIU" "$DIR/file"
    ok "$V: a child that inherited a file writes to the one of the restore" wait_line "$log" child
    # shellcheck disable=SC2046
    kill $(pgrep -P "$jvm") "$jvm"
    wait_exit "$pid"
    mv "$DIR/old.log" "$DIR/older.log"
    run "$CKPT" restore --dry-run "--criu=$CRIU" "$DIR/file"
    is "$status$err" 0 "$V: a rehearsal does not look for a file that the restore's takes the place of"
    restore "file-$V-2" "--criu=$CRIU" "$DIR/file"
    ok "$V: that works if the old file is gone, too" wait_line "$log" child
    is "$(tail -n 1 "$DIR/older.log")" more "$V: nothing is written to the old file"
    # shellcheck disable=SC2046
    kill $(pgrep -P "$jvm") "$jvm"
    wait_exit "$pid"
}
threads() {
    ARGUMENTS=(1000)
    carried threads "1000 threads continue after the restore"
    ARGUMENTS=()
    JVM_OPTIONS=(-Xmx2500m)
    carried heap "a heap of 1.2 GiB is unchanged after the restore"
    JVM_OPTIONS=(-Xmx64m)
    [ "$V" = 17 ] || carried virtual "1000 virtual threads continue after the restore"
}

# A clone writes to a file that the image's JVM has open: its size is the same, and criu would not notice.
changed() {
    local jvm image=$DIR/changed
    [ ${#CHOSEN[@]} = 0 ] || [[ " ${CHOSEN[*]} " == *" changed "* ]] || return 0
    mkdir -p "$DIR/changed.d"
    start_jvm "changed-$V" - -Xmx64m -cp "$CP" Held written "$DIR/changed.d"
    jvm=$pid
    wait_line "$log" "tick 3"
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$jvm" "$image"
    wait_exit "$pid"
    restore "changed-$V" "--criu=$CRIU" "$image"
    wait_more_ticks
    stop "$pid"
    run "$CKPT" restore "--criu=$CRIU" "$image"
    refused "$V: a second clone is refused after the first has written to a file" \
        "/written' has changed since the checkpoint"
    run "$CKPT" inspect "$image"
    contains "$out" "/written' has changed since the checkpoint" \
        "$V: inspect tells that a file has changed"
    restore "changed-$V" "--criu=$CRIU" --allow-changed-files "$image"
    wait_more_ticks
    pass "$V: --allow-changed-files restores a second clone"
    stop "$pid"
}
each_jdk children
each_jdk pipe
each_jdk file
each_jdk journal
each_jdk sockets
each_jdk files
each_jdk threads
each_jdk changed
done_testing
