"""SIGTERM clears a flag; run() sees it, cleans up and returns."""

import signal
import sys
import time

from nbmon import Daemon


class Flagged(Daemon):
    running = True

    def stop_running(self, signum, frame):
        self.running = False

    def run(self):
        signal.signal(signal.SIGTERM, self.stop_running)
        print("alive")
        while self.running:
            time.sleep(0.05)
        print("told to go")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Flagged("shape.pid"), sys.argv[-1])()
