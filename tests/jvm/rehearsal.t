#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# An image is rehearsed before its JVM ends. If a restore here would be refused, the checkpoint is called
# off: the JVM continues, the older image stays, no file is left behind. The JVM does not notice the
# child process that rehearses.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Opened
user_ready
SIMPLE=$(for_user "$SIMPLE")
CP=$CLASSES:$SIMPLE

# unharmed PID LOG WHAT IMAGE: the JVM runs its hooks, continues, and has no child and no stray file.
unharmed() {
    local process=$1 file=$2 what=$3 image=$4
    wait_line "$file" "after restore" || fail "$what: afterRestore is called"
    wait_more "$file" 2 || fail "$what: the JVM continues"
    is "$(cat /proc/"$process"/task/*/children 2>/dev/null)" "" \
        "$what: the JVM has no child process or zombie"
    is "$([ ! -e "$image" ] || find "$image" -name '.checkpointer-*')" "" "$what: no temporary file is left"
}

# childless PID: until it has no child; 30 seconds at most.
childless() {
    local deadline=$((SECONDS + 30))
    until [ -z "$(cat "/proc/$1/task"/*/children 2>/dev/null)" ]; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
    done
}

# called_off WHAT PATTERN: of the last `run` of a checkpoint.
called_off() {
    is "$status" 1 "$1: the checkpoint is called off"
    like "$err" "$2" "$1: the reason is reported"
}

