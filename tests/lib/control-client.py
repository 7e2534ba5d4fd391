#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Sends a request of lines to a JVM's control socket, and prints the answer with '|' for each end of a
# line.
#
# Usage: control-client.py SOCKET LINE...
import socket
import sys

with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(60)
    s.connect(sys.argv[1])
    s.sendall(("\n".join(sys.argv[2:]) + "\n\n").encode())
    text = b""
    while part := s.recv(4096):
        text += part
print(text.decode().replace("\n", "|"), end="")
