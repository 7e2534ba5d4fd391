# SPDX-License-Identifier: LGPL-3.0-or-later
#
# tests/torture: every system call of a freeze, its rehearsal and a restore fails in turn, with each
# error that it can have and with short counts, or the process is killed there.

import functools
import os
import re
import subprocess
import tempfile

from torture_jvm import (COMMAND, INJECT, LIBRARY, Counts, Jvm, Wrong, check_image, checkpoint, digest, run,
                         strays)

# What a call can fail with, beyond what every call can.
ERRORS = {
    "open": "ENOENT EACCES EMFILE ENFILE ENOMEM EINTR EROFS ELOOP",
    "openat": "ENOENT EACCES EMFILE ENFILE ENOMEM EINTR EROFS ELOOP",
    "read": "EIO EINTR EAGAIN",
    "pread64": "EIO EINTR",
    "preadv": "EIO EINTR",
    "write": "EIO ENOSPC EINTR EDQUOT EPIPE",
    "pwrite64": "EIO ENOSPC EINTR EDQUOT EFBIG",
    "sendto": "EPIPE",
    "mmap": "ENOMEM EAGAIN EPERM",
    "mprotect": "ENOMEM EACCES",
    "munmap": "ENOMEM",
    "mremap": "ENOMEM",
    "clone": "EAGAIN ENOMEM EPERM",
    "clone3": "EAGAIN ENOMEM EPERM ENOSYS",
    "fork": "EAGAIN",
    "vfork": "EAGAIN",
    "execve": "EACCES ENOMEM ENOEXEC",
    "execveat": "EACCES ENOMEM ENOSYS",
    "rename": "EACCES ENOSPC EIO",
    "renameat": "EACCES ENOSPC EIO",
    "fsync": "EIO ENOSPC EDQUOT EINTR",
    "ftruncate": "EFBIG EIO EINTR",
    "fallocate": "ENOSPC EOPNOTSUPP EINTR",
    "getdents64": "EIO ENOENT",
    "socket": "EMFILE ENOBUFS EACCES",
    "bind": "EADDRINUSE EACCES",
    "listen": "EADDRINUSE",
    "connect": "ECONNREFUSED EINTR",
    "fcntl": "EMFILE EAGAIN",
    "dup3": "EMFILE EBUSY EINTR",
    "dup2": "EBUSY EINTR",
    "flock": "EAGAIN EINTR ENOLCK",
    "futex": "EAGAIN EINTR",
    "memfd_create": "EMFILE ENOMEM",
    "pipe2": "EMFILE ENFILE",
    "mkdir": "EACCES ENOSPC EEXIST",
    "ioctl": "ENOTTY EINVAL EPERM",
    "kcmp": "EPERM ENOSYS",
    "prctl": "EPERM EINVAL",
    "close_range": "ENOSYS",
    "poll": "EINTR",
    "ppoll": "EINTR",
    "wait4": "EINTR ECHILD",
    "waitid": "EINTR ECHILD",
    "getrandom": "EAGAIN EINTR ENOSYS",
    "statx": "ENOSYS EACCES",
    "newfstatat": "ENOENT EACCES ENOMEM",
    "fstat": "EIO ENOMEM",
    "readlinkat": "EACCES ENOENT",
    "readlink": "EACCES ENOENT",
    "unlinkat": "EACCES EBUSY",
    "unlink": "EACCES EBUSY",
    "setns": "EPERM",
    "unshare": "EPERM ENOSPC",
    "process_vm_readv": "EPERM ENOSYS",
    "tgkill": "EAGAIN ESRCH",
    "chdir": "ENOENT EACCES",
}
SHORT = {
    "copy_file_range", "getdents64", "pread64", "preadv", "pwrite64", "read",
    "sendfile", "sendto", "write", "writev",
}


def call_names():
    """Number to name, from the kernel's header; a number is a text, as inject prints it."""
    for path in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"):
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                names = {number: name for name, number in
                         re.findall(r"#define __NR_(\w+) (\d+)", file.read())}
            return {**names, **{f"{number}:wake": f"{name}:wake" for number, name in names.items()}}
    raise Wrong("asm/unistd_64.h is missing; install libc6-dev")


