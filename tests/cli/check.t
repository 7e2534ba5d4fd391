#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# checkpointer check: one line a finding, for this machine and with system calls taken away one at a
# time, so that each "limited" and "no" is seen once; and what it tells of a process.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
user_ready
JAVA=${JDKS[0]}/bin/java
JVM=(-cp "$SIMPLE" example.Counter --period 200 --until 100000)

# only_findings: every line is a finding, nothing on stderr
only_findings() {
    is "$err$(grep -vE '^(ok      |limited |no      ) [A-Za-z -]+: .+$' <<<"$out")" "" \
        "$1: every line is a finding"
    is "$(grep -E '^(limited|no) ' <<<"$out" |
        grep -vE '\([^()]+(\([^()]*\)[^()]*)*\)$|^no +(process|agent library): ')" \
        "" "$1: what is not ok says what to do"
}

# --- this machine
run "$CKPT" check
is "$status" 0 "this machine can do it" || diag "$out"
only_findings "this machine"
for what in processor kernel "page size" "page tables" mappings vDSO threads clocks "agent library"; do
    like "$out" "(^|"$'\n'")(ok|limited) +$what: " "it looks at: $what"
done
run "$CKPT" check --json
is "$status$err" 0 "--json succeeds"
ok "and is JSON" python3 -m json.tool <<<"$out"
is "$(python3 -c 'import json, sys
d = json.load(sys.stdin)
print(d["possible"], d["engine"], all(f["verdict"] in ("ok", "limited", "no") and f["what"] and
                                      f["detail"] for f in d["findings"]))' <<<"$out")" \
    "True builtin True" "with what is promised"
run as_user "$CKPT" check
is "$status" 0 "an ordinary user can do it too"
only_findings "an ordinary user"

# --- a machine that refuses
run as_user "$SECCOMP_RUN" -- "$CKPT" check
is "$status" 0 "so can one under the filter of container runtimes"
only_findings "under the filter"
contains "$out" "system call filter: on; clone3 is refused, unshare is refused" "the filter is seen"
like "$out" 'limited +clocks: no time namespace' "and what it costs"

# without VERDICT FINDING CALL: with that system call taken away
without() {
    run "$SECCOMP_RUN" --bare --deny "$3" -- "$CKPT" check
    like "$out" "(^|"$'\n'")$1 +$2: " "without $3: $1, $2"
    is "$status" "$([ "$1" = no ] && echo 1 || echo 0)" "without $3: the exit status"
    only_findings "without $3"
}
without no vDSO mremap
without no threads prctl
without no "page tables" ioctl
without limited clocks unshare
without limited "memory files" memfd_create=ENOSYS
without limited "shared descriptors" kcmp
without limited "closing descriptors" close_range=ENOSYS

install -D "$CKPT" "$TMP/alone/checkpointer"
run "$TMP/alone/checkpointer" check
is "$status" 1 "a command without its agent can not do it"
like "$out" 'no +agent library: ' "and says so"

# --- a process
run "$CKPT" check $$
is "$status" 1 "a shell is no JVM"
like "$out" "no +process: process $$ is not a JVM" "and that is said"
run "$CKPT" check abc
like "$status$out" "^1.*no +process: 'abc' is not a process ID" "nor is a word"
start_jvm counter - "${JVM[@]}"
wait_line "$log" 1
run "$CKPT" check "$pid"
is "$status" 0 "a JVM with the agent can be frozen" || diag "$out"
contains "$out" "agent: loaded" "its agent answers"
like "$out" "JVM: Java [0-9._]+ \(.+\) in '/" "its version is known"
contains "$out" "child processes: none" "it has no children"
only_findings "a JVM with the agent"
run as_user "$CKPT" check "$pid"
if [ "$(id -u)" -eq 0 ]; then
    is "$status" 1 "another user's JVM can not"
    like "$out" "no +process: process $pid is not yours" "and that is said"
fi
kill -STOP "$pid"
run "$CKPT" check "$pid"
like "$status$out" "^1.*no +state: the JVM is stopped" "a stopped JVM can not"
run "$CKPT" checkpoint "$pid" "$TMP/image"
is "$status$out$err" "1checkpointer: JVM $pid is stopped; let it go on first: 'kill -CONT $pid'" \
    "and is not asked for a checkpoint"
kill -CONT "$pid"
thread=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
run "$CKPT" checkpoint "$thread" "$TMP/image"
is "$status$out$err" "1checkpointer: $thread is a thread of process $pid; name that" "nor is a thread"
stop "$pid"

start plain "$JAVA" "${JVM[@]}"
wait_line "$log" 1
run "$CKPT" check --json "$pid"
is "$status" 0 "a JVM without the agent can"
contains "$out" "not loaded yet; 'checkpointer checkpoint' will load it" "the agent will be loaded"
not_ok "check itself loads nothing" grep -q libcheckpointer "/proc/$pid/maps"
stop "$pid"
start closed "$JAVA" -XX:+DisableAttachMechanism "${JVM[@]}"
wait_line "$log" 1
run "$CKPT" check "$pid"
like "$status$out" "^1.*no +agent: not loaded, and -XX:\+DisableAttachMechanism" \
    "a JVM that cannot be attached to"
stop "$pid"
start deaf "$JAVA" -Xrs "${JVM[@]}"
wait_line "$log" 1
run "$CKPT" check "$pid"
is "$status" 0 "a JVM with -Xrs: it handles no SIGQUIT, and listens from the start instead" || diag "$out"
stop "$pid"
rm -f "/tmp/.java_pid$pid" # it listens there from its start, and leaves it behind

done_testing
