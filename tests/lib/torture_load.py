# SPDX-License-Identifier: LGPL-3.0-or-later
#
# tests/torture: checkpoints at random instants under load, many generations of one process, many
# clones of one image.

import os
import re
import threading
import time

from torture_jvm import Counts, Wrong, check_image, checkpoint, in_parallel, strays

AT_ONCE = 100


def instants(setup, folder, tap, times, chance):
    """Checkpoints under load; after three of four the JVM continues, after the fourth it is restored."""
    image = os.path.join(folder, "image")
    jvm = setup.start(image, "load", setup.library)
    checks = 0
    wait = threading.Event()
    try:
        for number in setup.in_time(range(times)):
            wait.wait(chance.random() * 0.03)  # the random instant is what is tested
            ends = number % 4 == 3
            checkpoint(jvm, image, *([] if ends else ["--leave-running"]), "--no-gc")
            if ends:
                if jvm.wait() != 137:
                    raise Wrong(f"status {jvm.wait()} at a checkpoint")
                jvm.kill()
                jvm = setup.restore(image)
                checks = 0
            verified = jvm.serves()
            if ends:
                Counts.restores += 1
            deadline = time.monotonic() + 60
            while verified == checks:
                if time.monotonic() > deadline:
                    raise Wrong(f"after {number} checkpoints the load no longer verifies itself")
                verified = jvm.serves()
            checks = verified
            if number % 20 == 10:
                check_image(setup, image)
            if strays(image):
                raise Wrong(f"left behind: {strays(image)}")
            if number % 1000 == 999:
                tap.note(f"{number + 1} checkpoints")
    finally:
        jvm.kill()


def measure(jvm, image):
    """Sizes that must not grow from one generation to the next."""
    with open(f"/proc/{jvm.pid}/maps", encoding="utf-8", errors="replace") as file:
        maps = len(file.readlines())
    with open(f"/proc/{jvm.pid}/status", encoding="ascii", errors="replace") as file:
        status = file.read()
    names = []
    for task in os.listdir(f"/proc/{jvm.pid}/task"):
        try:
            with open(f"/proc/{jvm.pid}/task/{task}/comm", encoding="ascii", errors="replace") as file:
                names.append(file.read().strip())
        except OSError:
            pass
    # HotSpot starts this thread, with its socket, when a tool attaches for the first time: the
    # command does if it comes before a restored process has its control socket again.
    attached = "Attach Listener" in names
    return {"mappings": maps,
            "descriptors": len(os.listdir(f"/proc/{jvm.pid}/fd")) - attached,
            "threads": len(names) - attached,
            "kilobytes of address space": int(re.search(r"VmSize:\s*(\d+)", status).group(1)),
            "kilobytes of image": os.stat(os.path.join(image, "image")).st_size >> 10}


def least(sizes):
    """The least of each size: one may be measured while a request still has its connection open."""
    return {name: min(size[name] for size in sizes) for name in sizes[0]}


def generations(setup, folder, tap, times, chance):
    """Each generation is frozen and restored; sizes must not grow from early to late generations."""
    image = os.path.join(folder, "image")
    jvm = setup.start(image)
    sizes = []
    try:
        for _ in setup.in_time(range(times)):
            jvm.serves()
            checkpoint(jvm, image)
            if jvm.wait() != 137:
                raise Wrong(f"status {jvm.wait()} at a checkpoint")
            jvm.kill()
            jvm = setup.restore(image)
            jvm.serves()
            Counts.restores += 1
            sizes.append(measure(jvm, image))
    finally:
        jvm.kill()
    if len(sizes) < 2:
        raise Wrong("there was no time for two generations")
    # The first generations differ: the JVM still compiles its code.
    early, late = least(sizes[len(sizes) // 4:][:5]), least(sizes[-5:])
    allowed = {"mappings": 8, "descriptors": 0, "threads": 3, "kilobytes of address space": 4096,
               "kilobytes of image": early["kilobytes of image"] // 10}
    grown = [f"{name}: {early[name]} and {late[name]}" for name in allowed
             if late[name] - early[name] > allowed[name]]
    tap.note(f"generation {len(sizes) // 4}: {early}")
    tap.note(f"generation {len(sizes)}: {late}")
    if grown:
        raise Wrong(f"grown over {len(sizes) - len(sizes) // 4} generations: {'; '.join(grown)}")


def clones(setup, folder, tap, times, chance):
    """Restores a hundred clones at a time; no two of them have a random value in common."""
    image = os.path.join(folder, "image")
    jvm = setup.start(image)
    checkpoint(jvm, image)
    jvm.kill()
    seen, lock = set(), threading.Lock()

    def one(_):
        jvm = setup.restore(image)
        try:
            words = jvm.expect("random (.*)$", jvm.order("random")).group(1).split()
            jvm.order("end")
            if jvm.wait() != 0:
                raise Wrong(f"status {jvm.wait()}: {jvm.tail()}")
            with lock:
                Counts.restores += 1
                for word in words:
                    if word in seen:
                        raise Wrong(f"a random value came twice: {word}")
                    seen.add(word)
        finally:
            jvm.kill()

    for done in setup.in_time(range(0, times, AT_ONCE)):
        in_parallel(one, min(AT_ONCE, times - done))
    tap.note(f"{len(seen)} values, all different")
