#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The other end of a JVM's connections: accepts them over TCP and at FOLDER/socket and FOLDER/packets
# (seqpacket), keeps them open, and says nothing. A second TCP port accepts none, so that its backlog
# becomes full and a further connection stays half made. Prints "ports P1 P2".
#
# Usage: silent-peer.py FOLDER
import select
import socket
import sys

servers, kept = [], []
for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
    (socket.AF_UNIX, socket.SOCK_STREAM, sys.argv[1] + "/socket"),
    (socket.AF_UNIX, socket.SOCK_SEQPACKET, sys.argv[1] + "/packets"),
):
    server = socket.socket(family, kind)
    server.bind(address)
    server.listen(1024)
    servers.append(server)
full = socket.socket()
full.bind(("127.0.0.1", 0))
full.listen(0)
for _ in range(4):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(full.getsockname())
    kept.append(client)
print("ports", servers[0].getsockname()[1], full.getsockname()[1], flush=True)
while True:
    for server in select.select(servers, [], [])[0]:
        kept.append(server.accept()[0])
