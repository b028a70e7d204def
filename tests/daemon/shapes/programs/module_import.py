"""The module imported, the class used through it."""

import sys
import time

import nbmon.daemon as daemon


class Dotted(daemon.Daemon):
    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Dotted("shape.pid"), sys.argv[-1])()
