"""A listening socket bound in __init__, where its errors can still be seen, and kept as an attribute."""

import socket
import sys

from nbmon import Daemon


class Listening(Daemon):
    def __init__(self, pidfile):
        super().__init__(pidfile)
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()

    def run(self):
        print("alive", self.listener.getsockname()[1], flush=True)
        while True:
            connection, _ = self.listener.accept()
            connection.sendall(b"hello")
            connection.close()


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Listening("shape.pid"), sys.argv[-1])()