lost_permission() {
    local image=$USER_DIR/lost-$V file=$USER_DIR/file-$V before process log_file
    as_user touch "$file"
    start_jvm "lost-$V" as_user - -cp "$CP" Opened "read:$file"
    process=$pid log_file=$log
    wait_line "$log" ready
    run as_user "$CKPT" checkpoint --leave-running "$process" "$image"
    is "$status$err" 0 "$V: --leave-running: an image that would be restored passes its rehearsal"
    before=$(sha256sum "$image"/*)
    as_user chmod 0 "$file"
    run as_user "$CKPT" checkpoint "$process" "$image"
    called_off "$V: a file that may no longer be opened" \
        "the image would not be restored here: .*cannot open '$file' again: permission denied"
    unharmed "$process" "$log_file" "$V: a file that may no longer be opened" "$image"
    is "$(sha256sum "$image"/*)" "$before" \
        "$V: a file that may no longer be opened: the older image is unchanged"
    run as_user "$CKPT" checkpoint --leave-running "$process" "$image"
    called_off "$V: --leave-running" "the image would not be restored here"
    as_user chmod 600 "$file"
    restore "lost-back-$V" as_user "$image"
    ok "$V: a file that may no longer be opened: the older image is restored" wait_line "$log" "after restore"
    stop "$pid"
    as_user chmod 0 "$file"
    freeze as_user "$process" "$USER_DIR/forced-$V" "$V: --no-rehearsal" --no-rehearsal
    run as_user "$CKPT" restore "$USER_DIR/forced-$V"
    refused "$V: --no-rehearsal: the image is written, and its restore is refused" "cannot open '$file' again"
}

# The rehearsal gets the policies and the directory that restores will get; so a working directory that
# the JVM's user could not enter by its name is no obstacle.
restore_options() {
    local file=$USER_DIR/closed-$V image=$USER_DIR/options-$V rules=$USER_DIR/rules-$V work=$USER_DIR/work-$V
    as_user mkdir -p "$work/below"
    as_user touch "$file"
    printf 'type: file\npath: %s\naction: close\n' "$file" >"$rules"
    cd "$work/below"
    OPTIONS=(addr=none "restore_policies=$rules" "restore_cwd=$USER_DIR")
    start_jvm "options-$V" as_user - -cp "$CP" Opened "read:$file"
    OPTIONS=(addr=none)
    cd "$OLDPWD" # the tree may be one that the user cannot enter
    wait_line "$log" ready
    as_user chmod 0 "$file"
    as_user chmod 0 "$work"
    freeze as_user "$pid" "$image" "$V: restore_policies, restore_cwd"
    as_user chmod 700 "$work"
    run as_user "$CKPT" restore --dry-run --cwd "$USER_DIR" "$image"
    refused "$V: restore_policies: a restore without these policies is refused" "cannot open '$file' again"
    run as_user "$CKPT" restore --dry-run --cwd "$USER_DIR" --policies "$rules" "$image"
    is "$status$err" 0 "$V: restore_policies, restore_cwd: a restore with both would succeed"
}

# A file that root has opened before it gave up its rights.
more_rights() {
    local file=$TMP/root-$V image=$USER_DIR/rights-$V
    [ "$(id -u)" = 0 ] || return 0
    (umask 077 && touch "$file")
    start "rights-$V" bash -c 'exec 9<"$0"; exec "$@"' "$file" "${AS_USER[@]}" "$JAVA" \
        "-agentpath:$AGENT=addr=none" -cp "$CP" Opened
    wait_line "$log" ready
    run as_user "$CKPT" checkpoint "$pid" "$image"
    called_off "$V: a file that was opened with more rights" "cannot open '$file' again: permission denied"
    unharmed "$pid" "$log" "$V: a file that was opened with more rights" "$image"
    stop "$pid"
}

# The port of the JVM itself, which still runs, is no obstacle.
own_port() {
    local port image=$DIR/port
    port=$(free_port)
    start_jvm "port-$V" - -cp "$CP" Opened "port:$port" until:1000000
    wait_line "$log" ready
    freeze "$pid" "$image" "$V: a JVM that listens"
    restore "port-$V" "$image"
    ok "$V: a JVM that listens: the restored JVM listens at its port" wait_line "$log" "after restore"
    stop "$pid"
}

# Where the child cannot run, the JVM does not end, except with --no-rehearsal.
cannot_run() { # NAME DENIED PATTERN
    local image=$DIR/$1
    CONFINE=("$SECCOMP_RUN" --deny "$2" --)
    start_jvm "$1-$V" - -cp "$CP" Opened
    CONFINE=()
    wait_line "$log" ready
    run "$CKPT" checkpoint "$pid" "$image"
    called_off "$V: without $1" "$3.*--no-rehearsal"
    unharmed "$pid" "$log" "$V: without $1" "$image"
    freeze "$pid" "$image" "$V: without $1, --no-rehearsal" --no-rehearsal
    restore "$1-$V" "$image"
    ok "$V: without $1, --no-rehearsal: the image is restored" wait_line "$log" "after restore"
    stop "$pid"
}

# Where execveat is refused, the command is run in another way.
fallback() {
    local image=$DIR/fallback
    CONFINE=("$SECCOMP_RUN" --deny execveat=ENOSYS --)
    start_jvm "fallback-$V" - -cp "$CP" Opened
    CONFINE=()
    wait_line "$log" ready
    run "$CKPT" checkpoint --leave-running "$pid" "$image"
    is "$status$err" 0 "$V: without execveat: the image is rehearsed by the fallback"
    stop "$pid"
}

# Sockets of one image with the same port do not conflict.
neighbours() {
    local port image=$DIR/neighbours
    port=$(free_port)
    start_jvm "neighbours-$V" - -cp "$CP" Opened "at:127.0.0.1:$port" "at:127.0.0.2:$port" \
        "at:0.0.0.0:0" "at:127.0.0.1:0"
    wait_line "$log" ready
    freeze "$pid" "$image" "$V: several addresses with one port"
    run "$CKPT" restore --dry-run "$image"
    is "$status$err" 0 "$V: several addresses with one port: --dry-run succeeds"
    restore "neighbours-$V" "$image"
    ok "$V: several addresses with one port: the JVM is restored" wait_line "$log" "after restore"
    stop "$pid"
}

by_option() {
    local image=$DIR/option
    OPTIONS=(addr=none rehearsal=false)
    CONFINE=("$SECCOMP_RUN" --deny memfd_create --)
    start_jvm "option-$V" - -cp "$CP" Opened
    CONFINE=() OPTIONS=(addr=none)
    wait_line "$log" ready
    freeze "$pid" "$image" "$V: rehearsal=false"
    pass "$V: rehearsal=false: the JVM is frozen without a rehearsal"
}

# A rehearsal that hangs is killed after its time.
hangs() {
    local image=$DIR/hangs tracer process log_file
    OPTIONS=(addr=none rehearsal_timeout=1)
    start_jvm "hangs-$V" - -cp "$CP" Opened
    OPTIONS=(addr=none)
    process=$pid log_file=$log
    wait_line "$log" ready
    start "tracer-$V" strace -f -p "$process" -e trace=execve -e inject=execve:delay_enter=600s
    tracer=$pid
    wait_line "$log" "attached"
    run "$CKPT" checkpoint "$process" "$image"
    called_off "$V: a rehearsal that hangs" "was not over after 1 s"
    kill -KILL "$tracer" # strace waits for what it traces before it ends by another signal
    wait_exit "$tracer"
    childless "$process"
    unharmed "$process" "$log_file" "$V: a rehearsal that hangs" "$image"
    freeze "$process" "$image" "$V: a rehearsal that hangs: the next checkpoint"
    pass "$V: a rehearsal that hangs: the next checkpoint succeeds"
}

# requested NAME PROCESS IMAGE: a checkpoint by the process $request, whose rehearsal does not begin as
# long as $tracer runs; the rehearsal's processes are $keeper and $command.
requested() {
    local deadline=$((SECONDS + 60))
    start "tracer-$1" strace -f -p "$2" -e trace=execve -e inject=execve:delay_enter=600s
    tracer=$pid
    wait_line "$log" "attached"
    start "request-$1" "$CKPT" checkpoint "$2" "$3"
    request=$pid
    until keeper=$(cat "/proc/$2/task"/*/children) && keeper=${keeper% } && [ -n "$keeper" ] &&
        command=$(cat "/proc/$keeper/task/$keeper/children") && command=${command% } && [ -n "$command" ]; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
    done 2>/dev/null
}

