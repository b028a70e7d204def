"""One program, several daemons: the second word says which."""

import sys
import time

from nbmon import Daemon


class Reader(Daemon):
    def run(self):
        print("reader alive")
        while True:
            time.sleep(1)


class Writer(Daemon):
    def run(self):
        print("writer alive")
        while True:
            time.sleep(1)


KINDS = {"reader": Reader, "writer": Writer}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in KINDS:
        sys.exit(2)
    name = sys.argv[2]
    daemon = KINDS[name](f"{name}.pid", stdout=f"{name}.log", stderr=f"{name}.log")
    getattr(daemon, sys.argv[1])()
