"""Threads started in run(), none of them a daemon thread, and no way to tell them to end."""

import sys
import threading
import time

from nbmon import Daemon


def work(name):
    while True:
        print(name, "alive", flush=True)
        time.sleep(0.2)


class Threaded(Daemon):
    def run(self):
        for number in range(3):
            threading.Thread(target=work, args=(f"thread {number}",)).start()
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Threaded("shape.pid"), sys.argv[-1])()
