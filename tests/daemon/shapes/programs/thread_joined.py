"""A Thread subclass with a stop event; the main thread waits in join()."""

import sys
import threading

from nbmon import Daemon

STOP = threading.Event()


class Repeater(threading.Thread):
    def run(self):
        while not STOP.wait(0.1):
            print("alive", flush=True)


class Joining(Daemon):
    def run(self):
        repeater = Repeater()
        repeater.start()
        try:
            repeater.join()
        finally:
            STOP.set()
            print("told to go")


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Joining("shape.pid"), sys.argv[-1])()
