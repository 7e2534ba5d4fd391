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

    def expect(self, command):
        """Reads a frame, which has to be this one; returns its body."""
        data = b""
        while not data.endswith(b"\0"):
            byte = self.input.read(1)
            if not byte:
                sys.exit("the broker has closed the connection")
            if data or byte != b"\n":
                data += byte
        head, _, body = data[:-1].decode().partition("\n\n")
        if head.split("\n")[0].strip() != command:
            sys.exit(f"the broker has sent: {head} {body}")
        return body

    def put(self, queue, text):
        self.send("SEND", {"destination": "/queue/" + queue, "persistent": "true", "receipt": "1",
                           "destination-type": "ANYCAST"}, text)
        self.expect("RECEIPT")

    def take(self, queue):
        self.send("SUBSCRIBE", {"destination": "/queue/" + queue, "id": "1", "ack": "auto",
                                "subscription-type": "ANYCAST"})
        text = self.expect("MESSAGE")
        self.send("UNSUBSCRIBE", {"id": "1", "receipt": "2"})
        self.expect("RECEIPT")
        return text


def main():
    port, action, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    client = Client(port)
    if action == "put":
        client.put("other", key)
        good = client.take("other") == key
    else:
        good = client.take(key) == key
    client.put(key, key)
    client.send("DISCONNECT", {"receipt": "3"})
    client.expect("RECEIPT")
    sys.exit(0 if good else 1)


main()
