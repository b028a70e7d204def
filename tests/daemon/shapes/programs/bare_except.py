"""A loop that swallows everything, SystemExit too, and goes on."""

import sys
import time
import traceback

from nbmon import Daemon


class Stubborn(Daemon):
    def run(self):
        print("alive")
        while True:
            try:
                time.sleep(0.1)
            except:  # noqa: E722 - that it is bare is the shape
                traceback.print_exc()


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Stubborn("shape.pid"), sys.argv[-1])()
