"""A thread started before start(): a fork would lose it without a word."""

import sys
import threading
import time

from nbmon import Daemon


class Hasty(Daemon):
    def __init__(self, pidfile):
        super().__init__(pidfile)
        self.ticker = threading.Thread(target=time.sleep, args=(0.5,), name="ticker")
        self.ticker.start()

    def run(self):
        self.ticker.join()


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Hasty("shape.pid"), sys.argv[-1])()
