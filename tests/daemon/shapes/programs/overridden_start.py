"""start() and stop() overridden: something is said and prepared, then the base's is called."""

import sys
import time

from nbmon import Daemon


class Prepared(Daemon):
    def start(self):
        print("starting")
        open("queue", "w").close()
        Daemon.start(self)

    def stop(self):
        print("stopping")
        super().stop()

    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Prepared("shape.pid"), sys.argv[-1])()
