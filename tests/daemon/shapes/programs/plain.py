"""The recipe as most have it: a subclass with run(), a pid file, the verb looked up in sys.argv."""

import sys
import time

from nbmon import Daemon


class Ticker(Daemon):
    def run(self):
        print("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    daemon = Ticker("shape.pid")
    if len(sys.argv) == 2:
        if sys.argv[1] == "start":
            daemon.start()
        elif sys.argv[1] == "stop":
            daemon.stop()
        elif sys.argv[1] == "restart":
            daemon.restart()
        elif sys.argv[1] == "status":
            daemon.status()
        else:
            print("no such verb")
            sys.exit(2)
        sys.exit(0)
    else:
        print(f"usage: {sys.argv[0]} start|stop|restart|status")
        sys.exit(2)
