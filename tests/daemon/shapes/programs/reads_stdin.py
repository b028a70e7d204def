"""Reads its standard input, which must be empty and not the terminal's."""

import sys
import time

from nbmon import Daemon


class Reading(Daemon):
    def run(self):
        words = sys.stdin.read()
        print(f"alive {words!r}", flush=True)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Reading("shape.pid"), sys.argv[-1])()
