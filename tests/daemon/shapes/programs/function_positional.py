"""daemonize() with the three streams by position; then the main loop."""

import os
import sys
import time

from nbmon import daemonize


def main():
    with open(PIDFILE, "w") as file:
        file.write(f"{os.getpid()}\n")
    sys.stdout.write("alive\n")
    sys.stdout.flush()
    while True:
        time.sleep(1)


if __name__ == "__main__":
    PIDFILE = os.path.abspath("shape.pid")
    daemonize("/dev/null", "function.log", "function.log")
    main()
