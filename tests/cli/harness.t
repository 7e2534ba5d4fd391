#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The tests' own tools: what the other tests rely on in tap.sh, jdk.sh, waitfor, firstbyte and
# seccomp-run. Freezes no JVM; a tool that reports success too early would make every other test worthless.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

FIRSTBYTE=$BUILD/tests/firstbyte

# --- results
# Tests that fail on purpose run in a separate shell.
inner() {
    env CKPT_MUST_WORK="${must:-}" bash -c '. "$1/tests/lib/tap.sh"; eval "$2"; done_testing' \
        inner "$TOP" "$1"
}
run inner 'is 1 1 same; like abc b has; ok true true'
is "$status" 0 "tap.sh: a test that passes ends with 0"
contains "$out" "1..3" "tap.sh: a test prints its plan"
run inner 'is 1 2 differs'
isnt "$status" 0 "tap.sh: a test that fails does not end with 0"
contains "$out" "not ok 1 - differs" "tap.sh: a check that fails is named"
contains "$err" "want: 2" "tap.sh: a check that fails prints the expected value"
run inner ''
isnt "$status" 0 "tap.sh: a test without checks fails"
must='' run inner 'skip it "no reason"'
contains "$out" "ok 1 - it # SKIP no reason" "tap.sh: a skipped check prints its reason"
must=1 run inner 'skip it "no reason"'
isnt "$status" 0 "tap.sh: with CKPT_MUST_WORK=1 a skipped check fails"
must=1 run inner 'skip_all "no reason"'
isnt "$status" 0 "tap.sh: with CKPT_MUST_WORK=1 a skip of the whole test fails"
run inner 'f() { return 1; }; pass it; f'
isnt "$status" 0 "tap.sh: a function that fails outside of a check fails the test"
contains "$err" "a step succeeds: " "tap.sh: a failed step is reported"
run inner 'f() { return 1; }; pass it; f || true; if f; then pass never; fi'
is "$status" 0 "tap.sh: a function whose status is used may fail"
run inner 'start left tail -f /dev/null; echo "# $pid $TMP"; pass it'
left=$(sed -n 's/^# //p' <<<"$out")
not_ok "tap.sh: a process that a test left running is killed" kill -0 "${left% *}"
not_ok "tap.sh: a test's temporary folder is removed" test -e "${left#* }"

PATH=/usr/bin:/bin run inner 'ok "ldconfig is found" ldconfig -p'
is "$status" 0 "tap.sh: ldconfig is found with an ordinary user's PATH"

# --- JDKs
wrong=
for JAVA_HOME in "${JDKS[@]}"; do
    for name in "${!jdk_since[@]}"; do
        release=$(jdk_version)
        [ "$(jdk_has "$name" && echo yes)" = "$(jdk_release "${jdk_since[$name]}" && echo yes)" ] ||
            wrong+="$name in $JAVA_HOME "
    done
done
is "$wrong" "" "jdk_has: what is found in a JDK agrees with its release"
run inner 'JAVA_HOME=${JDKS[0]} jdk_has nothing'
contains "$out" "Bail out!" "jdk_has: a name that is not in the table ends the test"
JAVA_HOME=${JDKS[0]}
fact lacking 999 "JEP 0" jdk_class no.such.Class
run needs_jdk lacking "a check"
is "$status$out" "1ok $((tap_count + 1)) - a check # SKIP no lacking before JDK 999 (JEP 0)" \
    "needs_jdk: a check is skipped with a reason"

# --- run, start and stop
run sh -c 'echo out; echo err >&2; exit 3'
is "$out/$err/$status" "out/err/3" "run: sets the command's stdout, stderr and exit status"
RUN_SECONDS=0.2 run tail -f /dev/null 2>/dev/null
is "$status" 137 "run: a command that takes too long is killed"
start patient sh -c 'grep SigIgn /proc/self/status; exec tail -f /dev/null'
ok "start: the output of a process is in its log" wait_line "$log" SigIgn
ignored=0x$(sed -n 's/^SigIgn:[[:space:]]*//p' "$log")
is $((ignored & 6)) 0 "start: a process does not ignore SIGINT and SIGQUIT"
stop "$pid"
is "$status" 143 "stop: a process is ended by SIGTERM"
if unshare --pid --fork true 2>/dev/null; then
    start container unshare --pid --fork --kill-child bash -c 'echo ready; read -r line <> <(:)'
    wait_line "$log" ready
    stop "$pid" 2>"$TMP/reported"
    is "$status$(<"$TMP/reported")" 137 "stop: unshare, which blocks SIGTERM, is killed at once"
else
    cannot "stop: unshare, which blocks SIGTERM, is killed at once" "namespaces are not allowed here"
