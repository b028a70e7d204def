"""What the pages ask the index. It answers, or has no answer: nothing here ever fails a page.

SQLite is loaded when there is an index to be read, not before: a server is started without it.
"""

from __future__ import annotations

import os
import time
from hashlib import blake2b
from typing import TYPE_CHECKING

from nbmon.pictures.listing import Contents

if TYPE_CHECKING:
    from nbmon.pictures.index.lists import Reader

TRY_AGAIN = 1.0  # seconds until it is looked whether there is a file, or another

_ABANDONED: list[
    Reader | None
] = []  # a parent's, which a child may not even close (sqlite.org, howtocorrupt)

State = tuple[int, int, int, int]  # of a directory: device, inode, mtime, ctime (nanoseconds)


def index_file(cache: str, folder: str) -> str:
    """Where the index of `folder` is, below the folder for what can be made again."""
    name = blake2b(os.fsencode(os.path.realpath(folder)), digest_size=12).hexdigest()
    return os.path.join(cache, "index", f"{name}.sqlite")  # noqa: PTH118 - places are texts


class Index:
    """The index at `path`, read only. Safe to use from several threads, and in children."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._reader: Reader | None = None
        self._identity: tuple[int, int] | None = None
        self._pid = 0
        self._again = 0.0  # monotonic seconds

    def _opened(self) -> Reader | None:
        if self._pid != os.getpid():  # SQLite's connections do not outlive a fork
            _ABANDONED.append(self._reader)
            self._reader, self._pid, self._again = None, os.getpid(), 0.0
        if time.monotonic() >= self._again:
            self._again = time.monotonic() + TRY_AGAIN
            identity = _identity(self._path)
            if self._reader is None or identity != self._identity:
                self._reader = _reader(self._path) if identity is not None else None
                self._identity = identity
        return self._reader

    def _rows(self, question: str, *values: object) -> list[tuple[int, ...]]:
        reader = self._opened()
        if reader is None:
            return []
        from sqlite3 import Error

        try:
            return reader.rows(question, *values)
        except Error:  # damaged or thrown away: its writer makes another
            self._reader = None
            return []

    def contents(self, state: State, *, even_if_older: bool = False) -> Contents | None:
        """The list of that directory as it is in that state; or as it was last."""
        rows = self._rows(
            "SELECT id, pass, folders, pictures, films, others, mtime, ctime FROM folder "
            "WHERE dev=? AND ino=?",
            *state[:2],
        )
        if not rows or not rows[0][1]:
            return None
        folder, done, folders, pictures, films, others, *times = rows[0]
        same = tuple(times) == state[2:]
        reader = self._reader
        if reader is None or not (same or even_if_older):
            return None
        from nbmon.pictures.index.lists import Pictures, Stored
        from nbmon.pictures.index.tables import FOLDERS, OTHERS

        return Contents(
            Stored(reader, folder, FOLDERS, folders),
            Pictures(reader, folder, pictures, films, done),
            Stored(reader, folder, OTHERS, others),
            True,
            () if same else ("behind",),
        )

    def seen(self, state: State) -> int | None:
        """How many names of that directory have been read up to now; None if nobody reads it."""
        rows = self._rows("SELECT seen FROM progress WHERE dev=? AND ino=?", *state[:2])
        return rows[0][0] if rows else None


def _reader(path: str) -> Reader | None:
    from nbmon.pictures.index.lists import Reader
    from nbmon.pictures.index.tables import opened_to_read

    connection = opened_to_read(path)
    return Reader(connection) if connection is not None else None


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        return None
    return status.st_dev, status.st_ino
