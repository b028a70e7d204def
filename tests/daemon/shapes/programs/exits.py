"""run() gives up at once, by sys.exit() with a reason."""

import sys

from nbmon import Daemon


class Giving(Daemon):
    def run(self):
        sys.exit("no configuration, giving up")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Giving("shape.pid"), sys.argv[-1])()
