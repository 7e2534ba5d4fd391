# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# For tests in which a real criu dumps and restores JVMs, in place of tap.sh and jvm.sh: the test runs in
# PID and mount namespaces of its own (own-pids.sh), and is skipped where no criu works. CRIU is its path.
#
#     . "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"

. "$(dirname "${BASH_SOURCE[0]}")/own-pids.sh"
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/criu.sh"
criu_ready
