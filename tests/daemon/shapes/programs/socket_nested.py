"""The listening socket is inside another object, which the daemon holds."""

import socket
import sys

from nbmon import Daemon


class Kernel:
    def __init__(self):
        self.listeners = {"main": socket.create_server(("127.0.0.1", 0))}

    def serve(self):
        listener = self.listeners["main"]
        print("alive", listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.sendall(b"hello")
            connection.close()


class Hosting(Daemon):
    def __init__(self, pidfile):
        super().__init__(pidfile)
        self.kernel = Kernel()

    def run(self):
        self.kernel.serve()


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Hosting("shape.pid"), sys.argv[-1])()
