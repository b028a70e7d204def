"""try/finally around the loop: what it cleans up is looked for after the stop."""

import os
import sys
import time

from nbmon import Daemon


class Tidy(Daemon):
    def __init__(self, pidfile):
        super().__init__(pidfile)
        self.lockfile = os.path.abspath("tidy.lock")

    def run(self):
        open(self.lockfile, "w").close()
        try:
            print("alive")
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            pass
        finally:
            os.remove(self.lockfile)
            print("told to go")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Tidy("shape.pid"), sys.argv[-1])()