# No kernel lets these fail, and no program checks their results.
NEVER = {"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "umask", "sched_yield",
         "futex:wake"}
# libc ends the process if these fail with another error than those of ERRORS.
NO_OTHER = {"futex"}


ONLY = set()  # names of calls; empty: all calls


def only(names):
    """Break no other calls than these."""
    ONLY.update(names)


def variants(name):
    """The ways in which a call is broken: options of inject."""
    if name in NEVER or (ONLY and name not in ONLY):
        return []
    errors = ERRORS.get(name, "").split()
    ways = [["--error", error] for error in (errors if name in NO_OTHER else ["EIO", *errors])]
    if name in SHORT:
        ways.append(["--short"])
    return [list(way) for way in dict.fromkeys(map(tuple, ways))]


def calls_of(output):
    """The output of inject --list: (number, place) of each call."""
    return [(words[0], words[1]) for words in map(str.split, output.splitlines())
            if len(words) == 2 and words[0][0].isdigit()]


class Broken:
    """One call, the @nth of its number from its place, and how it is broken."""

    def __init__(self, number, place, nth, way, name):
        self.options = ["--call", number, "--at", place, "--nth", str(nth), *way]
        self.way, self.name, self.place, self.nth = way, name, place, nth

    def text(self):
        return f"{self.name}, call {self.nth} from {code_at(self.place)}, {' '.join(self.way)}"


def plan(calls, most, chance, ways=variants):
    """All calls in all ways; if there are more than @most, those from places not yet seen come first.

    A call is identified by its place and not by its number in the run: that varies.
    """
    names, counts, rounds = call_names(), {}, []
    for number, place in calls:
        counts[number, place] = counts.get((number, place), 0) + 1
    for (number, place), count in counts.items():
        name = names.get(number, number)
        for way in ways(name):
            for turn, nth in enumerate(chance.sample(range(1, count + 1), count)):
                rounds.append((turn, chance.random(), Broken(number, place, nth, way, name)))
    return [broken for _, _, broken in sorted(rounds, key=lambda item: item[:2])][:most]


