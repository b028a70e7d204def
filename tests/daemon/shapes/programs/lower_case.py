"""The variant whose class is called `daemon`."""

import sys
import time

from nbmon import Daemon as daemon


class Counter(daemon):
    def run(self):
        print("alive")
        while True:
            time.sleep(1)

    def start(self):
        daemon.start(self)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Counter("shape.pid"), sys.argv[-1])()
