# SPDX-License-Identifier: LGPL-3.0-or-later
#
# tests/torture: every system call of a freeze, its rehearsal and a restore fails in turn, with each
# error that it can have and with short counts, or the process is killed there.

import os
import re
import subprocess
import tempfile

from torture_jvm import (COMMAND, INJECT, Counts, Jvm, Wrong, check_image, checkpoint, digest, run,
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
    """Number to name, from the kernel's header."""
    for path in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"):
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                return {int(number): name for name, number in
                        re.findall(r"#define __NR_(\w+) (\d+)", file.read())}
    raise Wrong("asm/unistd_64.h is missing; install libc6-dev")


# No kernel lets these fail, and no program looks.
NEVER = {"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "umask", "sched_yield"}


def variants(name):
    """The ways in which a call is broken: options of inject."""
    if name in NEVER:
        return []
    ways = [["--error", error] for error in ["EIO", *ERRORS.get(name, "").split()] if error]
    if name in SHORT:
        ways.append(["--short"])
    return [list(way) for way in dict.fromkeys(map(tuple, ways))]


def plan(numbers, names, most, chance, ways=variants):
    """All (nth, options, name), or a random part of them if there are more than @most."""
    all_of_them = [(index + 1, way, names.get(number, str(number)))
                   for index, number in enumerate(numbers)
                   for way in ways(names.get(number, ""))]
    return all_of_them if len(all_of_them) <= most else sorted(chance.sample(all_of_them, most),
                                                               key=lambda item: item[0])


def is_possible():
    """Whether another process may be traced here."""
    with subprocess.Popen(["tail", "-f", "/dev/null"]) as other:
        tracer = subprocess.run([INJECT, "--nth", "1", "--kill", "--thread", str(other.pid)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
                                check=False)
        other.kill()
        return tracer.returncode == 0


def said_by_inject(path):
    with open(path, encoding="ascii") as file:
        return file.read()


class Victim:
    """A JVM whose own thread asks for checkpoints, again and again."""

    def __init__(self, setup, folder):
        self.setup = setup
        self.image = os.path.join(folder, "image")
        self.saying = os.path.join(folder, "inject")
        self.jvm = setup.start(self.image)

    def freeze(self, *options):
        """One checkpoint under inject: what inject said, and the JVM's word or None if it has ended."""
        before = self.jvm.order("checkpoint")
        tid = self.jvm.expect(r"thread (\d+)$", before).group(1)
        with open(self.saying, "w", encoding="ascii") as file:
            os.dup2(file.fileno(), 9, inheritable=True)
        # inject holds the thread only until it has acted
        tracer = Jvm([INJECT, "--from", "torture-begin", "--to", "torture-end", "--own",
                      "libcheckpointer", *options, "--thread", tid], pass_fds=(9,))
        os.close(9)
        word = self.jvm.expect(r"(frozen|refused .*)$", before)
        if word and word.group(1) == "frozen":
            raise Wrong("a JVM that was to end says that it was restored")
        tracer.wait()
        tracer.kill()
        Counts.freezes += 1
        return said_by_inject(self.saying), word.group(1) if word else None

    def back(self, status):
        """It has ended with its image written: its next life."""
        if status != 137:
            raise Wrong(f"the JVM has ended with status {status}: {self.jvm.tail()}")
        self.jvm.kill()
        self.jvm = self.setup.restore(self.image)
        if not self.jvm.expect("frozen$"):
            raise Wrong(f"the image does not restore: status {self.jvm.wait()}: {self.jvm.tail()}")
        self.jvm.serves()
        Counts.restores += 1

    def after(self, word, old, what):
        """Whatever happened: a whole image or the old one, a JVM that serves, nothing left behind."""
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
    names = call_names()
    victim = Victim(setup, folder)
    where = ["--children"] if children else []
    try:
        said, word = victim.freeze("--list", *where)
        numbers = [int(line) for line in said.splitlines() if line.isdigit()]
        victim.after(word, None, "")
        if not numbers:
            raise Wrong("no call was counted")
        for nth, way, name in plan(numbers, names, most, chance):
            old = digest(victim.image)
            try:
                said, word = victim.freeze("--nth", str(nth), *way, *where)
                Counts.injections += "acted" in said
                victim.after(word, old, name)
            except Wrong as wrong:
                raise Wrong(f"call {nth} ({name}) with {' '.join(way)}: {wrong}") from wrong
        tap.note(f"{len(numbers)} calls")
    finally:
        victim.jvm.kill()


def rehearsal_calls(setup, folder, tap, most, chance):
    freeze_calls(setup, folder, tap, most, chance, children=True)


def restore_calls(setup, folder, tap, most, chance, ways=variants):
    """Each call of a restore fails; the image stays as it is, and restores afterwards."""
    names = call_names()
    image = os.path.join(folder, "image")
    saying = os.path.join(folder, "inject")
    jvm = setup.start(image)
    checkpoint(jvm, image)
    jvm.kill()
    old = digest(image)

    def attempt(*options):
        with open(saying, "w", encoding="ascii") as file:
            os.dup2(file.fileno(), 9, inheritable=True)
        jvm = Jvm([INJECT, *options, "--", COMMAND, "restore", image], pass_fds=(9,))
        os.close(9)
        return jvm

    # The list goes on while the JVM runs: up to its first word, which it says after the restore.
    jvm = attempt("--list")
    jvm.order("end")
    jvm.wait()
    jvm.kill()
    numbers = [int(line) for line in said_by_inject(saying).splitlines() if line.isdigit()]
    last = max((i for i, n in enumerate(numbers) if names.get(n) == "set_tid_address"), default=len(numbers))
    numbers = numbers[:last]
    Counts.restores += 1
    for nth, way, name in plan(numbers, names, most, chance, ways):
        if nth == 1:
            continue  # execve: not the command's own
        jvm = attempt("--nth", str(nth), *way)
        try:
            jvm.words += 1
            before = jvm.order(f"ping {jvm.words}")
            if jvm.expect(rf"pong {jvm.words} ", before):
                jvm.order("end")
                Counts.restores += 1
                if jvm.wait() not in (0,):
                    raise Wrong(f"status {jvm.wait()} at the end: {jvm.tail()}")
            elif way == ["--kill"]:
                if jvm.wait() != 137:
                    raise Wrong(f"status {jvm.wait()}: {jvm.tail()}")
            elif jvm.wait() not in (1, 125) or "checkpointer:" not in "".join(jvm.lines):
                raise Wrong(f"status {jvm.wait()} without a message: {jvm.tail()}")
            if digest(image) != old or strays(image):
                raise Wrong("the image's directory has changed")
            Counts.injections += "acted" in said_by_inject(saying)
        except Wrong as wrong:
            raise Wrong(f"call {nth} ({name}) with {' '.join(way)}: {wrong}") from wrong
        finally:
            jvm.kill()
    check_image(setup, image)
    tap.note(f"{len(numbers)} calls")


def restore_kills(setup, folder, tap, most, chance):
    restore_calls(setup, folder, tap, most, chance, lambda _: [["--kill"]])


def freeze_kills(setup, folder, tap, most, chance):
    """SIGKILL at each call of a freeze: the old image or the new one, whole, and no third."""
    victim = Victim(setup, folder)
    try:
        said, word = victim.freeze("--list")
        numbers = [int(line) for line in said.splitlines() if line.isdigit()]
        victim.after(word, None, "")
        for nth, _, name in plan(numbers, call_names(), most, chance, lambda _: [[]]):
            said, word = victim.freeze("--nth", str(nth), "--kill")
            Counts.injections += "acted" in said
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
                raise Wrong(f"killed at call {nth} ({name}): {wrong}") from wrong
        said, word = victim.freeze()
        victim.after(word, None, "")
        if strays(victim.image):
            raise Wrong(f"left behind after the next checkpoint: {strays(victim.image)}")
        tap.note(f"{len(numbers)} calls")
    finally:
        victim.jvm.kill()


def requester_kills(setup, folder, tap, most, chance):
    """SIGKILL of the command that asks, at each of its calls."""
    image = os.path.join(folder, "image")
    jvm = setup.start(image)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 9, inheritable=True)
            status, said = run(INJECT, "--list", "--", COMMAND, "checkpoint", "--leave-running",
                               str(jvm.pid), image, pass_fds=(9,))
            os.close(9)
            file.seek(0)
            numbers = [int(line) for line in file.read().split() if line.isdigit()]
        if status:
            raise Wrong(f"checkpoint ended with {status}: {said}")
        Counts.freezes += 1
        for nth, _, name in plan(numbers, call_names(), most, chance, lambda _: [[]]):
            run(INJECT, "--nth", str(nth), "--kill", "--", COMMAND, "checkpoint", "--leave-running",
                str(jvm.pid), image)
            Counts.injections += 1
            try:
                jvm.serves()
                checkpoint(jvm, image, "--leave-running")  # its turn comes, whatever is left of the other
                if strays(image):
                    raise Wrong(f"left behind: {strays(image)}")
            except Wrong as wrong:
                raise Wrong(f"requester killed at call {nth} ({name}): {wrong}") from wrong
        check_image(setup, image)
        tap.note(f"{len(numbers)} calls")
    finally:
        jvm.kill()
