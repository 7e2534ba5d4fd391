#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# docs/support.md is what the tables of the sources say, and its links lead somewhere.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
need python3

is "$(diff "$TOP/docs/support.md" <("$TOP/build/tests/support-table"))" "" \
    "docs/support.md is that of these sources (else run tools/support)"
is "$(
    python3 - "$TOP/docs" <<'PYTHON'
import os, re, sys

folder = sys.argv[1]
for target in re.findall(r"\]\(([^)]+)\)", open(os.path.join(folder, "support.md")).read()):
    page, _, anchor = target.partition("#")
    text = open(os.path.join(folder, page)).read()
    names = [re.sub(r"[^a-z0-9 _-]", "", line.lstrip("# ").lower()).replace(" ", "-")
             for line in text.split("\n") if line.startswith("#")]
    if anchor and anchor not in names:
        print(target)
PYTHON
)" "" "each link of docs/support.md leads to a section"
done_testing
