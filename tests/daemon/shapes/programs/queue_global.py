"""A multiprocessing queue and lock at the top of the module, used by workers that run() starts."""

import multiprocessing
import sys
import time

from nbmon import Daemon

CONTEXT = multiprocessing.get_context("fork")
RESULTS = CONTEXT.Queue()
LOCK = CONTEXT.Lock()


def work():
    with LOCK:
        RESULTS.put("alive")


class Gathering(Daemon):
    def run(self):
        worker = CONTEXT.Process(target=work)
        worker.start()
        print(RESULTS.get(), flush=True)
        worker.join()
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Gathering("shape.pid"), sys.argv[-1])()
