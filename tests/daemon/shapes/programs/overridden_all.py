"""Every verb overridden only to log that it was called; logging set up in __init__."""

import logging
import os
import sys
import time

from nbmon import Daemon


class Chatty(Daemon):
    def __init__(self):
        self.logger = logging.getLogger("chatty")
        self.logger.setLevel(logging.INFO)
        self.handler = logging.FileHandler("chatty.log")
        self.logger.addHandler(self.handler)
        Daemon.__init__(self, os.path.abspath("shape.pid"))

    def start(self):
        self.logger.info("start")
        Daemon.start(self)

    def stop(self):
        self.logger.info("stop")
        Daemon.stop(self)

    def restart(self):
        self.logger.info("restart")
        Daemon.restart(self)

    def delpid(self):
        self.logger.info("delpid")
        Daemon.delpid(self)

    def run(self):
        self.logger.info("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Chatty(), sys.argv[-1])()
