"""Streams named /dev/stdout and /dev/stderr: the daemon goes on writing where the starter wrote."""

import sys
import time

from nbmon import Daemon


class Talking(Daemon):
    def run(self):
        print("alive", flush=True)
        sys.stderr.write("and well\n")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Talking("shape.pid", stdout="/dev/stdout", stderr="/dev/stderr"), sys.argv[-1])()
