"""No start(): daemonize() and run() called one after the other."""

import sys
import time

from nbmon import Daemon


class Manual(Daemon):
    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    manual = Manual("shape.pid")
    if sys.argv[1:] == ["start"]:
        manual.daemonize()
        manual.run()
    elif sys.argv[1:] == ["stop"]:
        manual.stop()
    else:
        sys.exit(2)
