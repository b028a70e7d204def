"""Changes to the program's own folder after the base's __init__, with absolute paths to its own files."""

import os
import sys
import time

from nbmon import Daemon

HERE = os.getcwd()


class Settler(Daemon):
    def __init__(self):
        log = os.path.join(HERE, "settler.log")
        super().__init__(os.path.join(HERE, "shape.pid"), stdout=log, stderr=log)
        os.chdir(os.path.dirname(os.path.realpath(__file__)))

    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Settler(), sys.argv[-1])()
