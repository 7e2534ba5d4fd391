#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# docs/troubleshooting.md against the sources, wherever below src/ they are. The page has two parts:
# symptoms, each with its causes and remedies, and an index of messages.
#
# A message that ends with a hint, such as "; raise 'ulimit -n'", has no entry in the index; every
# other one has. Every entry, and every message that is quoted at a symptom, is in the sources. Starts
# no JVM.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
need python3

# problems: prints KIND, a tab, and what is wrong, for everything that is wrong; and counts.
problems() {
    (cd "$TOP" && python3 - docs/troubleshooting.md) <<'PYTHON'
import pathlib
import re
import sys

# The functions that report a message. Which of their arguments is its text is seen by its words.
REPORTERS = ("ckpt_error_set ckpt_report_add ckpt_report_refuse ckpt_restore_warn ckpt_log ckpt_log_lines "
             "ckpt_cli_usage add_finding refuse_connection reply answer_error report warn describe "
             "CheckpointException IllegalStateException UnpackException").split()
# They add a hint themselves: "; see 'checkpointer COMMAND --help'".
HINTED = ["ckpt_cli_usage"]
# What a hint tells the user to do. A new verb belongs here.
VERBS = ("add allow ask be call change choose chmod close continue create delete detach disable do empty "
         "enable end exclude free freeze give grant increase install leave let load lower make mount "
         "move name open pass put raise reduce release remove repair report reset restart restore run see "
         "set start stop take try unload unmap unset update upgrade use wait watch write").split()
LETTERS = 10  # a text with fewer of them is no message
GAP = "\0"  # what differs from one message to the next

TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*|\'(?:\\.|[^\'\\])*\'|[A-Za-z_]\w*|\s+|.', re.S)
LITERAL = r'"(?:\\.|[^"\\])*"'
DEFINE = re.compile(r'#define\s+(\w+)((?:(?:[ \t]|\\\n)+(?:' + LITERAL + r'|CKPT_\w+))+)')
FORMAT = re.compile(r"%[-+ #0-9.*]*[hlzjt]*[a-zA-Z]")


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
                break
        if word == "," and depth == 1:
            found.append([])
        else:
            found[-1].append(word)
    return found


def unquote(literal):
    plain = re.sub(r"\\(.)", lambda match: " " if match[1] in "nrt" else match[1], literal[1:-1])
    return FORMAT.sub(GAP, plain)


def parts(argument):
    """Its literals, adjacent ones joined, and a gap for each thing between them."""
    found, depth = [], 0
    for word in argument:
        depth += (word in ("(", "[")) - (word in (")", "]"))
        if word == "+":
            continue  # Java
        text = unquote(word) if word[0] == '"' else macros.get(word)
        if depth or text is None:
            text = GAP
        if found and (found[-1] == GAP) == (text == GAP):
            found[-1] = GAP if text == GAP else found[-1] + text
        else:
            found.append(text)
    return found


def texts(argument):
    """What an argument can be: two texts for a choice."""
    depth = 0
    for word in argument:
        depth += (word in ("(", "[")) - (word in (")", "]"))
        if word == "?" and not depth:
            return [part for part in parts(argument) if part != GAP]
    return ["".join(parts(argument))]


def tidy(text):
    text = " ".join(text.split())
    return re.sub(r"^text (.*?)( failed)?$", r"\1", text)  # the control socket's words around it


def is_text(text):
    return len(re.findall("[A-Za-z]", text)) >= LETTERS


def is_hint(text):
    """Whether a clause begins with a verb, names what is needed or where to look, or it is a question."""
    clauses = re.split(r"[,;:] | (?:or|and|then) ", text.lstrip(GAP + " "))
    verbs = (r"(?:(?:if|on|in|for|with|where|elsewhere|otherwise|first|also|please|so) (?:.* )?)?(?:"
             + "|".join(VERBS) + r")\b")
    others = r"|.*\b(?:must|needs?)\b|there are |'[^']+' (?:lists|shows|tells)\b"
    return text.endswith("?") or any(re.match(verbs + others, clause) for clause in clauses)


def has_hint(text):
    """After the last semicolon, or in brackets at the end; "expected ..." says what to write."""
    brackets = re.search(r"\(((?:[^()]|\([^()]*\))*)\)$", text)
    return ("expected " in text or ("; " in text and is_hint(text.rsplit("; ", 1)[1]))
            or bool(brackets and is_hint(brackets[1])))


def calls(words, names):
    """(name, arguments) of each call, but not of definitions and of methods with the same name."""
    others = ("class", "public", "void", "bool")
    for at, word in enumerate(words[:-1]):
        if word in names and words[at + 1] == "(" and words[at - 1] not in others:
            found = arguments(words, at + 1)
            if word == "ckpt_report_refuse":  # (report, type, remedy, format, ...)
                found[2:4] = [found[3] + ['"; "'] + found[2]]
            if words[at - 1] != "." or word in ("describe", "report"):
                yield word, found


def in_words(argument):
    """Whether an argument has words of its own: a literal with a blank."""
    return any(" " in part.strip() for part in parts(argument))


def reported(words):
    for name, found in calls(words, REPORTERS):
        worded = [index for index, argument in enumerate(found) if in_words(argument)]
        if name == "add_finding":  # (..., VERDICT, what it is about, format, ...)
            worded = [index for index in worded if index > 2]
        if not worded or ["CKPT_YES"] in found:  # the latter: `check` says that all is well
            continue
        about = "".join(parts(found[worded[0] - 1])) + ": " if name == "add_finding" else ""
        for text in texts(found[worded[0]]):
            if is_text(text):
                yield name, tidy(about + text)


