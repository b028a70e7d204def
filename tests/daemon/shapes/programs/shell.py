"""A loop around os.system(), with output of the shell in the daemon's log."""

import os
import sys

from nbmon import Daemon


class Sheller(Daemon):
    def run(self):
        while True:
            os.system("echo alive; sleep 0.3")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Sheller("shape.pid"), sys.argv[-1])()
