#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Makes a connection of a program to itself one to another process: listens at 127.0.0.1 and prints
# "listens PORT". The first line that a client sends is the port to which its connection is passed on.

import socket
import threading


def copy(source, sink):
    try:
        while True:
            some = source.recv(65536)
            if not some:
                break
            sink.sendall(some)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def relay(client):
    line = b""
    while not line.endswith(b"\n"):
        some = client.recv(1)
        if not some:
            return
        line += some
    server = socket.create_connection(("127.0.0.1", int(line)))
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
    copy(client, server)


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print("listens", listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=relay, args=(client,), daemon=True).start()


main()
