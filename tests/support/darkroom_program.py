"""A broker of the darkroom alone, for tests: prints its address, and serves until it is killed.

Its one argument is JSON: "limits", "cache" (a folder), "most" (bytes), "live" (a function of this file).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any, NoReturn

from nbmon.pictures.cache.keeper import Keeper
from nbmon.pictures.cache.store import Store
from nbmon.pictures.darkroom import broker, cell, child
from nbmon.pictures.darkroom.limits import Limits


def sleeps(job: Any, descriptors: Any, limits: Any, parent: int) -> NoReturn:
    """In the place of a decoder: hangs, where a decoder would."""
    child._alone(*descriptors)
    cell.enter(limits, parent)
    while True:
        time.sleep(60)


def slow(job: Any, descriptors: Any, limits: Any, parent: int) -> NoReturn:
    """In the place of a decoder: takes a while, so that others may ask meanwhile."""
    time.sleep(0.3)
    child.live(job, descriptors, limits, parent)


def crashes(job: Any, descriptors: Any, limits: Any, parent: int) -> NoReturn:
    """In the place of a decoder: a wild pointer."""
    os.kill(os.getpid(), 11)
    raise AssertionError


def lies(job: Any, descriptors: Any, limits: Any, parent: int) -> NoReturn:
    """In the place of a decoder that a stranger has taken over: writes a page where a picture should be."""
    os.write(descriptors[1], b"<html><script>alert(1)</script>")
    os.write(descriptors[2], b'{"status": 200, "width": 1, "height": 1}')
    os._exit(0)


def main() -> None:
    logging.basicConfig()
    given = json.loads(sys.argv[1])
    keeper = Keeper(Store(given["cache"]), given.get("most", 1 << 30)) if given.get("cache") else None
    live = globals().get(given.get("live", ""), child.live)
    listener = broker.listen()
    print(listener.getsockname().hex(), flush=True)
    broker.Broker(listener, Limits(**given.get("limits", {})), keeper, live).run()


if __name__ == "__main__":
    main()