@functools.lru_cache(None)
def code_at(place):
    """The functions of a place, if addr2line is installed."""
    program, *offsets = place.split("+")
    if not offsets:
        return "other code"
    path, base = (COMMAND, 0x400000) if program == "command" else (LIBRARY, 0)
    try:
        output = subprocess.run(["addr2line", "-fie", path, *[hex(base + int(at, 16) - 1) for at in offsets]],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return place
    return f"{place} ({' < '.join(output.stdout.splitlines()[::2])})"


def is_possible():
    """Whether another process may be traced here."""
    with subprocess.Popen(["tail", "-f", "/dev/null"]) as other:
        tracer = subprocess.run([INJECT, "--nth", "1", "--kill", "--thread", str(other.pid)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
                                check=False)
        other.kill()
        return tracer.returncode == 0


def inject_output(path):
    with open(path, encoding="ascii") as file:
        return file.read()


class Victim:
    """A JVM one of whose threads asks for checkpoints repeatedly."""

    def __init__(self, setup, folder):
        self.setup = setup
        self.image = os.path.join(folder, "image")
        self.inject_log = os.path.join(folder, "inject")
        self.jvm = setup.start(self.image, "keeps")

    def freeze(self, *options):
        """One checkpoint under inject: inject's output, and the JVM's answer or None if it has ended."""
        before = self.jvm.order("checkpoint")
        tid = self.jvm.expect(r"thread (\d+)$", before).group(1)
        with open(self.inject_log, "w", encoding="ascii") as file:
            os.dup2(file.fileno(), 9, inheritable=True)
        # inject holds the thread only until it has acted
        tracer = Jvm([INJECT, "--from", "torture-begin", "--to", "torture-end", "--own",
                      *options, "--thread", tid], pass_fds=(9,))
        os.close(9)
        if not tracer.expect("tracing$"):
            raise Wrong(f"thread {tid} cannot be traced: {tracer.tail()}")
        self.jvm.order("go")
        word = self.jvm.expect(r"(frozen|refused .*)$", before)
        if word and word.group(1) == "frozen":
            raise Wrong("a JVM that was to end says that it was restored")
        tracer.wait()
        tracer.kill()
        Counts.freezes += 1
        return inject_output(self.inject_log), word.group(1) if word else None

    def calls(self, *options):
        """The calls of a checkpoint; not of the first, in which Java loads what it needs."""
        for _ in range(2):
            output, word = self.freeze("--list", *options)
            self.after(word, None, "")
        calls = calls_of(output)
        if not calls:
            raise Wrong("no call was counted")
        return calls

    def back(self, status):
        """Restores the JVM, which has ended with its image written.

        Its temporary files are removed first, as a cleaner would do; they are in the image, except
        for one whose copying was made to fail.
        """
        if status != 137:
            raise Wrong(f"the JVM has ended with status {status}: {self.jvm.tail()}")
        self.jvm.kill()
        denied = inject_output(self.inject_log)
        for name in os.listdir(self.setup.folder):
            if name.startswith("kept") and name not in denied:
                os.unlink(os.path.join(self.setup.folder, name))
        self.jvm = self.setup.restore(self.image)
        if not self.jvm.expect("frozen$"):
            raise Wrong(f"the image does not restore: status {self.jvm.wait()}: {self.jvm.tail()}")
        self.jvm.serves()
        Counts.restores += 1

    def after(self, word, old, what):
        """In every case: a complete image or the old one, a JVM that answers, no stray file."""
        if word is None:
            self.back(self.jvm.wait())
        else:
            self.jvm.serves()
            if digest(self.image) != old:
                check_image(self.setup, self.image)
            if len(word.split()) < 3:
                raise Wrong(f"no reason is given: {word}")
        left = strays(self.image)
        if left and not what.startswith("unlink"):
            raise Wrong(f"left behind: {left}")


def freeze_calls(setup, folder, tap, most, chance, children=False):
    """Each call of a freeze, or of the processes it starts, fails."""
    victim = Victim(setup, folder)
    where = ["--children"] if children else []
    try:
        calls = victim.calls(*where)
        for broken in setup.in_time(plan(calls, most, chance)):
            old = digest(victim.image)
            try:
                output, word = victim.freeze(*broken.options, *where)
                Counts.injections += "acted" in output
                victim.after(word, old, broken.name)
            except Wrong as wrong:
                output = inject_output(victim.inject_log)
                raise Wrong(f"{broken.text()}: {wrong}\ninject: {output}") from wrong
        tap.note(f"{len(calls)} calls from {len(set(calls))} places")
    finally:
        victim.jvm.kill()


def rehearsal_calls(setup, folder, tap, most, chance):
    freeze_calls(setup, folder, tap, most, chance, children=True)


def restore_calls(setup, folder, tap, most, chance, ways=variants):
    """Each call of a restore fails; the image stays as it is, and restores afterwards."""
    image = os.path.join(folder, "image")
    inject_log = os.path.join(folder, "inject")
    jvm = setup.start(image, "keeps")
    jvm.serves()
    checkpoint(jvm, image)
    jvm.kill()
    old = digest(image)

    def attempt(*options):
        with open(inject_log, "w", encoding="ascii") as file:
            os.dup2(file.fileno(), 9, inheritable=True)
        jvm = Jvm([INJECT, *options, "--", COMMAND, "restore", image], pass_fds=(9,))
        os.close(9)
        return jvm

    # The list continues while the JVM runs: the restore ends with the last call of the restorer.
    jvm = attempt("--list")
    jvm.order("end")
    jvm.wait()
    jvm.kill()
    calls = calls_of(inject_output(inject_log))
    names = call_names()
    last = max((i for i, call in enumerate(calls) if names.get(call[0]) == "set_tid_address"),
               default=len(calls))
    # The first is the execve() of the command; before its main(), libc ends it without a message.
    calls = [call for call in calls[1:last]
             if not re.search("__init_libc|__libc_setup_tls", code_at(call[1]))]
    Counts.restores += 1
    for broken in setup.in_time(plan(calls, most, chance, ways)):
        jvm = attempt(*broken.options)
        try:
            jvm.words += 1
            before = jvm.order(f"ping {jvm.words}")
            if jvm.expect(rf"pong {jvm.words} ", before):
                jvm.order("end")
                Counts.restores += 1
                # A call that was meant may come only in the restored JVM, which is killed then.
                if jvm.wait() != 0 and (broken.way != ["--kill"] or jvm.wait() != 137):
                    raise Wrong(f"status {jvm.wait()} at the end: {jvm.tail()}")
            elif broken.way == ["--kill"]:
                if jvm.wait() != 137:
                    raise Wrong(f"status {jvm.wait()}: {jvm.tail()}")
            elif jvm.wait() not in (1, 125) or "checkpointer:" not in "".join(jvm.lines):
                raise Wrong(f"status {jvm.wait()} without a message: {jvm.tail()}")
            if digest(image) != old or strays(image):
                raise Wrong("the image's directory has changed")
            Counts.injections += "acted" in inject_output(inject_log)
        except Wrong as wrong:
            raise Wrong(f"{broken.text()}: {wrong}\ninject: {inject_output(inject_log)}") from wrong
        finally:
            jvm.kill()
    check_image(setup, image)
    tap.note(f"{len(calls)} calls from {len(set(calls))} places")


def restore_kills(setup, folder, tap, most, chance):
    restore_calls(setup, folder, tap, most, chance, lambda _: [["--kill"]])


def freeze_kills(setup, folder, tap, most, chance):
    """SIGKILL at each call of a freeze leaves the old image or the new one, complete."""
    victim = Victim(setup, folder)
    try:
        calls = victim.calls()
        for broken in setup.in_time(plan(calls, most, chance, lambda _: [["--kill"]])):
            output, word = victim.freeze(*broken.options)
            Counts.injections += "acted" in output
            if word:
                continue  # fewer calls this time
            status = victim.jvm.wait()
            victim.jvm.kill()
            try:
                if status != 137:
                    raise Wrong(f"status {status}")
                victim.jvm = setup.restore(victim.image)
                if not victim.jvm.expect("frozen$"):
                    raise Wrong(f"no whole image is left: {victim.jvm.tail()}")
                victim.jvm.serves()
                Counts.restores += 1
            except Wrong as wrong:
                raise Wrong(f"{broken.text()}: {wrong}") from wrong
        output, word = victim.freeze()
        victim.after(word, None, "")
        if strays(victim.image):
            raise Wrong(f"left behind after the next checkpoint: {strays(victim.image)}")
        tap.note(f"{len(calls)} calls from {len(set(calls))} places")
    finally:
        victim.jvm.kill()


def requester_kills(setup, folder, tap, most, chance):
    """SIGKILL of the command that asks, at each of its calls."""
    image = os.path.join(folder, "image")
    jvm = setup.start(image)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 9, inheritable=True)
            status, output = run(INJECT, "--list", "--", COMMAND, "checkpoint", "--leave-running",
                               str(jvm.pid), image, pass_fds=(9,))
            os.close(9)
            file.seek(0)
            calls = calls_of(file.read().decode("ascii"))
        if status:
            raise Wrong(f"checkpoint ended with {status}: {output}")
        Counts.freezes += 1
        kills = plan(calls, most, chance, lambda _: [["--kill"]])
        # The command makes few calls: in a short run it is killed at each of them more than once.
        for broken in setup.in_time((kills * most)[:most] if most < 1000 else kills):
            run(INJECT, *broken.options, "--", COMMAND, "checkpoint", "--leave-running",
                str(jvm.pid), image)
            Counts.injections += 1
            try:
                jvm.serves()
                checkpoint(jvm, image, "--leave-running")  # works in spite of the killed request
                if strays(image):
                    raise Wrong(f"left behind: {strays(image)}")
            except Wrong as wrong:
                raise Wrong(f"{broken.text()}: {wrong}") from wrong
        check_image(setup, image)
        tap.note(f"{len(calls)} calls from {len(set(calls))} places")
    finally:
        jvm.kill()
