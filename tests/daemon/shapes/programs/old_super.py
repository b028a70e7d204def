"""super(Class, self) with *args and **kwargs passed through, as written for Python 2."""

import sys
import time

from nbmon import Daemon


class Worker(Daemon):
    def __init__(self, *args, **kwargs):
        super(Worker, self).__init__(*args, **kwargs)  # noqa: UP008 - the old spelling is the shape
        self.jobs = ["alive"]

    def run(self):
        for job in self.jobs:
            print(job)
        while True:
            time.sleep(1)


if __name__ == "__main__":
    worker = Worker("shape.pid", stdout="worker.log")
    verb = sys.argv[1] if len(sys.argv) > 1 else None
    if verb == "start":
        worker.start()
    elif verb == "stop":
        worker.stop()
    elif verb == "restart":
        worker.restart()
    else:
        sys.exit(2)
