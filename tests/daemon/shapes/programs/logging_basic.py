"""logging.basicConfig with a relative file name, before start()."""

import logging
import sys
import time

from nbmon import Daemon

logging.basicConfig(filename="basic.log", level=logging.INFO, format="%(asctime)s %(process)d %(message)s")


class Logged(Daemon):
    def run(self):
        logging.info("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Logged("shape.pid"), sys.argv[-1])()
