"""A SIGTERM handler set in run(), which removes the pid file by hand and exits."""

import signal
import sys
import time

from nbmon import Daemon


class Handled(Daemon):
    def handler(self, signum=None, frame=None):
        print("told to go")
        self.delpid()
        sys.exit(0)

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, self.handler)
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Handled("shape.pid"), sys.argv[-1])()
