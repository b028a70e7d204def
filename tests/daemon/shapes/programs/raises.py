"""run() fails at once: what it needs is not there."""

import sys

from nbmon import Daemon


class Unlucky(Daemon):
    def run(self):
        raise ValueError("no such device: /dev/teapot")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Unlucky("shape.pid"), sys.argv[-1])()
