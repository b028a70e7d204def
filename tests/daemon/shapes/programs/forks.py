"""Children forked by hand, each of which ends by sys.exit(), atexit functions and all."""

import os
import sys
import time

from nbmon import Daemon


class Forking(Daemon):
    def run(self):
        child = os.fork()
        if child == 0:
            print("child done", flush=True)
            sys.exit(0)
        os.waitpid(child, 0)
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Forking("shape.pid"), sys.argv[-1])()
