#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Every message of the sources has its entry in docs/troubleshooting.md. A message is known by the
# words it begins with, up to its first placeholder or its hint ("; ..."); where these are few, by
# the longest words between two placeholders. Messages of words too short to tell are passed over.
# Starts no JVM.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
need python3

# messages FILE...: prints FILE, a tab, and what the message is known by, for each one of them.
messages() {
    (cd "$TOP" && python3 - "$@") <<'PYTHON'
import re
import sys

# Which argument of a call is the text; a format everywhere but in Java.
CALLS = {"ckpt_error_set": 2, "ckpt_report_add": 2, "ckpt_agent_log": 1, "ckpt_cli_usage": 1,
         "find": 3, "damaged": 1, "turn_away": 1, "say": 1, "strdup": 0, "fail": 0,
         "CheckpointException": 0, "IllegalStateException": 0, "UnsupportedOperationException": 0,
         "describe": 0}
ENOUGH = 12
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*|\'(?:\\.|[^\'\\])*\'|[A-Za-z_]\w*|\s+|.', re.S)


def tokens(text):
    return [token for token in TOKEN.findall(text)
            if not token.isspace() and not token.startswith(("/*", "//"))]


def arguments(words, at):
    """The arguments of the call whose opening bracket is words[at], as lists of tokens."""
    depth, found = 0, [[]]
    for word in words[at:]:
        if word in ("(", "[", "{"):
            depth += 1
            if depth == 1:
                continue
        elif word in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return found
        if word == "," and depth == 1:
            found.append([])
        else:
            found[-1].append(word)
    return found


def joined(argument, macros):
    """Adjacent literals as one; "" if there is anything else but a macro that is a literal."""
    parts = [word if word[0] == '"' else macros.get(word, "") for word in argument]
    if not argument or "" in parts:
        return ""
    return re.sub(r'\\(.)', lambda match: " " if match[1] in "nrt" else match[1],
                  "".join(part[1:-1] for part in parts))


def known_by(text):
    text = re.sub(r"^text (.*) failed $", r"\1", text)  # the control socket's words around it
    pieces = [re.sub(r"^; ", "", piece).split("; ")[0]
              for piece in re.split(r"%[-0-9.]*[lz]*[a-zA-Z]", text)]
    best = pieces[0] if len(pieces[0]) > ENOUGH else max(pieces, key=len)
    return " ".join(best.split())


texts = {path: open(path, encoding="utf-8").read() for path in sys.argv[1:]}
macros = {}
for text in texts.values():
    macros.update(re.findall(r'#define\s+(\w+)(?:\s|\\\n)+("(?:\\.|[^"\\])*")', text))
for path, text in texts.items():
    words = tokens(text)
    for at, word in enumerate(words[:-1]):
        if word not in CALLS or words[at + 1] != "(" or words[at - 1] in (".", "class", "public"):
            if not (word == "describe" and words[at - 2:at] == ["Failures", "."]):
                continue
        found = arguments(words, at + 1)
        if len(found) <= CALLS[word] or found[1:2] == [["CKPT_YES"]]:
            continue  # the latter: `check` says that all is well
        key = known_by(joined(found[CALLS[word]], macros))
        if len(key) > ENOUGH:
            print(path, key, sep="\t")
    # Texts that a table holds.
    for refusal in re.findall(r'\{"\w\w",\s*0,\s*((?:"[^"]*"\s*)+)\}', text):
        print(path, known_by(joined(tokens(refusal), {})), sep="\t")
PYTHON
}

mapfile -t sources < <(cd "$TOP" && find src -name '*.[ch]' -o -name '*.java' | sort)
found=$(messages "${sources[@]}") || bail_out "the sources cannot be read"
document=$(tr -s '[:space:]' ' ' <"$TOP/docs/troubleshooting.md")

declare -A missing=() count=()
total=0
while IFS=$'\t' read -r path key; do
    total=$((total + 1))
    count[$path]=$((${count[$path]:-0} + 1))
    [[ $document == *"$key"* ]] || missing[$path]+="$key"$'\n'
done <<<"$found"

# Were the sources understood? One of each way to say something.
for known in "cannot finish the image" "descriptor N is a TCP connection" "this is no image of" \
    "checkpointRestore() was called" "a table is missing" "memory of a device" "no image directory is set"; do
    key=${known/ N / }
    grep -qF "${key%% is a TCP*}" <<<"$found" || fail "found in the sources: $known"
done
ok "the sources have messages" test "$total" -gt 150
for path in "${sources[@]}"; do
    [ -n "${count[$path]:-}" ] || continue
    is "${missing[$path]:-}" "" "$path: all of its ${count[$path]} messages are in docs/troubleshooting.md"
done
done_testing
