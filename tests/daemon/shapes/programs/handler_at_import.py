"""A SIGTERM handler set at the top of the program, long before start()."""

import signal
import sys
import time

from nbmon import Daemon


def leave(signum, frame):
    print("told to go")
    daemon.delpid()
    sys.exit(1)


signal.signal(signal.SIGTERM, leave)


class Early(Daemon):
    def run(self):
        print("alive")
        while True:
            time.sleep(1)


daemon = Early("shape.pid", stdout="early.log", stderr="early.log")

if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(daemon, sys.argv[-1])()
