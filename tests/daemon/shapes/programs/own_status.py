"""A status of its own: reads the pid file and looks whether that pid answers to signal 0."""

import os
import sys
import time

from nbmon import Daemon


class Watched(Daemon):
    def status(self):
        try:
            with open(self.pidfile) as file:
                pid = int(file.read().strip())
            os.kill(pid, 0)
        except (OSError, ValueError):
            print("down")
            sys.exit(3)
        print(f"up as {pid}")

    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart", "status"):
        sys.exit(2)
    getattr(Watched("shape.pid"), sys.argv[-1])()
