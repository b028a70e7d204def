"""An own __init__ that never calls the base's, but sets the four attributes itself."""

import os
import sys
import time

from nbmon import Daemon


class Bare(Daemon):
    def __init__(self):
        self.pidfile = os.path.abspath("shape.pid")
        self.stdin = os.devnull
        self.stdout = os.path.abspath("bare.log")
        self.stderr = os.path.abspath("bare.log")

    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    bare = Bare()
    if sys.argv[-1] in ("start", "stop", "restart"):
        getattr(bare, sys.argv[-1])()
    else:
        sys.exit(2)
