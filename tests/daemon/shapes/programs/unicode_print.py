"""print() of what no 7-bit locale can say."""

import sys
import time

from nbmon import Daemon


class Wordy(Daemon):
    def run(self):
        print("alive: œuvre, 照片, \udce9")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    if sys.argv[-1] not in ("start", "stop", "restart"):
        sys.exit(2)
    getattr(Wordy("shape.pid"), sys.argv[-1])()