# The end of the process that waits for the rehearsal, as by an operator, ends the rehearsal.
keeper_killed() {
    local image=$DIR/killed process log_file tracer request keeper command
    start_jvm "killed-$V" - -cp "$CP" Opened
    process=$pid log_file=$log
    wait_line "$log" ready
    requested "killed-$V" "$process" "$image" || fail "$V: the rehearsal begins"
    kill -KILL "$keeper"
    wait_exit "$request"
    is "$status" 1 "$V: a rehearsal whose keeper is killed: the checkpoint is called off"
    like "$(<"$log")" "rehearsal of the image was ended by signal 9" \
        "$V: a rehearsal whose keeper is killed: the reason is reported"
    kill -KILL "$tracer" # strace waits for what it traces before it ends by another signal
    wait_exit "$tracer"
    unharmed "$process" "$log_file" "$V: a rehearsal whose keeper is killed" "$image"
    stop "$process"
}

# frozen NAME PROCESS IMAGE FREEZER: a rehearsal that hangs in the kernel, and the answer to the request.
frozen() {
    local tracer request
    echo FROZEN >"$4/freezer.state"
    requested "kernel-$1-$V" "$2" "$3" || fail "$V: the rehearsal begins"
    echo "$command" >"$4/cgroup.procs"
    kill -KILL "$tracer" # strace waits for what it traces before it ends by another signal
    wait_exit "$tracer"
    wait_exit "$request"
    is "$status" 1 "$V: a rehearsal that hangs in the kernel: the $1 checkpoint is called off"
    like "$(<"$log")" "was not over after 10 s" \
        "$V: a rehearsal that hangs in the kernel: the $1 checkpoint reports the limit"
}

# A rehearsal that not even SIGKILL ends, as with a file system that does not answer: a frozen one. The
# JVM does not wait for it, and does not become its parent when the process around it has ended.
hangs_in_kernel() {
    local image=$DIR/kernel freezer=/sys/fs/cgroup/freezer/checkpointer-test-$$-$V
    local process log_file keeper command
    if ! mkdir "$freezer" 2>/dev/null; then
        cannot "$V: a rehearsal that hangs in the kernel" "no cgroup v1 can be made here to freeze a process"
        return
    fi
    OPTIONS=(addr=none rehearsal_timeout=10)
    start_jvm "kernel-$V" - -cp "$CP" Opened
    OPTIONS=(addr=none)
    process=$pid log_file=$log
    wait_line "$log" ready
    frozen first "$process" "$image" "$freezer"
    wait_line "$log_file" "after restore" || fail "$V: afterRestore is called"
    wait_more "$log_file" 2 || fail "$V: the JVM continues"
    run "$CKPT" checkpoint "$process" "$image"
    called_off "$V: a rehearsal that hangs in the kernel: a second request" \
        "rehearsal of an earlier image has not ended: it hangs in the kernel"
    is "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$command/status")" "$keeper" \
        "$V: a rehearsal that hangs in the kernel: it is no child of the JVM"
    echo THAWED >"$freezer/freezer.state"
    ok "$V: a rehearsal that hangs in the kernel: no child is left when it has ended" childless "$process"
    frozen second "$process" "$image" "$freezer"
    echo THAWED >"$freezer/freezer.state"
    ok "$V: a rehearsal that hangs in the kernel: no child is left of the next one" childless "$process"
    run "$CKPT" checkpoint --leave-running "$process" "$image"
    is "$status$err" 0 "$V: a rehearsal that hangs in the kernel: a checkpoint succeeds afterwards"
    stop "$process"
    rmdir "$freezer"
}

