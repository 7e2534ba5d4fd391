#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The tests' own tools: what tap.sh, waitfor, firstbyte and seccomp-run promise to the other tests.
# Starts no JVM; a tool that reports success too early would make every other test worthless.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

FIRSTBYTE=$BUILD/helpers/firstbyte

# --- results
# A failing test is made to fail on purpose in a shell of its own.
inner() {
    env CKPT_MUST_WORK="${must:-}" bash -c '. "$1/tests/lib/tap.sh"; eval "$2"; done_testing' \
        inner "$TOP" "$1"
}
run inner 'is 1 1 same; like abc b has; ok true true'
is "$status" 0 "a test that passes ends with 0"
contains "$out" "1..3" "and has its plan"
run inner 'is 1 2 differs'
isnt "$status" 0 "a test that fails does not end with 0"
contains "$out" "not ok 1 - differs" "and says which"
contains "$err" "want: 2" "and what was wanted"
run inner ''
isnt "$status" 0 "a test that checks nothing fails"
must='' run inner 'skip it "no reason"'
contains "$out" "ok 1 - it # SKIP no reason" "a skip has its reason"
must=1 run inner 'skip it "no reason"'
isnt "$status" 0 "with CKPT_MUST_WORK a skip fails"
must=1 run inner 'skip_all "no reason"'
isnt "$status" 0 "and a skip of all too"
run inner 'f() { return 1; }; pass it; f'
isnt "$status" 0 "a step fails that is a function"
contains "$err" "a step succeeds: " "and is named"
run inner 'f() { return 1; }; pass it; f || true; if f; then pass never; fi'
is "$status" 0 "but not where its status is looked at"
run inner 'start left tail -f /dev/null; echo "# $pid $TMP"; pass it'
left=$(sed -n 's/^# //p' <<<"$out")
not_ok "what a test left running is killed" kill -0 "${left% *}"
not_ok "and its folder is removed" test -e "${left#* }"

PATH=/usr/bin:/bin run inner 'ok "ldconfig is found" ldconfig -p'
is "$status" 0 "ldconfig is found with an ordinary user's PATH"

# --- run, start and stop
run sh -c 'echo out; echo err >&2; exit 3'
is "$out/$err/$status" "out/err/3" "run takes output, errors and status"
RUN_SECONDS=0.2 run tail -f /dev/null 2>/dev/null
is "$status" 137 "run kills what takes too long"
start patient sh -c 'grep SigIgn /proc/self/status; exec tail -f /dev/null'
ok "a started process says something" wait_line "$log" SigIgn
ignored=0x$(sed -n 's/^SigIgn:[[:space:]]*//p' "$log")
is $((ignored & 6)) 0 "it does not ignore SIGINT and SIGQUIT"
stop "$pid"
is "$status" 143 "stop ends it with SIGTERM"

# --- waitfor
start writer sh -c 'for i in 1 2 3; do echo "line $i"; done'
ok "waitfor sees the third line" wait_line "$log" line 10 --count 3
not_ok "and no fourth, whose writer has ended" "$WAITFOR" line "$log" line --count 4 --pid "$pid"
run "$WAITFOR" --timeout 0.1 path "$TMP/never"
is "$status" 1 "waitfor has a deadline"
run "$WAITFOR" exit 2147483647
is "$status" 0 "a process that does not exist has ended"

# --- firstbyte
run "$FIRSTBYTE" --line second -- sh -c 'echo first; echo second; exec tail -f /dev/null'
like "$out" '^[0-9]+ [0-9]+$' "firstbyte measures to a line"
not_ok "and ends the command" kill -0 "${out#* }"
run "$FIRSTBYTE" --line second -- sh -c 'echo first'
is "$status" 1 "firstbyte tells when the command ends before"
run "$FIRSTBYTE" --line second --timeout 0.2 -- tail -f /dev/null
is "$status" 3 "firstbyte has a deadline"
port=$(free_port)
run "$FIRSTBYTE" --http "$port" / --leave --log "$TMP/http.log" --timeout 20 -- \
    python3 -m http.server --bind 127.0.0.1 --directory "$TMP" "$port"
like "$out" '^[0-9]+ [0-9]+$' "firstbyte measures to an answer"
ok "and leaves the command running" kill -TERM "${out#* }"
ok "until it is stopped" "$WAITFOR" --timeout 10 exit "${out#* }"

# --- seccomp-run and the ordinary user
run "$SECCOMP_RUN" --self-check
is "$status" 0 "the filter refuses what it should" || diag "$out"
run "$SECCOMP_RUN" --bare --deny unshare=ENOSYS -- unshare -m true
contains "$err" "not implemented" "--deny takes one call away"
run "$SECCOMP_RUN" --deny nonsense -- true
is "$status" 2 "an unknown call is not taken"
run as_user grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs)' /proc/self/status
like "$out" 'CapEff:.0000000000000000' "as_user has no capability"
if [ "$(id -u)" -eq 0 ]; then
    like "$out" 'Uid:.12345' "as_user is not root"
    like "$out" 'NoNewPrivs:.1' "as_user can gain nothing"
else
    isnt "$(id -u)" 0 "the tests do not run as root"
fi
start user as_user sh -c 'id -u >"$HOME/id"; echo "pid $$"; exec tail -f /dev/null'
wait_line "$log" pid && is "$(<"$log")" "pid $pid" "the PID of a user's process is its own"
stop "$pid"
ok "it can write to its folder" test -s "$USER_DIR/id"
ok "it can run the command" as_user test -x "$CKPT"
run inner 'install -D -m 700 /dev/null "$TMP/closed/file"; chmod 700 "$TMP/closed"
    file=$(for_user "$TMP/closed/file"); ok "it can read the file" as_user test -r "$file"'
is "$status" 0 "for_user gives it a file that it can read, also before anything ran as that user" ||
    diag "$err"

done_testing
