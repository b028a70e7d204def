"""SIGTERM raises an exception of the program's own, caught around the loop."""

import signal
import sys
import time

from nbmon import Daemon


class Shutdown(Exception):
    pass


def shutdown(signum, frame):
    raise Shutdown


class Raising(Daemon):
    def run(self):
        signal.signal(signal.SIGTERM, shutdown)
        try:
            print("alive")
            while True:
                time.sleep(1)
        except Shutdown:
            print("told to go")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Raising("shape.pid"), sys.argv[-1])()
