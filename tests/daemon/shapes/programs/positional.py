"""All four arguments by position: pid file, stdin, stdout, stderr."""

import sys
import time

from nbmon import Daemon


class Positional(Daemon):
    def run(self):
        sys.stdout.write("alive\n")
        sys.stderr.write("and well\n")
        while 1:
            time.sleep(60)


daemon = Positional("shape.pid", "/dev/null", "out.log", "err.log")

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(daemon, sys.argv[1])()
