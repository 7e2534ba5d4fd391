#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# tools/criu, which finds or fetches a criu for the tests, and the helpers that use it.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/own-pids.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu.sh"

criu_ready
like "$("$CRIU" --version)" '^Version: ' "tools/criu prints the path of a criu that starts"
is "$("$TOP/tools/criu" 2>&1)" "$CRIU" "a second call prints the same path and nothing else"

# A criu in PATH is used if its version suits the kernel.
fake_criu() { # VERSION
    mkdir -p "$TMP/bin"
    printf '#!/bin/sh\necho "Version: %s"\n' "$1" >"$TMP/bin/criu"
    chmod 755 "$TMP/bin/criu"
}
fake_criu 99.0
is "$(PATH=$TMP/bin:$PATH "$TOP/tools/criu")" "$TMP/bin/criu" \
    "a criu in PATH that suits the kernel is taken"
is "$(PATH=$TMP/bin:$PATH "$TOP/tools/criu" --fetched 2>"$TMP/err")" \
    "${XDG_CACHE_HOME:-$HOME/.cache}/checkpointer/criu/criu" "--fetched takes Debian's nevertheless"
fake_criu 3.14
isnt "$(PATH=$TMP/bin:$PATH "$TOP/tools/criu" 2>&1)" "$TMP/bin/criu" \
    "a criu in PATH that is too old is not taken"

# Two calls at once, into an empty cache: one of them fetches.
if [ "${CKPT_SLOW:-}" = 1 ]; then
    XDG_CACHE_HOME=$TMP/cache "$TOP/tools/criu" --fetched >"$TMP/first" 2>&1 &
    second=$(XDG_CACHE_HOME=$TMP/cache "$TOP/tools/criu" --fetched 2>/dev/null)
    wait $!
    is "$(tail -n 1 "$TMP/first")" "$second" "two calls at once fetch criu into one folder"
    ok "the fetched criu starts" "$second" --version
fi

is "$$" 1 "own-pids.sh runs a test in a PID namespace of its own"
is "$(find /tmp -maxdepth 1 -name 'checkpointer-pids.*')" "" "own-pids.sh gives a test a /tmp of its own"

# A dump and a restore under the same PID, by hand.
start sleeper setsid bash -c 'echo started; exec tail -f /dev/null'
sleeper=$pid
wait_line "$log" started
mkdir "$TMP/images"
run "$CRIU" dump --tree "$sleeper" --images-dir "$TMP/images" --network-lock skip
is "$status" 0 "criu dumps a process: $err"
wait_exit "$sleeper"
run "$CRIU" restore --images-dir "$TMP/images" --restore-detached
is "$status" 0 "criu restores it under its PID in the PID namespace of the test: $err"
ok "the restored process runs" kill "$sleeper"
done_testing
