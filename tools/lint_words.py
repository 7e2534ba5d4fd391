# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Part of tools/lint: words that make a sentence a riddle, and what to write instead. Looked for in
# comments, messages, names of tests and documents.

import re

WORDS = {
    r"nobody|no-one": "no one, or name the process or the user",
    r"somebody|whoever": "the process that ..., the caller",
    r"everybody|everyone": "all threads, all users",
    r"anew": "again",
    r"beside": "next to, besides",
    r"by chance": "random",
    r"among the parked": "while parked",
    r"dear": "slow, expensive",
    r"(?:goes|go|went|gone) on (?!a\b|the\b|disk|to\b)": "continues",
    r"(?:comes?|came|coming) back": "returns, is restored",
    r"stands? against": "prevents",
    r"twin": "a copy of the same open file",
}
# The user of that name, and file names in tests.
EXCEPT = re.compile(r"`nobody`|'nobody'|\"nobody\"|user nobody|nobody:nogroup|setpriv|runuser|\bsu\b|chown"
                    r"|id -u")
PATTERN = re.compile(r"\b(?:" + "|".join(f"({pattern})" for pattern in WORDS) + r")\b", re.IGNORECASE)
NOT_CHECKED = {"CHANGELOG.md", "tools/lint_words.py"}


def check(sources, finding):
    hints = list(WORDS.values())
    for source in sources:
        if source.path in NOT_CHECKED:
            continue
        for number, line in enumerate(source.lines, 1):
            match = None if EXCEPT.search(line) else PATTERN.search(line)
            if match:
                hint = hints[next(i for i, group in enumerate(match.groups()) if group)]
                finding(source.path, number, f"'{match.group().strip()}', write: {hint}")
