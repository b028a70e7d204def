"""The index's file: its tables, and how a list stands in them. Knows SQLite, and no folder.

A list is kept in blocks of BLOCK names, in order, so that a million names are two thousand rows, a page is
one or two of them, and a name's place is found by the blocks' first keys. The file may always be thrown
away: it is made again.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Iterator
from itertools import islice

from nbmon.pictures.names import natural

VERSION = 2
BLOCK = 512  # names
BUSY = 2.0  # seconds that a writer is waited for; readers never are (write-ahead log)

FOLDERS, PICTURES, OTHERS = 0, 1, 2  # kinds
BY_NAME, BY_DATE, BY_SIZE = "name", "date", "size"

LISTED, COMPLETE = 1, 2  # passes: all names; dates and sizes too

_TABLES = """
CREATE TABLE IF NOT EXISTS folder (
    id INTEGER PRIMARY KEY, dev INTEGER, ino INTEGER, mtime INTEGER, ctime INTEGER,
    pass INTEGER, folders INTEGER, pictures INTEGER, films INTEGER, others INTEGER, UNIQUE (dev, ino));
CREATE TABLE IF NOT EXISTS block (
    folder INTEGER, kind INTEGER, sort TEXT, number INTEGER, first BLOB, names BLOB,
    PRIMARY KEY (folder, kind, sort, number));
CREATE TABLE IF NOT EXISTS fact (
    folder INTEGER, name BLOB, mtime INTEGER, size INTEGER, taken INTEGER,
    PRIMARY KEY (folder, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (dev INTEGER, ino INTEGER, seen INTEGER, PRIMARY KEY (dev, ino));
"""


class Unusable(Exception):  # noqa: N818  # of the file, which is made anew
    """The file is no index, is damaged, or of another version of nbmon."""


def opened_to_write(path: str) -> sqlite3.Connection:
    """The index at `path`, made if need be. Unusable, sqlite3.OperationalError."""
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    try:
        _prepare(connection)
    except (sqlite3.OperationalError, Unusable):  # it is busy, or the disk is full: the file may be right
        connection.close()
        raise
    except sqlite3.DatabaseError as error:
        connection.close()
        raise Unusable(str(error)) from error
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if connection.execute("PRAGMA user_version").fetchone()[0] not in (0, VERSION):
        raise Unusable
    connection.executescript(_TABLES)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def opened_to_read(path: str) -> sqlite3.Connection | None:
    """The index at `path`; None as long as there is none that can be read."""
    from urllib.parse import quote

    uri = f"file:{quote(path)}?mode=ro"
    try:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error:
        return None
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            return connection
    except sqlite3.Error:
        pass
    connection.close()
    return None


def key_of(name: bytes, value: int | None = None) -> bytes:
    """What the name is ordered by: by itself, or by a number first."""
    return natural(name) if value is None else struct.pack(">Q", value + 2**63) + natural(name)


def blocks(keys: Iterable[bytes], skip: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, first key, and names of each block; the names stand behind `skip` bytes and a natural key."""
    left = iter(keys)
    number = 0
    while part := list(islice(left, BLOCK)):
        yield number, part[0], b"/".join([key[skip:].partition(b"\x01")[2] for key in part])
        number += 1
