"""A program started by subprocess and waited for; ended with the daemon."""

import subprocess
import sys

from nbmon import Daemon


class Keeper(Daemon):
    def run(self):
        child = subprocess.Popen(["sleep", "300"])
        print("alive", flush=True)
        try:
            child.wait()
        finally:
            child.terminate()
            child.wait()
            print("told to go")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Keeper("shape.pid"), sys.argv[-1])()
