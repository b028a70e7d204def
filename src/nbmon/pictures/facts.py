"""What is known of each picture without decoding it: its size, when it was taken, how large the file is.

Read from the file's head once and kept by the file's identity and times, so that a page that is rendered
again only looks at each file (`Folder.look`, which opens nothing).
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.exif import exif_of, shot_of
from nbmon.pictures.folder import Folder
from nbmon.pictures.processing.urls import version
from nbmon.pictures.sizes import Read, size_of

MAX_KEPT = 20_000  # pictures, of some 250 bytes each
HEAD_BYTES = 4_096  # read at once: with most cameras both the size and the date stand there


class Facts(NamedTuple):
    """Of one picture; 0 where its head does not tell."""

    width: int  # pixels, as shown
    height: int
    taken: int  # seconds since 1970 by the camera's clock; the file's own time where it does not say
    size: int  # bytes
    version: str  # changes with the file; part of the URL of what is made of it


NOTHING = Facts(0, 0, 0, 0, "")


def ahead(read: Read) -> Read:
    """`read`, which has read the first HEAD_BYTES at once."""
    head = read(0, HEAD_BYTES)

    def at(offset: int, length: int) -> bytes:
        whole = offset + length <= len(head) or len(head) < HEAD_BYTES
        return head[offset : offset + length] if whole else read(offset, length)

    return at


def facts_of(read: Read, status: os.stat_result) -> Facts:
    """The facts of the file that `read` gives access to. OSError if the disk fails."""
    read = ahead(read)
    width, height = size_of(read) or (0, 0)
    taken = shot_of(exif_of(read)).taken
    moment = seconds(taken) if taken else local(status.st_mtime)
    return Facts(width, height, moment, status.st_size, version(status))


def seconds(taken: datetime) -> int:
    """A camera's time as a number that orders as it does."""
    return int(taken.replace(tzinfo=UTC).timestamp())


def local(moment: float) -> int:
    """A file's time as a camera that stands by this machine's clock would have written it."""
    try:
        return int(moment) + time.localtime(moment).tm_gmtoff
    except (OverflowError, ValueError, OSError):
        return 0


def shown(taken: int) -> str:
    """`2024-08-17 20:41`, from what `seconds` or `local` made."""
    try:
        return datetime.fromtimestamp(taken, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return ""


State = tuple[int, int, int, int, int]


class Known:
    """The facts of the pictures of one folder and of all within."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._kept: OrderedDict[State, Facts] = OrderedDict()

    def get(self, path: list[bytes]) -> Facts:
        """The facts of the picture at these segments; NOTHING if it cannot be read."""
        try:
            status = self._folder.look(path)
            facts = self._kept.get(state_of(status))
            return facts if facts is not None else self._read(path)
        except (NotHere, Unavailable, OSError):  # the page shows the picture's name at least
            return NOTHING

    def _read(self, path: list[bytes]) -> Facts:
        with self._folder.open(path) as entry:
            if entry.is_folder:
                return NOTHING
            facts = facts_of(entry.read, entry.status)
            self._kept[state_of(entry.status)] = facts
        while len(self._kept) > MAX_KEPT:
            self._forget(self._kept.popitem)
        return facts

    @staticmethod
    def _forget(pop: Callable[..., object]) -> None:
        try:
            pop(last=False)
        except KeyError:  # another thread was quicker
            pass


def state_of(status: os.stat_result) -> State:
    """Equal as long as a file is the same and unchanged."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
