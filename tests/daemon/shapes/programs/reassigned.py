"""Attributes changed between making the daemon and starting it."""

import sys
import time

from nbmon import Daemon


class Late(Daemon):
    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    daemon = Late("not-this.pid")
    daemon.pidfile = "shape.pid"
    daemon.stdout = daemon.stderr = "late.log"
    if sys.argv[-1] in ("start", "stop", "restart", "status"):
        getattr(daemon, sys.argv[-1])()
    else:
        sys.exit(2)
