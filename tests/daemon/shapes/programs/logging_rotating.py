"""A rotating handler made in __init__, that rolls over in the daemon."""

import logging
import logging.handlers
import sys
import time

from nbmon import Daemon


class Rolling(Daemon):
    def __init__(self, pidfile):
        super().__init__(pidfile)
        handler = logging.handlers.RotatingFileHandler("rolling.log", maxBytes=200, backupCount=2)
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.DEBUG)

    def run(self):
        while True:
            logging.debug("alive and a little longer than it need be")
            time.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Rolling("shape.pid"), sys.argv[-1])()
