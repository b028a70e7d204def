"""A log file opened at the top of the module, written to in the daemon."""

import sys
import time

from nbmon import Daemon

LOG = open("global.log", "a")  # noqa: SIM115 - it stays open, as the shape has it


class Writing(Daemon):
    def run(self):
        while True:
            LOG.write("alive\n")
            LOG.flush()
            time.sleep(0.2)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Writing("shape.pid"), sys.argv[-1])()
