"""daemonize() overridden: something done before, something after, in the daemon."""

import sys
import time

from nbmon import Daemon


class Wrapped(Daemon):
    def daemonize(self):
        self.before = "before"
        super().daemonize()
        self.after = "after"

    def run(self):
        print("alive", self.before, self.after)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Wrapped("shape.pid"), sys.argv[-1])()
