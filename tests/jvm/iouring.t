#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# io_uring, as Netty 4.2 uses it, is refused in one line, however many rings there are; the JVM continues.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile

# Makes rings as descriptors 20 and 21, and becomes the command of its arguments.
cat >"$TMP/rings" <<'PYTHON'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in (20, 21):
    fd = libc.syscall(425, 8, ctypes.create_string_buffer(120))  # io_uring_setup
    if fd < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")
    os.dup2(fd, number, inheritable=True)
    os.close(fd)
if len(sys.argv) > 1:
    os.execv(sys.argv[1], sys.argv[1:])
PYTHON
python3 "$TMP/rings" 2>/dev/null || cannot_all "io_uring is not allowed here"

body() {
    start "rings-$V" python3 "$TMP/rings" "$JAVA" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint "$pid" "$DIR/image"
    is "$status" 1 "$V: a JVM with io_uring is refused"
    is "$(grep -c "io_uring" <<<"$err")" 1 "$V: two rings are one line" || diag "$err"
    like "$err" "uses io_uring.*use epoll or NIO.*-Dio.netty.transport.noNative=true" \
        "$V: the refusal names the remedy"
    wait_more "$log" 3
    pass "$V: the JVM continues after the refusal"
    not_ok "$V: no image is left" test -e "$DIR/image"
    printf '%s\n' "type: filedescriptor" "regex: anon_inode:\\[io_uring\\]" "action: close" >"$DIR/rule"
    run "$CKPT" checkpoint --policies="$DIR/rule" "$pid" "$DIR/image"
    is "$status" 0 "$V: rings that are not mapped are closed by a rule for their text" || diag "$err"
    wait_exit "$pid"
    in_sequence "$log" "$V: it counts without a gap"
}
each_jdk body
done_testing