# The JVM gets no signal and no child from a rehearsal.
unnoticed() {
    local image=$DIR/unnoticed process log_file tracer
    start_jvm "unnoticed-$V" - -cp "$CP" Opened
    process=$pid log_file=$log
    wait_line "$log" ready
    start "signals-$V" strace -f -p "$process" -e trace=none -e signal=CHLD
    tracer=$pid
    wait_line "$log" "attached"
    run "$CKPT" checkpoint --leave-running "$process" "$image"
    is "$status$err" 0 "$V: unnoticed: the checkpoint of a traced JVM succeeds"
    kill -KILL "$tracer" # strace waits for what it traces before it ends by another signal
    wait_exit "$tracer"
    # Only the keeper may get one, which is no thread of the JVM.
    is "$(ls "/proc/$process/task" | sed 's/.*/[pid *&] --- SIGCHLD/' | grep -c -f - "$log")" 0 \
        "$V: unnoticed: the JVM gets no SIGCHLD by a rehearsal"
    is "$(cat /proc/"$process"/task/*/children 2>/dev/null)" "" \
        "$V: unnoticed: the JVM has no child and no zombie after a rehearsal"
    stop "$process"
}

# In a container the JVM is PID 1, which gets every orphan.
first_process() {
    local image=$TMP/pid1-$V inner
    start "pid1-$V" unshare --pid --fork --mount-proc --kill-child "$CKPT" run --option addr=none -- \
        "$JAVA" -cp "$CP" Opened spawn:40
    wait_line "$log" ready
    inner=$(cat "/proc/$pid/task/$pid/children")
    inner=${inner%% *}
    wait_line "$log" "children waited for"
    run "$CKPT" checkpoint --leave-running "$inner" "$image"
    is "$status$err" 0 "$V: PID 1: an image of a JVM that is PID 1 is rehearsed"
    wait_line "$log" "after restore"
    is "$(cat /proc/"$inner"/task/*/children)" "" \
        "$V: PID 1: the JVM has no child and no zombie after a rehearsal"
    run "$CKPT" checkpoint "$inner" "$image"
    wait_exit "$pid"
    is "$status" 137 "$V: PID 1: the JVM ends with 137"
    unlike "$(<"$log")" "a child ended with" \
        "$V: PID 1: the JVM waits for no process but those it has started"
}

# The restorer maps files when there is no way back, so a rehearsal asks whether it may.
not_executable() {
    local image=$DIR/noexec
    start_jvm "noexec-$V" - -cp "$CP" Opened
    wait_line "$log" ready
    freeze "$pid" "$image" "$V: not executable" || return
    # shellcheck disable=SC2016 # for the shell that follows
    run unshare -m bash -c 'mount --bind "$0" "$0" && mount -o remount,bind,noexec "$0" && "$@"' \
        "$JAVA_HOME" "$CKPT" restore --dry-run "$image"
    refused "$V: restore --dry-run: a library that may not be executed here" \
        "cannot map '$JAVA_HOME/.*' as the JVM has mapped it: .*; mount its file system"
}

body() {
    user_ready
    lost_permission
    more_rights
    restore_options
    own_port
    cannot_run memfd_create memfd_create "cannot be rehearsed.*memfd_create"
    fallback
    neighbours
    by_option
    if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
        hangs
        keeper_killed
        hangs_in_kernel
        unnoticed
    elif command -v strace >/dev/null; then
        cannot "$V: a rehearsal that hangs: the checkpoint is called off" "ptrace is not allowed here"
    else
        skip "$V: a rehearsal that hangs: the checkpoint is called off" "strace is not installed"
    fi
    if [ "$(id -u)" = 0 ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
        first_process
        not_executable
    fi
}

each_jdk body
done_testing
