#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Sends requests to the agent's HTTP endpoint that no HTTP client would send. Every wait has a deadline.
#
# Usage: http-client.py PORT MODE [ARGUMENT...]
#   raw TEXT           send TEXT (with escapes such as \r\n) and print all that comes until the end
#   huge-header        a request whose headers never end; prints what comes
#   huge-body          announces and sends too large a body; prints what comes
#   chunked            a body in chunks; prints the status line
#   garbage            random bytes, a hundred times, from a fixed seed; prints "sent"
#   crowd N            N connections that say nothing; prints "crowd" and waits for its stdin to end
#   slow               sends a request's first half, prints "half", waits for a line on stdin, sends
#                      the rest and prints what comes
#   abrupt             sends a POST /before-checkpoint and resets the connection at once
#   keep               asks for /status, prints "kept", keeps the connection till its stdin ends
#   pipeline           three requests in one write; prints the status lines

import random
import socket
import struct
import sys

DEADLINE = 30
port = int(sys.argv[1])
mode = sys.argv[2]


def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)


def read_all(connection):
    text = b""
    try:
        while True:
            got = connection.recv(65536)
            if not got:
                break
            text += got
    except ConnectionError:
        text += b"(reset)"
    return text.decode("latin-1")


def send(connection, data):
    try:
        connection.sendall(data)
    except ConnectionError:
        pass


def statuses(text):
    return "\n".join(line.strip() for line in text.split("\n") if line.startswith("HTTP/1."))


HEAD = "Host: localhost\r\n"
with connect() as c:
    if mode == "raw":
        send(c, sys.argv[3].encode().decode("unicode_escape").encode("latin-1"))
        print(read_all(c))
    elif mode == "huge-header":
        send(c, b"GET /status HTTP/1.1\r\nHost: localhost\r\n" + b"X-Long: " + b"x" * (1 << 20))
        print(statuses(read_all(c)))
    elif mode == "huge-body":
        send(c, b"POST /checkpoint HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
             + b"x" * 1000000)
        print(statuses(read_all(c)))
    elif mode == "chunked":
        send(c, b"POST /checkpoint HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n")
        print(statuses(read_all(c)))
    elif mode == "garbage":
        generator = random.Random(7)
        for _ in range(100):
            with connect() as other:
                words = [b"POST ", b"/checkpoint", b" HTTP/1.1", b"\r\n", b"Host: localhost", b": ",
                         b"Content-Length: ", b"-1", b"99999999999999999999", b"\0", b"Expect: 100-continue",
                         generator.randbytes(20), b"Transfer-Encoding: chunked", b"{", b"%00%", b" "]
                send(other, b"".join(generator.choice(words) for _ in range(40)))
        print("sent")
    elif mode == "crowd":
        crowd = [connect() for _ in range(int(sys.argv[3]))]
        print("crowd", flush=True)
        sys.stdin.read()
    elif mode == "slow":
        send(c, b"GET /status HTTP/1.1\r\nHost: loc")
        print("half", flush=True)
        sys.stdin.readline()
        send(c, b"alhost\r\nConnection: close\r\n\r\n")
        print(statuses(read_all(c)))
    elif mode == "abrupt":
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        send(c, b"POST /before-checkpoint HTTP/1.1\r\nHost: localhost\r\n\r\n")
    elif mode == "keep":
        send(c, b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        c.recv(65536)
        print("kept", flush=True)
        sys.stdin.read()
    elif mode == "pipeline":
        send(c, b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
             b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
             b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        print(statuses(read_all(c)))
    else:
        sys.exit("http-client.py: " + mode + "?")
