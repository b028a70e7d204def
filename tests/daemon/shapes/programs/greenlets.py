"""The loop runs in a greenlet, as under gevent: signals still reach it."""

import sys
import time

from greenlet import greenlet

from nbmon import Daemon


class Green(Daemon):
    def loop(self):
        print("alive", flush=True)
        while True:
            time.sleep(0.1)

    def run(self):
        greenlet(self.loop).switch()


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Green("shape.pid"), sys.argv[-1])()
