"""run() is a static method."""

import sys
import time

from nbmon import Daemon


class Static(Daemon):
    @staticmethod
    def run():
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Static("shape.pid"), sys.argv[-1])()
