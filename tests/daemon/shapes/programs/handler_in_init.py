"""Handlers set in __init__: SIGTERM ends a threading.Event's wait, SIGUSR1 is the program's own."""

import signal
import sys
import threading

from nbmon import Daemon


class Evented(Daemon):
    def __init__(self, pidfile):
        super().__init__(pidfile)
        self.finish = threading.Event()
        signal.signal(signal.SIGTERM, lambda signum, frame: self.finish.set())
        signal.signal(signal.SIGUSR1, lambda signum, frame: print("poked", flush=True))

    def run(self):
        print("alive")
        self.finish.wait()
        print("told to go")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Evented("shape.pid"), sys.argv[-1])()