fi

# --- waitfor
start writer sh -c 'for i in 1 2 3; do echo "line $i"; done'
ok "waitfor line: the third line is found" wait_line "$log" line --count 3
not_ok "waitfor line: fails for a missing line when its writer has ended" \
    "$WAITFOR" line "$log" line --count 4 --pid "$pid"
printf '13\n/tmp/3\n' >"$TMP/numbers"
run "$WAITFOR" --timeout 0.1 line "$TMP/numbers" 3
is "$status" 1 "waitfor line: a number is not a part of another one, nor of a path"
printf '3\n' >>"$TMP/numbers"
ok "waitfor line: a number is a whole line" "$WAITFOR" line "$TMP/numbers" 3
ok "waitfor line: an empty text is in every line" "$WAITFOR" line "$TMP/numbers" "" --count 3
ok "waitfor number: lines that are numbers are counted" "$WAITFOR" number "$TMP/numbers" --count 2
run "$WAITFOR" --timeout 0.1 number "$TMP/numbers" --count 2 --from 3
is "$status" 1 "waitfor number: those before the offset do not count"
run "$WAITFOR" --timeout 0.1 path "$TMP/never"
is "$status" 1 "waitfor path: fails at its deadline"
run "$WAITFOR" exit 2147483647
is "$status" 0 "waitfor exit: a process that does not exist has ended"

# --- firstbyte
run "$FIRSTBYTE" --line second -- sh -c 'echo first; echo second; exec tail -f /dev/null'
like "$out" '^[0-9]+ [0-9]+$' "firstbyte --line: prints the time until the line"
not_ok "firstbyte --line: ends the command" kill -0 "${out#* }"
run "$FIRSTBYTE" --line second -- sh -c 'echo first'
is "$status" 1 "firstbyte --line: fails when the command ends before the line"
run "$FIRSTBYTE" --line second --timeout 0.2 -- tail -f /dev/null
is "$status" 3 "firstbyte --line: fails at its deadline"
port=$(free_port)
run "$FIRSTBYTE" --http "$port" / --leave --log "$TMP/http.log" --timeout 20 -- \
    python3 -m http.server --bind 127.0.0.1 --directory "$TMP" "$port"
like "$out" '^[0-9]+ [0-9]+$' "firstbyte --http: prints the time until the answer"
server=${out#* }
run "$FIRSTBYTE" --tcp "$port" 'HEAD / HTTP/1.0\x0d\x0a\x0d\x0a' -- tail -f /dev/null
like "$out" '^[0-9]+ [0-9]+$' "firstbyte --tcp: prints the time until the answer to bytes"
run "$FIRSTBYTE" --tcp "$port" 'HEAD / HTTP' --timeout 0.2 -- tail -f /dev/null
is "$status" 3 "firstbyte --tcp: fails at its deadline while the server waits for more"
ok "firstbyte --leave: leaves the command running" kill -TERM "$server"
ok "firstbyte --leave: the command ends by SIGTERM" "$WAITFOR" --timeout 10 exit "$server"

# --- seccomp-run and the ordinary user
run "$SECCOMP_RUN" --self-check
is "$status" 0 "seccomp-run: the check of its filter passes" || diag "$out"
run "$SECCOMP_RUN" --bare --deny unshare=ENOSYS -- unshare -m true
contains "$err" "not implemented" "seccomp-run --bare --deny: one call is refused"
run "$SECCOMP_RUN" --deny nonsense -- true
is "$status" 2 "seccomp-run --deny: the name of an unknown call is an error"
run as_user grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs)' /proc/self/status
like "$out" 'CapEff:.0000000000000000' "as_user: the process has no capability"
if [ "$(id -u)" -eq 0 ]; then
    like "$out" 'Uid:.12345' "as_user: the process is not root's"
    like "$out" 'NoNewPrivs:.1' "as_user: the process cannot gain privileges"
else
    isnt "$(id -u)" 0 "as_user: the tests do not run as root"
fi
start user as_user sh -c 'id -u >"$HOME/id"; echo "pid $$"; exec tail -f /dev/null'
wait_line "$log" pid && is "$(<"$log")" "pid $pid" "start as_user: pid is the PID of the command"
stop "$pid"
ok "as_user: the process can write to its folder" test -s "$USER_DIR/id"
ok "as_user: the process can run the checkpointer command" as_user test -x "$CKPT"
run inner 'install -D -m 700 /dev/null "$TMP/closed/file"; chmod 700 "$TMP/closed"
    file=$(for_user "$TMP/closed/file"); ok "the file can be read" as_user test -r "$file"'
is "$status" 0 "for_user: the user can read the file, even if nothing has run as that user before" ||
    diag "$err"

done_testing