def wrapped(text, words):
    """Messages of a file's own function that puts its last parameter at the end of a message."""
    for head in re.finditer(r"^static [\w ]+?\*?(\w+)\(([^;{]*?)\)\n\{\n(.*?)^\}", text, re.S | re.M):
        parameter = re.search(r"char \*(\w+)$", head[2])
        formats = [argument for _, found in calls(tokens(head[3]), REPORTERS)
                   if parameter and [parameter[1]] in found or parameter and parameter[1] in found[-1]
                   for argument in found if in_words(argument)]
        if head[1] in REPORTERS or not formats:
            continue
        before, _, after = "".join(parts(formats[0])).rpartition(GAP)
        fragments = [fragment for _, found in calls(words, [head[1]]) for fragment in texts(found[-1])]
        fragments += [unquote(row) for row in re.findall(r'\{"\w+", \w+,\s*(' + LITERAL + ")", text)]
        yield from (tidy(before + fragment + after) for fragment in fragments if is_text(fragment))


# ---- the sources
files = {str(path): path.read_text(encoding="utf-8") for suffix in ("*.c", "*.h", "*.java")
         for path in sorted(pathlib.Path("src").rglob(suffix))}
macros = {}
for text in files.values():
    for name, literals in DEFINE.findall(text):
        macros[name] = "".join(parts(tokens(literals)))
messages, everything, used = [], [], set()  # (file, text, whether it ends with a hint)
for path, text in files.items():
    words = tokens(text)
    for name, message in reported(words):
        used.add(name)
        messages.append((path, message, name in HINTED or has_hint(message)))
    messages += [(path, message, has_hint(message)) for message in wrapped(text, words)]
    everything += ["\n" if word[0] != '"' and word not in macros else macros.get(word) or unquote(word)
                   for word in words]
everything = re.sub("[ ]+", " ", "".join(everything))

# ---- the page
page = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
symptoms, _, index = page.partition("\n## Index of messages\n")
entries = [" ".join(entry.split()) for block in re.findall(r"^- (`.*?)\\$", index, re.S | re.M)
           for entry in re.findall(r"`([^`]+)`", block)]


def pattern(message):
    """What a message looks like, with the reason that the kernel gives, if it does."""
    body, semicolon, hint = message.partition("; ")
    return re.compile("".join("[^`]+".join(map(re.escape, text.split(GAP))) + "(?:: [^`]+)?"
                              for text in (body, semicolon + hint)))


def canonical(text):
    """With one mark for what differs, which are words in capitals on the page."""
    return re.sub(r"\b[A-Z][A-Z_]*\b|" + GAP, "#", text)


def in_sources(quoted):
    """Whether it is a message, or begins one, or all words in it that do not vary are in the sources."""
    if any(pattern(message).fullmatch(quoted) for _, message, _ in messages):
        return True
    start = canonical(quoted).rstrip(" …")
    if quoted.endswith("…") and any(canonical(message).startswith(start) for _, message, _ in messages):
        return True
    words = [word.strip(" :'…") for word in re.split(r"\b[A-Z][A-Z_]*\b", quoted.replace(": REASON", ""))]
    words = [word for word in words if len(word) >= LETTERS]
    return bool(words) and all(word in everything for word in words)


print("messages", len(messages), sep="\t")
print("entries", len(entries), sep="\t")
for name in REPORTERS:
    if name not in used:
        print("unused", name, sep="\t")
for path, message, hinted in messages:
    if not hinted and not any(pattern(message).fullmatch(entry) for entry in entries):
        print("missing", path + ": " + message.replace(GAP, "..."), sep="\t")
for entry in entries:
    if not in_sources(entry):
        print("unknown", entry, sep="\t")
    fits = [hinted for _, message, hinted in messages if pattern(message).fullmatch(entry)]
    if fits and all(fits):
        print("needless", entry, sep="\t")

# ---- the symptoms
sections = re.split(r"^### ", symptoms, flags=re.M)[1:]
print("symptoms", len(sections), sep="\t")
for section in sections:
    title, _, body = section.partition("\n")
    body = re.split(r"^## ", body, flags=re.M)[0]
    intro = body.partition("**Cause:**")[0]
    steps = re.findall(r"\*\*(Cause|Remedy):\*\*\s*([^\s*]?)", body)
    if not steps or steps[::2] != [(s, t) for s, t in steps[::2] if s == "Cause" and t] \
            or len(steps) % 2 or any(s != "Remedy" or not t for s, t in steps[1::2]):
        print("incomplete", title, sep="\t")
    for quoted in re.findall(r"`([^`]+)`", intro):
        quoted = " ".join(quoted.split())
        if " " in quoted and not in_sources(quoted):
            print("misquoted", title + ": " + quoted, sep="\t")
PYTHON
}

found=$(problems) || bail_out "the sources or the page cannot be read"
of() { # KIND: what is wrong of that kind, a line each
    sed -n "s/^$1	//p" <<<"$found"
}

ok "the sources have messages" test "$(of messages)" -gt 250
ok "the page has an index" test "$(of entries)" -gt 50
is "$(of unused)" "" "each function that is said to report messages reports one"
is "$(of missing)" "" "a message that does not end with a hint has an entry in the index"
is "$(of unknown)" "" "an entry in the index is a message of the sources"
is "$(of needless)" "" "a message that ends with a hint has no entry in the index"
ok "the page has about thirty symptoms" test "$(of symptoms)" -ge 25
is "$(of incomplete)" "" "a symptom has causes, each with a remedy"
is "$(of misquoted)" "" "a message that is quoted at a symptom is one of the sources"
done_testing
