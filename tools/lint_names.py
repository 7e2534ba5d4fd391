# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Part of tools/lint: checks that the functions, files and options that comments and documents name
# exist.
#
# Known names are: every identifier in the code of the tree, the functions of the C library, the system
# calls of this machine, tracked files and those that the build makes, the options of the tree's own
# commands and of the agent. Names of other programs are in the tables below.

import os
import re

# Functions of other programs: of the JDK, of OpenSSL, of libraries that the documents mention.
FOREIGN_FUNCTIONS = {"RAND_seed", "SigningKey", "generate", "getPathMatcher", "removeShutdownHook",
                     "softEvictConnections", "suspendPool"}
FOREIGN_FILES = {"net.java", "sun.java"}  # packages of the JDK, hosts
FOREIGN_OPTIONS = {"--ulimit",  # of docker
                   "--ghost-limit", "--inherit-fd", "--shell-job", "--tcp-established"}  # of criu
NOT_CHECKED = {"CHANGELOG.md"}  # it describes earlier states

FUNCTION = re.compile(r"\b([A-Za-z_]\w+)\(\)")
FILE = re.compile(r"(?<![\w/.*<{}$-])"
                  r"((?:[\w.-]+/)*[\w-]+\.(?:c|h|S|t|sh|py|java|md|ld|map|build))(?![\w/(=])")
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")
AGENT_OPTION = re.compile(r"(?<![\w./-])([a-z_]+)=(?:DIR|FILE|SECONDS|MS|MIB|NAME|HOST)\b")
PLACEHOLDER = re.compile(r"(?:^|[/_.])[A-Z]{2,}")
COMMENT = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|//[^\n]*|/\*.*?\*/", re.DOTALL)


def is_document(source):
    return source.path.endswith((".md", ".1"))


def has_hashes(source):
    return source.kind in ("shell", "python") or source.path.endswith("meson.build")


def comments(source):
    """(line, text) of each comment; of a document, all of it."""
    if source.kind in ("c", "java", "asm"):
        for match in COMMENT.finditer(source.text):
            if match.group()[0] == "/":
                first = source.text.count("\n", 0, match.start()) + 1
                yield from enumerate(match.group().split("\n"), first)
    elif has_hashes(source):
        for number, line in enumerate(source.lines, 1):
            match = re.search(r"(?:^|\s)#(.*)", line)
            if match:
                yield number, match.group(1)
    elif is_document(source):
        yield from enumerate(source.lines, 1)


def code(source):
    if source.kind in ("c", "java", "asm"):
        return re.sub(r"//[^\n]*|/\*.*?\*/", "", source.text, flags=re.DOTALL)
    if has_hashes(source):
        return "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in source.lines)
    return ""


class Known:
    """The names that exist."""

    def __init__(self, sources, paths, top, run, symbols):
        whole = "\n".join(code(source) for source in sources)
        self.top = top
        self.functions = set(re.findall(r"[A-Za-z_]\w+", whole)) | FOREIGN_FUNCTIONS
        libraries = run("ldd", "/usr/bin/perl")
        for library in re.findall(r"=> (/\S*lib[cm]\.so\S*)", libraries):
            self.functions |= symbols("-D", library)
        self.functions |= set(re.findall(r"#define __NR_(\w+)", run("cpp", "-dM", "-include",
                                                                     "sys/syscall.h", "/dev/null")))
        self.options = set(OPTION.findall(whole)) | FOREIGN_OPTIONS
        self.options |= {"--" + name for name in re.findall(r"\{\"([a-z][a-z-]*)\"", whole)}
        options = next((code(source) for source in sources if source.path == "src/agent/options.c"), "")
        self.agent_options = set(re.findall(r"(?:OPTION\(|\{)\"(\w+)\"", options))
        self.paths = set(paths)
        self.suffixes = {}
        for path in paths:
            self.suffixes.setdefault(os.path.basename(path), []).append("/" + path)
        self.made = set(re.findall(r"output: '([\w.-]+)'", whole))

    def has_file(self, name, near):
        base = os.path.basename(name)
        if base in self.made or base in FOREIGN_FILES or PLACEHOLDER.search(name):
            return True
        if os.path.normpath(os.path.join(os.path.dirname(near), name)) in self.paths:
            return True
        if any(path.endswith("/" + name) for path in self.suffixes.get(base, [])):
            return True
        return os.path.isfile(os.path.join("/usr/include", name))


def check(sources, paths, top, run, symbols, finding):
    known = Known(sources, paths, top, run, symbols)
    for source in sources:
        if source.path in NOT_CHECKED:
            continue
        for number, text in comments(source):
            for name in FUNCTION.findall(text):
                if name not in known.functions:
                    finding(source.path, number, f"names a function '{name}' that does not exist")
            for name in FILE.findall(text):
                if not known.has_file(name, source.path):
                    finding(source.path, number, f"names a file '{name}' that does not exist")
            for name in OPTION.findall(text):
                if name not in known.options:
                    finding(source.path, number, f"names an option '{name}' that does not exist")
            if is_document(source) or source.path.startswith("src/agent/"):
                for name in AGENT_OPTION.findall(text):
                    if name not in known.agent_options:
                        finding(source.path, number, f"names an agent option '{name}' that does not exist")
