"""Logging set up in run(), to an absolute path worked out beforehand."""

import logging
import logging.handlers
import os
import sys
import time

from nbmon import Daemon

LOG = os.path.join(os.getcwd(), "late.log")


class Late(Daemon):
    def run(self):
        logger = logging.getLogger("late")
        logger.addHandler(logging.handlers.WatchedFileHandler(LOG))
        logger.warning("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Late("shape.pid", "/dev/null", "/dev/null", "/dev/null"), sys.argv[-1])()
