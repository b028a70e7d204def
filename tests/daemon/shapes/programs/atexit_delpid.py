"""The removal of the pid file registered by hand, beside the base's own."""

import atexit
import sys
import time

from nbmon import Daemon


class Registered(Daemon):
    def run(self):
        atexit.register(self.delpid)
        atexit.register(print, "told to go")
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Registered("shape.pid"), sys.argv[-1])()
