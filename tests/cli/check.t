#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# checkpointer check: one line per finding, for this machine and with system calls taken away one at a
# time, so that each "limited" and "no" is seen once; and what it reports about a process.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
user_ready
JAVA=${JDKS[0]}/bin/java
JVM=(-cp "$SIMPLE" example.Counter --period 200 --until 100000)

# only_findings: every line is a finding, nothing on stderr
only_findings() {
    is "$err$(grep -vE '^(ok      |limited |no      ) [A-Za-z -]+: .+$' <<<"$out")" "" \
        "check, $1: every line on stdout is a finding"
    is "$(grep -E '^(limited|no) ' <<<"$out" |
        grep -vE '; .+|\([^()]+(\([^()]*\)[^()]*)*\)$|^no +(process|agent library): ')" \
        "" "check, $1: each finding that is not ok says what to do"
}

# --- this machine
run "$CKPT" check
is "$status" 0 "check: this machine can checkpoint and restore" || diag "$out"
only_findings "this machine"
for what in processor kernel "page size" "page tables" mappings vDSO threads clocks "agent library"; do
    like "$out" "(^|"$'\n'")(ok|limited) +$what: " "check: there is a finding on $what"
done
run "$CKPT" check --json
is "$status$err" 0 "check --json ends with 0 and an empty stderr"
ok "check --json: the output is JSON" python3 -m json.tool <<<"$out"
is "$(python3 -c 'import json, sys
d = json.load(sys.stdin)
print(d["possible"], d["engine"], all(f["verdict"] in ("ok", "limited", "no") and f["what"] and
                                      f["detail"] for f in d["findings"]))' <<<"$out")" \
    "True builtin True" "check --json: verdict, engine and all findings are there"
run "$CKPT" check --engine=builtin
is "$status$err" 0 "check --engine=builtin: this machine can checkpoint and restore"
unlike "$out" "criu:" "check --engine=builtin: no other engine is checked"
run "$CKPT" check --engine=criu --criu=/bin/true
is "$status$err" 1 "check --engine=criu: a program that is no criu counts for the exit status"
like "$out" "^no +program: '/bin/true' " "check --engine=criu: the program is named as the user named it"
unlike "$out" "page tables" "check --engine=criu: the built-in engine is not checked"
run "$CKPT" check --engine=other
is "$status" 2 "check --engine: a name that is no engine's is a wrong argument"
run as_user "$CKPT" check
is "$status" 0 "check: an ordinary user can checkpoint and restore"
only_findings "an ordinary user"

# --- a machine that refuses
run as_user "$SECCOMP_RUN" -- "$CKPT" check
is "$status" 0 "check: an ordinary user can checkpoint under the filter of container runtimes"
only_findings "under a system call filter"
contains "$out" "system call filter: on; clone3 is refused, unshare is refused" \
    "check: the system call filter is reported with the calls it refuses"
like "$out" 'limited +clocks: no time namespace' "check: without a time namespace the clocks are limited"

# without VERDICT FINDING CALL: the finding has this verdict when that system call is refused
without() {
    run "$SECCOMP_RUN" --bare --deny "$3" -- "$CKPT" check
    like "$out" "(^|"$'\n'")$1 +$2: " "check without $3: the verdict on $2 is $1"
    is "$status" "$([ "$1" = no ] && echo 1 || echo 0)" \
        "check without $3: the exit status follows the verdict"
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
is "$status" 1 "check: a command without the agent's library ends with 1"
like "$out" 'no +agent library: ' "check: the missing agent's library is a finding"

# --- a process
run "$CKPT" check $$
is "$status" 1 "check: a shell is refused"
like "$out" "no +process: process $$ is not a JVM" "check: a shell is reported as no JVM"
start_jvm counter - "${JVM[@]}"
wait_line "$log" 1
run "$CKPT" check "$pid"
is "$status" 0 "check: a JVM with the agent can be frozen" || diag "$out"
contains "$out" "agent: loaded" "check: the agent of a JVM is reported as loaded"
like "$out" "JVM: Java [0-9._]+ \(.+\) in '/" "check: the Java version of a JVM is reported"
contains "$out" "pre-check: nothing prevents a checkpoint now" "check: its agent has looked from inside"
only_findings "a JVM with the agent"
run "$CKPT" check --outside "$pid"
contains "$out" "child processes: none" "check --outside: a JVM without child processes is reported as such"
unlike "$out" "pre-check" "check --outside: the agent is not asked"
run as_user "$CKPT" check "$pid"
if [ "$(id -u)" -eq 0 ]; then
    is "$status" 1 "check: another user's JVM is refused"
    like "$out" "no +process: process $pid is not yours" "check: another user's JVM is reported as not yours"
fi
kill -STOP "$pid"
run "$CKPT" check "$pid"
like "$status$out" "^1.*no +state: the JVM is stopped" "check: a stopped JVM is refused"
run "$CKPT" checkpoint "$pid" "$TMP/image"
is "$status$out$err" "1checkpointer: JVM $pid is stopped; let it continue first: 'kill -CONT $pid'" \
    "checkpoint: a stopped JVM is refused at once"
kill -CONT "$pid"
# The one that runs main(), for others may end meanwhile.
thread=$(grep -l '^java$' "/proc/$pid/task"/*/comm | grep -v "/$pid/comm" | head -n 1)
thread=${thread%/comm} thread=${thread##*/}
run "$CKPT" checkpoint "$thread" "$TMP/image"
is "$status$out$err" "1checkpointer: $thread is a thread of process $pid; name that" \
    "checkpoint: the TID of a thread is refused"
stop "$pid"

start plain "$JAVA" "${JVM[@]}"
wait_line "$log" 1
run "$CKPT" check --outside --json "$pid"
is "$status$err" 0 "check --outside: a JVM without the agent can be frozen"
contains "$out" "not loaded yet; 'checkpointer checkpoint' will load it" \
    "check --outside: a JVM without the agent: the checkpoint will load it"
not_ok "check --outside: the agent is not loaded" grep -q libcheckpointer "/proc/$pid/maps"
run "$CKPT" check "$pid"
is "$status" 0 "check: a JVM without the agent can be frozen" || diag "$out"
is "$err" "checkpointer: loading the agent into JVM $pid, for the pre-check (--outside: do not)" \
    "check: it says that it loads the agent"
contains "$out" "pre-check: nothing prevents a checkpoint now" "check: the agent has looked from inside"
err=
only_findings "a JVM without the agent"
stop "$pid"
start closed "$JAVA" -XX:+DisableAttachMechanism "${JVM[@]}"
wait_line "$log" 1
run "$CKPT" check "$pid"
like "$status$out" "^1.*no +agent: not loaded, and -XX:\+DisableAttachMechanism" \
    "check: a JVM with -XX:+DisableAttachMechanism and no agent is refused"
stop "$pid"
start deaf "$JAVA" -Xrs "${JVM[@]}"
wait_line "$log" 1
run "$CKPT" check "$pid"
is "$status" 0 "check: a JVM with -Xrs, which listens from its start, can be frozen" || diag "$out"
stop "$pid"
rm -f "/tmp/.java_pid$pid" # a JVM with -Xrs listens there from its start, and leaves the socket behind

done_testing
