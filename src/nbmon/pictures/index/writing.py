"""Fills the index: one directory after another, names first, dates and sizes then.

Each directory's list is one transaction, and facts are kept as they are read: whoever is killed goes on where
it was. It is true to a directory as of the times that are kept with it; the pages compare these.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.facts import facts_of
from nbmon.pictures.folder import Entry, Folder, Names
from nbmon.pictures.index import tables
from nbmon.pictures.index.tables import BY_DATE, BY_NAME, BY_SIZE, COMPLETE, FOLDERS, LISTED, OTHERS, PICTURES
from nbmon.pictures.kinds import film_by_name
from nbmon.pictures.listing import is_tile

SMALL = 1_000  # names; smaller directories are read when they are asked for
MOST = 5_000_000  # names of one directory
AT_ONCE = 1_000  # facts in one transaction
REPORT = 20_000  # names between two words on progress
SETTLED_AFTER = 2.0  # seconds, see pages.SETTLED_AFTER

State = tuple[int, int, int, int]
Going = Callable[[], bool]  # whether to go on


class Writer:
    """Writes the index of `folder` to the connection, as long as `going` says so."""

    def __init__(
        self,
        folder: Folder,
        connection: sqlite3.Connection,
        going: Going = lambda: True,
        watch: Callable[[list[bytes]], None] = lambda _: None,
    ) -> None:
        """`watch` is called with each directory that comes into the index, before its list is read."""
        self._folder = folder
        self._db = connection
        self._going = going
        self._watch = watch

    def renew(self) -> bool:
        """Make all of the index true. False: something has just changed, and is to be looked at again."""
        settled, large = True, []
        seen: set[tuple[int, int]] = set()
        ahead: deque[list[bytes]] = deque([[]])
        while ahead and self._going():
            where = ahead.popleft()
            try:
                with self._folder.open(where) as entry:
                    state = state_of(entry)
                    if state[:2] in seen:
                        continue
                    seen.add(state[:2])
                    folders, is_large, is_settled = self._list(entry, where, state)
            except (NotHere, Unavailable, OSError):
                continue
            settled = settled and is_settled
            large += [where] if is_large else []
            ahead += [[*where, name] for name in folders]
        for where in large:
            settled = self._facts(where) and settled
        if not ahead and self._going():
            self._forget(seen)
        return settled

    def is_empty(self) -> bool:
        """Whether no folder is in the index."""
        return self._db.execute("SELECT 1 FROM folder LIMIT 1").fetchone() is None

    def _list(self, entry: Entry, where: list[bytes], state: State) -> tuple[list[bytes], bool, bool]:
        """The folders within; whether it is in the index; whether what is known of it can be trusted."""
        row = self._row(state)
        if row and row[1] >= LISTED and tuple(row[2:]) == state[2:]:
            self._watch(where)
            if state_of(entry) == state:
                return self._names(row[0], FOLDERS), True, True
        names = self._folder.names(entry, where, SMALL)
        if names.complete:
            self._drop(state)
            return names.folders, False, True
        self._watch(where)
        state = state_of(entry)
        names = self._read(entry, where, state)
        settled = state_of(entry) == state and time.time() - state[3] / 1e9 > SETTLED_AFTER
        self._write(names, state if settled else (*state[:2], 0, 0))
        return names.folders, True, settled

    def _read(self, entry: Entry, where: list[bytes], state: State) -> Names:
        """All names; on the way it is told how many there are up to now."""

        def tell(count: int) -> None:
            if count % REPORT == 0:
                self._db.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?)", (*state[:2], count))

        tell(0)
        return self._folder.names(entry, where, MOST, tell)

    def _write(self, names: Names, state: State) -> None:
        pictures = [name for name in names.files if is_tile(name)]
        others = [name for name in names.files if not is_tile(name)]
        films = sum(map(film_by_name, pictures))
        listed = ((FOLDERS, names.folders), (PICTURES, pictures), (OTHERS, others))
        counts = len(names.folders), len(pictures), films, len(others)
        with Transaction(self._db):
            row = self._row(state)
            if row is None:
                self._db.execute("INSERT INTO folder (dev, ino) VALUES (?, ?)", state[:2])
                row = self._row(state)
            assert row is not None
            folder = row[0]
            self._db.execute("DELETE FROM block WHERE folder=?", (folder,))
            for kind, some in listed:
                self._write_blocks(folder, kind, BY_NAME, sorted(map(tables.key_of, some)), 0)
            self._db.execute(
                "UPDATE folder SET mtime=?, ctime=?, pass=?, folders=?, pictures=?, films=?, others=? "
                "WHERE id=?",
                (*state[2:], LISTED, *counts, folder),
            )
            self._db.execute("DELETE FROM progress WHERE dev=? AND ino=?", state[:2])

    def _write_blocks(self, folder: int, kind: int, sort: str, keys: Iterable[bytes], skip: int) -> None:
        self._db.executemany(
            "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?)",
            ((folder, kind, sort, *block) for block in tables.blocks(keys, skip)),
        )

    def _facts(self, where: list[bytes]) -> bool:
        """Read what is not known yet of the pictures in the directory; then keep their other orders."""
        try:
            with self._folder.open(where) as entry:
                row = self._row(state_of(entry))
        except (NotHere, Unavailable, OSError):
            return True
        if row is None or row[1] != LISTED:
            return True
        folder, pictures = row[0], self._names(row[0], PICTURES)
        for at in range(0, len(pictures), AT_ONCE):
            if not self._going():
                return False
            self._some_facts(folder, where, pictures[at : at + AT_ONCE])
        self._write_orders(folder, pictures)
        return True

    def _some_facts(self, folder: int, where: list[bytes], names: list[bytes]) -> None:
        marks = ",".join("?" * len(names))
        known = {
            name: (mtime, size)
            for name, mtime, size in self._db.execute(
                f"SELECT name, mtime, size FROM fact WHERE folder=? AND name IN ({marks})",  # noqa: S608 - marks
                (folder, *names),
            )
        }
        found = []
        for name in names:
            status = self._look([*where, name])
            if status is not None and known.get(name) != (status.st_mtime_ns, status.st_size):
                taken = self._taken([*where, name], status)
                found.append((folder, name, status.st_mtime_ns, status.st_size, taken))
        with Transaction(self._db):
            self._db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?, ?, ?, ?)", found)

    def _look(self, path: list[bytes]) -> os.stat_result | None:
        try:
            status = self._folder.look(path)
        except (NotHere, Unavailable):
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def _taken(self, path: list[bytes], status: os.stat_result) -> int:
        try:
            with self._folder.open(path) as entry:
                return facts_of(entry.read, entry.status).taken
        except (NotHere, Unavailable, OSError):
            return int(status.st_mtime)

    def _write_orders(self, folder: int, pictures: list[bytes]) -> None:
        with Transaction(self._db):
            known = {name for (name,) in self._db.execute("SELECT name FROM fact WHERE folder=?", (folder,))}
            gone = [(folder, name) for name in known.difference(pictures)]
            self._db.executemany("DELETE FROM fact WHERE folder=? AND name=?", gone)
            lost = [(folder, name, 0, 0, 0) for name in pictures if name not in known]
            self._db.executemany("INSERT INTO fact VALUES (?, ?, ?, ?, ?)", lost)
            for sort, column in ((BY_DATE, "taken"), (BY_SIZE, "size")):
                self._db.execute("DELETE FROM block WHERE folder=? AND sort=?", (folder, sort))
                rows = self._db.execute(
                    f"SELECT name, {column} FROM fact WHERE folder=? ORDER BY {column}",  # noqa: S608 - a word
                    (folder,),
                )
                self._write_blocks(folder, PICTURES, sort, _keys(rows), 8)
            self._db.execute("UPDATE folder SET pass=? WHERE id=?", (COMPLETE, folder))

    def _row(self, state: State) -> tuple[int, ...] | None:
        question = "SELECT id, coalesce(pass, 0), mtime, ctime FROM folder WHERE dev=? AND ino=?"
        row: tuple[int, ...] | None = self._db.execute(question, state[:2]).fetchone()
        return row

    def _names(self, folder: int, kind: int) -> list[bytes]:
        rows: Iterator[tuple[bytes]] = self._db.execute(
            "SELECT names FROM block WHERE folder=? AND kind=? AND sort=? ORDER BY number",
            (folder, kind, BY_NAME),
        )
        return [name for (names,) in rows for name in names.split(b"/")]

    def _drop(self, state: State) -> None:
        row = self._row(state)
        if row is None:
            return
        with Transaction(self._db):
            for table, column in (("block", "folder"), ("fact", "folder"), ("folder", "id")):
                self._db.execute(f"DELETE FROM {table} WHERE {column}=?", row[:1])  # noqa: S608 - of three words

    def _forget(self, seen: set[tuple[int, int]]) -> None:
        """What is not in the folder any more; nobody has been looking while the server was down."""
        for dev, ino in self._db.execute("SELECT dev, ino FROM folder").fetchall():
            if (dev, ino) not in seen:
                self._drop((dev, ino, 0, 0))
        self._db.execute("DELETE FROM progress")


def is_large_within(folder: Folder) -> bool:
    """Whether the folder, or one within, is large: else there is nothing that an index would be good for."""
    seen: set[tuple[int, int]] = set()
    ahead: deque[list[bytes]] = deque([[]])
    while ahead:
        where = ahead.popleft()
        try:
            with folder.open(where) as entry:
                if (identity := state_of(entry)[:2]) in seen:
                    continue
                seen.add(identity)
                names = folder.names(entry, where, SMALL)
        except (NotHere, Unavailable, OSError):
            continue
        if not names.complete:
            return True
        ahead += [[*where, name] for name in names.folders]
    return False


def _keys(rows: Iterable[tuple[bytes, int]]) -> Iterator[bytes]:
    """Keys in order, of rows in the order of their numbers."""
    for value, equal in groupby(rows, key=itemgetter(1)):
        yield from sorted(tables.key_of(name, value) for name, _ in equal)


class Transaction:
    """All of what is done within, or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def state_of(entry: Entry) -> State:
    """The directory's identity and times, as they are now."""
    status = entry.look()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
