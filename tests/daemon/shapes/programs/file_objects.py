"""Streams given as open files."""

import sys
import time

from nbmon import Daemon


class Opened(Daemon):
    def run(self):
        print("alive")
        print("alive too", file=sys.stderr)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    out = open("out.log", "a")  # noqa: SIM115 - it stays open, as the shape has it
    err = open("err.log", "a+")  # noqa: SIM115 - it stays open, as the shape has it
    getattr(Opened("shape.pid", stdout=out, stderr=err), sys.argv[-1])()
