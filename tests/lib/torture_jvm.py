# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What the parts of tests/torture share: a JVM that takes commands as lines on its standard input
# (tests/jvm/java/Torture.java), checkpoints and restores of it, the counts, and TAP. Nothing here
# sleeps: it waits for lines, ends of processes and files, each with a deadline that holds on a loaded
# machine.

import glob
import hashlib
import os
import re
import select
import signal
import subprocess
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("CKPT_BUILD", os.path.join(TOP, "build"))
COMMAND = os.path.join(BUILD, "checkpointer")
LIBRARY = os.path.join(BUILD, "libcheckpointer.so")
INJECT = os.path.join(BUILD, "tests", "inject")
SIMPLE = os.path.join(TOP, "examples", "simple", "target", "simple.jar")
PATIENCE = 120  # seconds for anything; a JVM that takes longer hangs


class Wrong(Exception):
    """Something that must not happen."""


class Counts:
    freezes = restores = injections = 0


class Tap:
    """Results; a part that fails is one failure, with its reason."""

    def __init__(self):
        self.number = self.failed = 0

    def result(self, good, name, detail=""):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}", flush=True)
        for line in detail.splitlines():
            print(f"# {line}", flush=True)

    def note(self, text):
        print(f"# {text}", flush=True)


def run(*words, patience=PATIENCE, **more):
    """Runs a command to its end; returns its status and output."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=patience, check=False, **more)
    except subprocess.TimeoutExpired as late:
        raise Wrong(f"{' '.join(words)[:200]} has not ended within {patience} s") from late
    return done.returncode, done.stdout.decode(errors="replace")


class Jvm:
    """A process that is, or becomes, a JVM running Torture."""

    def __init__(self, words, **more):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, **more)
        self.pid = self.process.pid
        self.lines = []
        self.buffer = b""
        self.words = 0
        self.ended = False

    def read(self, deadline):
        """Reads more lines, or the end; raises Wrong if neither comes in time."""
        left = deadline - time.monotonic()
        ready = select.select([self.process.stdout], [], [], max(left, 0))[0]
        if not ready:
            raise Wrong(f"JVM {self.pid} says nothing: {self.state()}\nbefore: {self.tail()}")
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            self.ended = True
            return
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            text = line.decode(errors="replace")
            self.lines.append(text)
            if text.startswith("BROKEN"):
                raise Wrong(f"{text}\nbefore: {self.tail()}")

    def tail(self):
        return " / ".join(self.lines[-6:])

    def state(self):
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
                return re.search(r"State:\s*(.*)", file.read()).group(1)
        except OSError:
            return "ended"

    def expect(self, pattern, since=0, patience=PATIENCE):
        """The first line from the given one on that matches; None if the JVM ends before."""
        deadline = time.monotonic() + patience
        at = since
        while True:
            while at < len(self.lines):
                found = re.match(pattern, self.lines[at])
                if found:
                    return found
                at += 1
            if self.ended:
                return None
            self.read(deadline)

    def order(self, line):
        """Returns the number of lines before the answer."""
        before = len(self.lines)
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; its output can still be read
        return before

    def serves(self):
        """Checks that it answers and no thread is stopped; returns how often its load verified itself."""
        self.words += 1
        before = self.order(f"ping {self.words}")
        answer = self.expect(rf"pong {self.words} (\d+)$", before)
        if not answer:
            raise Wrong(f"the JVM has ended, status {self.wait()}\nbefore: {self.tail()}")
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/stat", encoding="ascii", errors="replace") as f:
                    if f.read().rpartition(")")[2].split()[0] in "Tt":
                        raise Wrong(f"thread {task} is stopped")
            except OSError:
                pass
        return int(answer.group(1))

    def wait(self, patience=PATIENCE):
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired as late:
            raise Wrong(f"JVM {self.pid} does not end: {self.state()}\nbefore: {self.tail()}") from late
        return status if status >= 0 else 128 - status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        # a killed JVM leaves these sockets
        for path in (*glob.glob(f"/tmp/.checkpointer_{os.geteuid()}_pid{self.pid}"),
                     *glob.glob(f"/tmp/.checkpointer_{os.geteuid()}_pid{self.pid}_*"),
                     f"/tmp/.java_pid{self.pid}"):
            try:
                os.unlink(path)
            except OSError:
                pass


class Setup:
    """Paths and the compiled program, for one JDK."""

    def __init__(self, java_home, folder, javac):
        self.java = os.path.join(java_home, "bin", "java")
        self.folder = folder
        self.deadline = None
        self.classes = os.path.join(folder, "classes")
        self.library = os.path.join(folder, "libtorture.so")
        os.mkdir(self.classes)
        status, output = run(javac, "--release", "8", "-Xlint:-options", "-cp", SIMPLE, "-d", self.classes,
                           os.path.join(TOP, "tests/jvm/java/Torture.java"))
        if status:
            raise Wrong(f"javac: {output}")
        include = os.path.join(java_home, "include")
        status, output = run("gcc", "-shared", "-fPIC", "-O1", "-pthread", f"-I{include}",
                           f"-I{include}/linux", "-o", self.library,
                           os.path.join(TOP, "tests/jvm/java/torture.c"))
        if status:
            raise Wrong(f"gcc: {output}")

    def in_time(self, things):
        """Yields as many of @things as there is time for."""
        for thing in things:
            if self.deadline and time.monotonic() > self.deadline:
                return
            yield thing

    def start(self, image, *arguments, options=(), flags=()):
        os.makedirs(image, mode=0o700, exist_ok=True)
        given = []
        for option in ("addr=none", *options):
            given += ["--option", option]
        jvm = Jvm([COMMAND, "run", "--image", image, *given, "--", self.java, "-Xmx96m", "-Xss512k",
                   f"-Djava.io.tmpdir={self.folder}", "--enable-native-access=ALL-UNNAMED"
                   if "--enable-native-access" in flags else "-Dx=y", *[f for f in flags if f[:3] != "--e"],
                   "-cp", f"{self.classes}:{SIMPLE}", "Torture", *arguments])
        if not jvm.expect("ready$"):
            raise Wrong(f"the JVM does not start: {jvm.tail()}")
        return jvm

    def restore(self, image, *options, wrapper=(), **more):
        return Jvm([*wrapper, COMMAND, "restore", *options, image], **more)


def checkpoint(jvm, image, *options):
    """Makes a checkpoint by the command; raises Wrong if it fails."""
    status, output = run(COMMAND, "checkpoint", *options, str(jvm.pid), image)
    if status:
        raise Wrong(f"checkpoint ended with {status}: {output}\nbefore: {jvm.tail()}")
    Counts.freezes += 1


def digest(image):
    """What identifies the image in a directory; None if there is none."""
    path = os.path.join(image, "image")
    if not os.path.exists(path):
        return None
    status = os.stat(path)
    total = hashlib.sha256()
    with open(path, "rb") as file:
        total.update(file.read(1 << 20))
    return total.hexdigest(), status.st_size, status.st_ino


def strays(image):
    return [name for name in os.listdir(image) if name not in ("image", "manifest.json")]


def check_image(setup, image):
    """Checks that the image restores with --verify, and that the restored JVM answers."""
    jvm = setup.restore(image, "--verify")
    try:
        jvm.serves()
        Counts.restores += 1
    finally:
        jvm.kill()


def in_parallel(work, count):
    """Calls work(i) on @count threads; raises the first exception of any of them."""
    wrong = []

    def guarded(index):
        try:
            work(index)
        except Exception as failed:  # noqa: a failure of any thread fails the part
            wrong.append(failed)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


def end_on_signal():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: (_ for _ in ()).throw(SystemExit(143)))
