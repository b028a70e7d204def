"""daemonize() with a pid file, and start and stop written by hand around it."""

import os
import signal
import sys
import time

from nbmon import daemonize

PIDFILE = "shape.pid"


def main():
    print(f"alive as {os.getpid()}")
    while True:
        time.sleep(10)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} [start|stop]", file=sys.stderr)
        raise SystemExit(2)
    if sys.argv[1] == "start":
        try:
            daemonize(pidfile=PIDFILE, stdout="daemon.log", stderr="daemon.log")
        except RuntimeError as error:
            print(error, file=sys.stderr)
            raise SystemExit(1) from None
        main()
    elif sys.argv[1] == "stop":
        with open(PIDFILE) as file:
            os.kill(int(file.read()), signal.SIGTERM)
    else:
        raise SystemExit(2)
