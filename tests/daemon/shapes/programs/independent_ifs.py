"""Ifs that are not elifs, so that the last one's else runs after start or stop too."""

import sys
import time

from nbmon import Daemon


class Careless(Daemon):
    def run(self):
        print("alive")
        while True:
            time.sleep(100)


if __name__ == "__main__":
    careless = Careless("shape.pid")
    if sys.argv[1] == "start":
        careless.start()
    if sys.argv[1] == "stop":
        careless.stop()
    if sys.argv[1] == "restart":
        careless.restart()
    else:
        print("done")
