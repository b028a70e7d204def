"""The main thread waits in signal.pause(); an interval timer does the work."""

import signal
import sys

from nbmon import Daemon


class Alarmed(Daemon):
    def run(self):
        signal.signal(signal.SIGALRM, lambda signum, frame: print("alive", flush=True))
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.5)
        while True:
            signal.pause()


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Alarmed("shape.pid"), sys.argv[-1])()
