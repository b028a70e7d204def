"""Settings as class attributes, given to the base by an __init__ without arguments."""

import sys
import time

from nbmon import Daemon


class Settled(Daemon):
    pidfile = "shape.pid"
    log = "settled.log"
    server = None

    def __init__(self):
        super().__init__(self.pidfile, stdout=self.log, stderr=self.log)

    def run(self):
        self.server = object()
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Settled(), sys.argv[-1])()
