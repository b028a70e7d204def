"""run() does one job and returns."""

import sys

from nbmon import Daemon


class Once(Daemon):
    def run(self):
        print("alive, and done")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Once("shape.pid"), sys.argv[-1])()
