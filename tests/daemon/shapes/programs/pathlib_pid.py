"""Path objects instead of strings, absolute, beside the program's own data."""

import sys
import time
from pathlib import Path

from nbmon import Daemon

HERE = Path.cwd()


class Modern(Daemon):
    def __init__(self) -> None:
        super().__init__(HERE / "shape.pid", stdout=HERE / "modern.log", stderr=HERE / "modern.log")

    def run(self) -> None:
        print("alive")
        while True:
            time.sleep(1)


match sys.argv[1:]:
    case ["start"]:
        Modern().start()
    case ["stop"]:
        Modern().stop()
    case ["restart"]:
        Modern().restart()
    case _:
        sys.exit(2)
