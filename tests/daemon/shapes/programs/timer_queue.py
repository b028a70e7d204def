"""A timer thread that feeds a queue, on which the main thread blocks for ever."""

import queue
import sys
import threading

from nbmon import Daemon


class Queued(Daemon):
    def run(self):
        jobs = queue.Queue()
        timer = threading.Timer(0.05, jobs.put, args=("alive",))
        timer.daemon = True
        timer.start()
        while True:
            print(jobs.get(), flush=True)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Queued("shape.pid"), sys.argv[-1])()
