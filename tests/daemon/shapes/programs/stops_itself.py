"""run() ends by calling self.stop(), in the daemon itself."""

import os
import sys
import time

from nbmon import Daemon


class Finite(Daemon):
    def run(self):
        print("alive")
        while not os.path.exists(self.order):
            time.sleep(0.02)
        self.stop()


if __name__ == "__main__":
    finite = Finite("shape.pid")
    finite.order = os.path.abspath("enough")
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(finite, sys.argv[-1])()
