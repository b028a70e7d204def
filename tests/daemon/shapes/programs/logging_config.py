"""dictConfig at the top, with a file and the terminal: what went to stderr goes to the log."""

import logging
import logging.config
import sys
import time

from nbmon import Daemon

logging.config.dictConfig(
    {
        "version": 1,
        "handlers": {
            "file": {"class": "logging.FileHandler", "filename": "config.log"},
            "terminal": {"class": "logging.StreamHandler"},
        },
        "root": {"level": "INFO", "handlers": ["file", "terminal"]},
    }
)
log = logging.getLogger(__name__)


class Configured(Daemon):
    def run(self):
        log.info("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Configured("shape.pid", stderr="terminal.log"), sys.argv[-1])()
