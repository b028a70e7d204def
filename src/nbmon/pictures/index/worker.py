"""The process that keeps the index: it fills it, then waits for changes, and makes it true again."""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import select
import signal
import sqlite3
import sys
import time
from pathlib import Path

from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.feed import Feed, Hub, NoFeed
from nbmon.pictures.folder import Folder, FolderError
from nbmon.pictures.index.tables import Unusable, opened_to_write
from nbmon.pictures.index.writing import SETTLED_AFTER, Writer, is_large_within

LOOK_AGAIN = 300.0  # seconds until all is looked through again: only large folders are watched
REST = 4  # times as long as the last look took, before the next: a folder that is being filled stays a folder
NICE = 10
RETRY = 30.0  # seconds until a file that another daemon writes, or that cannot be written, is tried again

log = logging.getLogger(__name__)


def run(folder: str, path: str) -> None:
    """Keep the index of `folder` at `path` until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the terminal's is meant for the master, which sends SIGTERM
    os.nice(NICE)
    while True:
        try:
            with Folder(folder) as opened:
                _keep(opened, Path(path))
        except FolderError as error:
            log.debug("no index: %s", error)
        except (OSError, sqlite3.Error) as error:
            log.warning("the index of the folder cannot be written, and is tried again later: %s", error)
        time.sleep(RETRY)


def _keep(folder: Folder, path: Path) -> None:
    """As long as there are large folders: without, no file is made, and none stays; pages load no SQLite."""
    while not path.exists() and not is_large_within(folder):
        time.sleep(LOOK_AGAIN)
        if folder.removed:
            return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another daemon shows the same folder, and keeps its index
            return
        try:
            connection = opened_to_write(str(path))
            try:
                is_over = _follow(folder, connection)
            finally:
                connection.close()
            if is_over:
                throw_away(path)
        except (Unusable, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.OperationalError):  # busy, or the disk is full
                raise
            log.warning("the index is damaged, and is made anew: %s", error)
            throw_away(path)


def throw_away(path: Path) -> None:
    """Remove the index and what SQLite keeps beside it."""
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


def _follow(folder: Folder, connection: sqlite3.Connection) -> bool:
    """Until the folder is gone; or, True, until nothing large is left in it."""
    while not folder.removed:
        watches = Watches(folder)
        try:
            begun = time.monotonic()
            writer = Writer(folder, connection, watch=watches.add)
            settled = writer.renew()
            _give_back()
            took = time.monotonic() - begun
            if settled and writer.is_empty():
                return True
            if settled:
                watches.wait(LOOK_AGAIN)
            time.sleep(max(SETTLED_AFTER, REST * took))
        finally:
            watches.close()
    return False


def _give_back() -> None:
    """What a list of a million took is not needed until the next (malloc_trim(3))."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Watches:
    """Changes in the folders that are in the index."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._hub = Hub()
        self._feeds: list[Feed] = []

    def add(self, where: list[bytes]) -> None:
        """Watch this one, from before it is read. Where there are too many, it is looked at again in time."""
        try:
            with self._folder.open(where) as entry:
                feed = self._hub.feed(entry.fileno())
        except (NotHere, Unavailable, NoFeed, OSError):
            return
        feed.next_piece()
        self._feeds.append(feed)

    def wait(self, most: float) -> None:
        """Until something happens in one of them, or for `most` seconds."""
        poll = select.poll()
        for feed in self._feeds:
            poll.register(feed.fileno(), select.POLLIN)
        until = time.monotonic() + most
        while (left := until - time.monotonic()) > 0:
            if poll.poll(1000 * left) and self._told():
                return

    def _told(self) -> bool:
        told = [feed.next_piece() for feed in self._feeds]
        return any(told)

    def close(self) -> None:
        """Watch no more."""
        while self._feeds:
            self._feeds.pop().close()
