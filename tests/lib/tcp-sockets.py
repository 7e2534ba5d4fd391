#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# TCP sockets that no Java program can make, given to a JVM, and examined from outside.
#
# tcp-sockets.py make KIND... -- COMMAND  opens sockets as descriptors 20 and up, prints "KIND NUMBER..."
#                                         for each kind, and becomes the command
# tcp-sockets.py show PID                 prints addresses, states, options and what is unread, of each
# tcp-sockets.py use PID FROM TO          sends over descriptor FROM of the process, reads from TO
# tcp-sockets.py filled SIZE              what drain prints for a connection that was filled
# tcp-sockets.py drain PID FD             reads what is there: its length and checksum, then "end" or "open"
import ctypes
import fcntl
import functools
import hashlib
import os
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
IN_PROCESS = 0
SIOCOUTQ = 0x5411
OPTIONS = [(level, name) for level, names in (
    (socket.SOL_SOCKET, (2, 5, 7, 8, 9, 10, 12, 13, 15, 18, 20, 21, 25, 36, 40, 42, 47, 60, 72, 82)),
    (socket.IPPROTO_IP, (1, 2, 8, 10, 11, 12, 13, 15, 19, 21)),
    (socket.IPPROTO_IPV6, (16, 23, 25, 26, 49, 51, 62, 66, 67, 70, 73, 78)),
    (socket.IPPROTO_TCP, (1, 3, 4, 5, 6, 7, 8, 9, 13, 18, 23, 25, 36))) for name in names]


def pair(listener, client, to=None, close=False):
    listener.listen(8)
    client.connect(to or listener.getsockname()[:2])
    accepted, peer = listener.accept()
    while peer[:2] != client.getsockname()[:2] and not peer[0].startswith("::ffff:"):
        accepted, peer = listener.accept()
    if close:
        listener.close()
        return [client, accepted]
    return [client, accepted, listener]


def bound(address="127.0.0.1", family=socket.AF_INET, reuse=1, **options):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    for name in options:
        listener.setsockopt(socket.SOL_SOCKET, getattr(socket, name), options[name])
    listener.bind((address, 0))
    return listener


@functools.cache
def stream(size):
    """Bytes of which no two parts are alike."""
    return hashlib.shake_128(b"").digest(size)


def fill(one):
    """Send until no more fits."""
    data = stream(32 << 20)
    one.setblocking(False)
    sent = 0
    try:
        while True:
            sent += one.send(data[sent:sent + 65536])
    except BlockingIOError:
        one.setblocking(True)


def filled(size):
    print(size, hashlib.sha256(stream(size)).hexdigest()[:16], "open")


def simple(**options):
    client, accepted, listener = pair(bound(**options), socket.socket())
    client.sendall(b"to the server")
    accepted.sendall(b"to the client")
    return [client, accepted, listener]


def closed():
    return pair(bound(), socket.socket(), close=True)


def v6():
    return pair(bound("::1", socket.AF_INET6), socket.socket(socket.AF_INET6))


def dual():
    listener = bound("::", socket.AF_INET6)
    return pair(listener, socket.socket(), ("127.0.0.1", listener.getsockname()[1]))


def mapped():
    listener = bound("::", socket.AF_INET6)
    return pair(listener, socket.socket(socket.AF_INET6),
                ("::ffff:127.0.0.1", listener.getsockname()[1]))


def half():
    client, accepted, listener = simple()
    client.shutdown(socket.SHUT_WR)
    return [client, accepted, listener]


def halfserver():
    client, accepted, listener = simple()
    accepted.shutdown(socket.SHUT_WR)
    return [client, accepted, listener]


def shutread():
    client, accepted, listener = simple()
    accepted.shutdown(socket.SHUT_RD)
    return [client, accepted, listener]


def deaf():
    """One end has closed both sides of its own, the other one has not noticed."""
    client, accepted, listener = simple()
    client.recv(100)
    client.shutdown(socket.SHUT_RDWR)
    return [client, accepted, listener]


def full():
    client, accepted = closed()
    fill(client)
    fill(accepted)
    return [client, accepted]


def fullend():
    """Full, and the end of the stream is still to be sent after that."""
    client, accepted = closed()
    fill(client)
    client.shutdown(socket.SHUT_WR)
    return [client, accepted]


def small():
    listener = bound(SO_RCVBUF=50000, SO_SNDBUF=60000)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 30000)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 40000)
    ends = pair(listener, client)
    fill(client)
    fill(ends[1])
    return ends


def urgent(inlined=0):
    client, accepted = closed()
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, inlined)
    client.sendall(b"before")
    client.send(b"!", socket.MSG_OOB)
    return [client, accepted]


def urgentinline():
    return urgent(1)


def urgentfirst():
    client, accepted = closed()
    client.send(b"!", socket.MSG_OOB)
    client.sendall(b"after")
    return [client, accepted]


def itself():
    one = bound()
    one.connect(one.getsockname())
    one.sendall(b"to itself")
    return [one]


def timeouts():
    client, accepted, listener = simple()
    for one in (client, accepted, listener):
        set_all(one)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 7)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
    return [client, accepted, listener]


