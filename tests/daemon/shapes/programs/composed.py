"""run assigned from outside: the daemon is a shell around another object."""

import sys
import time

from nbmon import Daemon


class Application:
    def main(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    daemon = Daemon("shape.pid", stdout="app.log")
    daemon.run = Application().main
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(daemon, sys.argv[-1])()
