"""A list in the index as a sequence, of which only what is looked at is in memory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from typing import Any, overload

from nbmon.pictures.index.tables import BLOCK, BY_DATE, BY_NAME, COMPLETE, PICTURES, key_of
from nbmon.pictures.names import folded


class Reader:
    """One connection, for all threads of this process."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def rows(self, question: str, *values: object) -> list[Any]:
        """All rows. sqlite3.Error: the file is damaged, or gone."""
        with self._lock:
            return self._connection.execute(question, values).fetchall()

    def __del__(self) -> None:
        """When neither the index nor a list of it is used any more."""
        self._connection.close()


class Stored(Sequence[bytes]):
    """The names of one kind in one folder, in one order. sqlite3.Error where the file is damaged."""

    def __init__(  # noqa: PLR0917 - its place in the index, all of it
        self, reader: Reader, folder: int, kind: int, length: int, sort: str = BY_NAME, falls: bool = False
    ) -> None:
        self._reader = reader
        self._folder = folder
        self._kind = kind
        self._length = length
        self._sort = sort
        self._falls = falls
        self.films = 0

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, where: int) -> bytes: ...
    @overload
    def __getitem__(self, where: slice) -> list[bytes]: ...
    def __getitem__(self, where: int | slice) -> bytes | list[bytes]:
        if isinstance(where, int):
            at = range(self._length)[where]
            return self[at : at + 1][0]
        start, stop, step = where.indices(self._length)
        if step == -1 and start == self._length - 1 and stop == -1:
            return self.ordered(self._sort, falls=not self._falls)  # type: ignore[return-value]  # as good as
        assert step == 1, where
        if self._falls:
            found = self._range(self._length - stop, self._length - start)
            return found[::-1]
        return self._range(start, stop)

    def _range(self, start: int, stop: int) -> list[bytes]:
        if start >= stop:
            return []
        first = start // BLOCK
        found: list[bytes] = []
        for names in self._blocks(first, (stop - 1) // BLOCK):
            found += names.split(b"/")
        return found[start - first * BLOCK : stop - first * BLOCK]

    def _blocks(self, first: int, last: int) -> Iterator[bytes]:
        question = "SELECT names FROM block WHERE folder=? AND kind=? AND sort=? AND number BETWEEN ? AND ?"
        for (names,) in self._reader.rows(
            question + " ORDER BY number", self._folder, self._kind, self._sort, first, last
        ):
            yield names

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, self._length, 8 * BLOCK):
            yield from self[start : min(self._length, start + 8 * BLOCK)]

    def index(self, value: bytes, *_bounds: int) -> int:
        """The place of that name; ValueError if it has none. Bounds are not heeded: all is looked through."""
        rows = self._reader.rows(
            "SELECT number, names FROM block WHERE folder=? AND kind=? AND sort=? AND first<=? "
            "ORDER BY number DESC LIMIT 1",
            *(self._folder, self._kind, self._sort, self._key(value)),
        )
        for number, names in rows:
            at = int(number) * BLOCK + int(names.split(b"/").index(value))
            return self._length - 1 - at if self._falls else at
        raise ValueError(value)

    def _key(self, name: bytes) -> bytes:
        if self._sort == BY_NAME:
            return key_of(name)
        question = "SELECT taken, size FROM fact WHERE folder=? AND name=?"
        for taken, size in self._reader.rows(question, self._folder, name):
            return key_of(name, taken if self._sort == BY_DATE else size)
        raise ValueError(name)

    def __contains__(self, name: object) -> bool:
        try:
            self.index(name)  # type: ignore[arg-type]  # what is no name is not found
        except (ValueError, TypeError):
            return False
        return True

    def ordered(self, sort: str, *, falls: bool) -> Stored:
        """The same names in another order, which the index must have."""
        other = Stored(self._reader, self._folder, self._kind, self._length, sort, falls)
        other.films = self.films
        return other

    def matching(self, words: list[str]) -> Iterator[bytes]:
        """The names in which all words stand. Blocks are looked at whole first: nearly all have none."""
        for number in range(-(-self._length // BLOCK)):
            for names in self._blocks(number, number):
                text = folded(names)
                if all(word in text for word in words):
                    yield from (n for n in names.split(b"/") if all(word in folded(n) for word in words))


class Pictures(Stored):
    """The pictures of a folder, which also stand in other orders once those are known."""

    def __init__(self, reader: Reader, folder: int, length: int, films: int, done: int) -> None:
        super().__init__(reader, folder, PICTURES, length)
        self.films = films
        self.has_orders = done == COMPLETE
