"""multiprocessing workers, started in run() and daemonic, beside a queue."""

import multiprocessing
import sys
import time

from nbmon import Daemon


def work(inbox):
    while True:
        print("worker", inbox.get(), flush=True)


class Pooled(Daemon):
    def run(self):
        context = multiprocessing.get_context("fork")
        inbox = context.Queue()
        for _ in range(2):
            context.Process(target=work, args=(inbox,), daemon=True).start()
        inbox.put("alive")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Pooled("shape.pid"), sys.argv[-1])()
