"""Says something before start(), without flushing: it must be seen once, and by the terminal."""

import sys
import time

from nbmon import Daemon


class Announced(Daemon):
    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    daemon = Announced("shape.pid")
    if sys.argv[1:] == ["start"]:
        sys.stdout.write("starting it\n")
        daemon.start()
    elif sys.argv[1:] == ["stop"]:
        sys.stdout.write("stopping it\n")
        daemon.stop()
        sys.stdout.write("stopped it\n")
    else:
        sys.exit(2)
