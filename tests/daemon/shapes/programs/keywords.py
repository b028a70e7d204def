"""Streams by keyword, one file for two of them."""

import sys
import time

from nbmon import Daemon

LOG = "both.log"


class Keywords(Daemon):
    def run(self):
        print("alive")
        print("also here", file=sys.stderr)
        while True:
            time.sleep(0.5)


if __name__ == "__main__":
    daemon = Keywords(pidfile="shape.pid", stderr=LOG, stdout=LOG)
    verbs = {"start": daemon.start, "stop": daemon.stop, "restart": daemon.restart}
    if len(sys.argv) < 2 or sys.argv[1] not in verbs:
        sys.exit(2)
    verbs[sys.argv[1]]()
