"""A thread pool made in __init__, which starts its threads only when run() gives it work."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from nbmon import Daemon


class Delegating(Daemon):
    def __init__(self, pidfile):
        super().__init__(pidfile)
        self.pool = ThreadPoolExecutor(2)

    def run(self):
        for word in self.pool.map(str.lower, ["ALIVE", "AND", "WELL"]):
            print(word, flush=True)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Delegating("shape.pid"), sys.argv[-1])()
