"""The later variant's extras handed on by position, from a subclass that repeats the signature."""

import os
import sys
import time

from nbmon import Daemon


class Handed(Daemon):
    def __init__(
        self,
        pidfile,
        stdin=os.devnull,
        stdout=os.devnull,
        stderr=os.devnull,
        home_dir=".",
        umask=0o22,
        verbose=1,
    ):
        super().__init__(pidfile, stdin, stdout, stderr, home_dir, umask, verbose)

    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    handed = Handed("shape.pid", stdout="handed.log")
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(handed, sys.argv[-1])()
