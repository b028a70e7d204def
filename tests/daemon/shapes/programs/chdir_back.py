"""Relative files in run(), which first goes back to where it was started."""

import os
import sys
import time

from nbmon import Daemon

START = os.getcwd()


class Homing(Daemon):
    def run(self):
        os.chdir(START)
        with open("relative.txt", "a") as file:
            file.write("alive\n")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Homing("shape.pid"), sys.argv[-1])()
