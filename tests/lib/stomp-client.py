# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A client of a message broker, by STOMP: `PORT put KEY` sends a message to the queue KEY, and one
# to another queue, which it reads back; `PORT has KEY` reads the message and sends it again. Exit status 1
# if it is not there in two minutes.

import socket
import sys


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.input = self.socket.makefile("rb")
        self.send("CONNECT", {"accept-version": "1.2", "host": "localhost"})
        self.expect("CONNECTED")

    def send(self, command, headers, body=""):
        lines = [command] + [f"{name}:{value}" for name, value in headers.items()]
        self.socket.sendall(("\n".join(lines) + "\n\n" + body + "\0").encode())

    def receive(self):
        """Reads a frame; returns its command, its headers and its body."""
        data = b""
        while not data.endswith(b"\0"):
            byte = self.input.read(1)
            if not byte:
                sys.exit("the broker has closed the connection")
            if data or byte != b"\n":
                data += byte
        head, _, body = data[:-1].decode().partition("\n\n")
        command, *headers = head.splitlines()
        return command, dict(header.split(":", 1) for header in headers), body

    def expect(self, command):
        frame = self.receive()
        if frame[0] != command:
            sys.exit(f"the broker has sent {frame}, not {command}")
        return frame

    def put(self, queue, text):
        self.send("SEND", {"destination": "/queue/" + queue, "persistent": "true", "receipt": "1",
                           "destination-type": "ANYCAST"}, text)
        self.expect("RECEIPT")

    def take(self, queue):
        """Takes a message of the queue, and acknowledges it; returns its text."""
        self.send("SUBSCRIBE", {"destination": "/queue/" + queue, "id": "1", "ack": "client-individual",
                                "subscription-type": "ANYCAST"})
        _, headers, text = self.expect("MESSAGE")
        self.send("ACK", {"id": headers["ack"], "receipt": "2"})
        self.expect("RECEIPT")
        self.send("UNSUBSCRIBE", {"id": "1", "receipt": "3"})
        self.expect("RECEIPT")
        return text


def main():
    port, action, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    client = Client(port)
    if action == "put":
        client.put("other", key)
        text = client.take("other")
    else:
        text = client.take(key)
    client.put(key, key)
    client.send("DISCONNECT", {"receipt": "4"})
    client.expect("RECEIPT")
    sys.exit(0 if text == key else f"the queue had '{text}', not '{key}'")


main()