def set_all(one):
    for level, name, value in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 101), (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 13),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4), (socket.IPPROTO_TCP, 18, 4321),
            (socket.IPPROTO_TCP, socket.TCP_SYNCNT, 3), (socket.IPPROTO_TCP, 25, 12345),
            (socket.IPPROTO_IP, socket.IP_TOS, 0x10), (socket.IPPROTO_IP, socket.IP_TTL, 33),
            (socket.IPPROTO_IP, 8, 1), (socket.IPPROTO_IP, 12, 1), (socket.IPPROTO_IP, 13, 1),
            (socket.SOL_SOCKET, 40, 1), (socket.SOL_SOCKET, socket.SO_PRIORITY, 3),
            (socket.SOL_SOCKET, 47, 10000000)):
        one.setsockopt(level, name, value)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 9))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 7, 500000))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 8, 0))


def noreuse():
    return simple(reuse=0)


def group():
    """Two listeners of one group, one of which the connection is from."""
    listener = bound(SO_REUSEPORT=1)
    second = socket.socket()
    second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    second.bind(listener.getsockname())
    client = socket.socket()
    listener.listen(8)
    client.connect(listener.getsockname())
    accepted, _ = listener.accept()
    second.listen(8)
    return [client, accepted, listener, second]


def copies():
    client, accepted, listener = simple()
    return [client, accepted, listener, client.dup(), accepted.dup()]


def buffers():
    listener = bound(SO_RCVBUF=50000, SO_SNDBUF=60000)
    listener.listen(8)
    return [listener]


def unread(how):
    """One end of a connection that has ended, with more unread than the usual buffer takes."""
    client, listener = socket.socket(), bound()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    _, peer, _ = pair(listener, client)
    peer.sendall(stream(150000))
    while any(fcntl.ioctl(peer, SIOCOUTQ, bytes(4))):
        client.recv(1, socket.MSG_PEEK)  # the buffer's size takes effect
    if how == "reset":
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    if how == "both":
        client.shutdown(socket.SHUT_WR)
    return [client]


def unreadgrown():
    """A buffer that the kernel has made larger itself."""
    client, accepted = closed()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 4 << 20)
    accepted.sendall(stream(500000))
    while any(fcntl.ioctl(accepted, SIOCOUTQ, bytes(4))):
        client.recv(1, socket.MSG_PEEK)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    return [client]


def unreadreset():
    return unread("reset")


def unreadboth():
    return unread("both")


def unreadpeer():
    return unread("peer")


def make(kinds, command):
    at = 20
    for kind in kinds:
        sockets = globals()[kind]()
        numbers = []
        for one in sockets:
            os.dup2(one.fileno(), at)
            os.set_inheritable(at, True)
            numbers.append(str(at))
            at += 1
        for one in sockets:
            one.close()
        print(kind, " ".join(numbers), flush=True)
    os.execvp(command[0], command)


def take(pid, number):
    process = os.pidfd_open(pid)
    fd = LIBC.syscall(438, process, number, 0)  # pidfd_getfd
    os.close(process)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return socket.socket(fileno=fd)


def option(one, level, name):
    try:
        return one.getsockopt(level, name, 16).hex()
    except OSError:
        return "-"


def address(one, what):
    try:
        return getattr(one, what)()[:2]
    except OSError:
        return None


def show(pid):
    for number in sorted(int(n) for n in os.listdir(f"/proc/{pid}/fd")):
        if number < 20 or not os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
            continue
        with take(pid, number) as one:
            if one.type != socket.SOCK_STREAM or one.family == socket.AF_UNIX:
                continue
            state = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            values = ["%d:%d=%s" % (level, name, option(one, level, name)) for level, name in OPTIONS
                      # the kernel sets IPV6_V6ONLY itself when an address is bound; and SO_REUSEADDR
                      if (level, name) not in ((41, 26), (1, 2)) or not address(one, "getpeername")
                      if (level, name) != (1, 8) or one.getsockopt(1, 72) & 2
                      if (level, name) != (1, 7) or one.getsockopt(1, 72) & 1]
            print(number, one.family.name, address(one, "getsockname"), address(one, "getpeername"),
                  "state", state, "blocking", one.getblocking(), *values)


def use(pid, sender, receiver):
    with take(pid, sender) as one, take(pid, receiver) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 60, 0))
        one.send(b"more")
        got = b""
        while not got.endswith(b"more"):
            part = other.recv(1 << 20)
            if not part:
                break
            got += part
        print(got.decode(errors="replace"))


def drain(pid, number):
    with take(pid, number) as one:
        total, digest, last = 0, hashlib.sha256(), "open"
        try:
            mark = one.recv(1, socket.MSG_OOB | socket.MSG_DONTWAIT)
            print("urgent", mark.decode())
        except OSError:
            pass
        one.setblocking(False)
        while True:
            try:
                part = one.recv(1 << 20)
            except BlockingIOError:
                break
            except OSError as error:
                last = error.strerror
                break
            if not part:
                last = "end"
                break
            total += len(part)
            digest.update(part)
        print(total, digest.hexdigest()[:16], last)


if sys.argv[1] == "make":
    split = sys.argv.index("--")
    make(sys.argv[2:split], sys.argv[split + 1:])
elif sys.argv[1] == "show":
    show(int(sys.argv[2]))
elif sys.argv[1] == "filled":
    filled(int(sys.argv[2]))
elif sys.argv[1] == "use":
    use(*map(int, sys.argv[2:]))
else:
    drain(*map(int, sys.argv[2:]))
