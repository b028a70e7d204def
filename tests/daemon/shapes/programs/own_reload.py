"""SIGHUP means reload to this program, by a handler of its own."""

import signal
import sys
import time

from nbmon import Daemon


class Reloading(Daemon):
    def reread(self, signum, frame):
        print("reread", flush=True)

    def run(self):
        signal.signal(signal.SIGHUP, self.reread)
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart", "reload"):
        sys.exit(2)
    getattr(Reloading("shape.pid"), sys.argv[-1])()
