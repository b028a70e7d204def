"""An abstract base between Daemon and the service, with ABC's metaclass."""

import abc
import sys
import time

from nbmon import Daemon


class Service(Daemon, abc.ABC):
    interval = 1.0

    @abc.abstractmethod
    def work(self): ...

    def run(self):
        while True:
            self.work()
            time.sleep(self.interval)


class Printer(Service):
    def work(self):
        print("alive")


if __name__ == "__main__":
    service = Printer("shape.pid")
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(service, sys.argv[-1])()
