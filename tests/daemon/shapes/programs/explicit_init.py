"""An own __init__ that sets its attributes first and calls Daemon.__init__ by name, last."""

import sys
import time

from nbmon import Daemon


class Poller(Daemon):
    def __init__(self, pidfile, interval, log):
        self.interval = interval
        self.rounds = 0
        Daemon.__init__(self, pidfile, stdout=log, stderr=log)

    def run(self):
        while True:
            self.rounds += 1
            print(f"alive, round {self.rounds}")
            time.sleep(self.interval)


if __name__ == "__main__":
    poller = Poller("shape.pid", 5, "poller.log")
    if sys.argv[1:] == ["start"]:
        poller.start()
    elif sys.argv[1:] == ["stop"]:
        poller.stop()
    elif sys.argv[1:] == ["restart"]:
        poller.restart()
    else:
        sys.exit(2)
