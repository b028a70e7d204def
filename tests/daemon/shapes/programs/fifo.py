"""Takes its orders from a named pipe that it makes itself and removes at exit."""

import atexit
import os
import sys

from nbmon import Daemon


class Piped(Daemon):
    def __init__(self, pidfile):
        super().__init__(pidfile)
        self.fifo = os.path.abspath("orders")

    def run(self):
        os.mkfifo(self.fifo)
        atexit.register(os.remove, self.fifo)
        print("alive", flush=True)
        while True:
            with open(self.fifo) as orders:
                print("order:", orders.read().strip(), flush=True)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Piped("shape.pid"), sys.argv[-1])()
