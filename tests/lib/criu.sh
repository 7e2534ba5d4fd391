# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# For tests with a real criu, after tap.sh: `criu_ready` sets CRIU to its path, or skips the test
# and says why. What could be installed is no reason where CKPT_MUST_WORK=1.

criu_ready() {
    local output
    output=$("$TOP/tools/criu" 2>&1) || skip_all "no criu: ${output##*$'\n'}"
    CRIU=${output##*$'\n'}
    # This kernel or this container may forbid what every criu needs.
    output=$("$CRIU" check 2>&1) || cannot_all "criu cannot work here: $(grep -m1 Error <<<"$output")"
}
