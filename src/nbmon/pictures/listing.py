"""Which names a page lists, and in what order: of one folder, or of all that a search finds within it.

A name here is a path relative to the folder of the page: of one segment, but for what a search found further
down. All work is bounded: names read, folders entered, heads of files read for a date.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple, Protocol, cast

from nbmon.pictures.asked import Asked
from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.facts import Known, local
from nbmon.pictures.folder import MAX_NAMES, Entry, Folder, Names
from nbmon.pictures.kinds import film_by_name, picture_by_name
from nbmon.pictures.names import folded, natural

MAX_DATED = 1_000  # pictures whose heads are read for one page; beyond, the files' own times stand for dates
MAX_FOLDERS = 2_000  # entered by one search

State = tuple[int, int, int, int]  # of a directory: device, inode, mtime, ctime (nanoseconds)


class Ordered(Protocol):
    """The pictures of a list that is kept elsewhere, in several orders."""

    films: int
    has_orders: bool

    def ordered(self, sort: str, *, falls: bool) -> Sequence[bytes]:
        """The same in another order."""

    def matching(self, words: list[str]) -> Iterator[bytes]:
        """Those in which all the words stand, as `names.folded` has them."""


class Lists(Protocol):
    """Where lists of large folders are kept."""

    def contents(self, state: State, *, even_if_older: bool = False) -> Contents | None:
        """The list of a directory as it is in that state; or as it was last."""

    def seen(self, state: State) -> int | None:
        """How many names of it have been read up to now; None if nobody reads it."""


class Contents(NamedTuple):
    """All names of a folder, in order: folders, then pictures and films, then other files."""

    folders: Sequence[bytes]
    pictures: Sequence[bytes]
    others: Sequence[bytes]
    complete: bool
    note: tuple[object, ...] = ()  # of words: why it is not all, or not in the order that was asked for

    @property
    def films(self) -> int:
        """How many of the pictures are films."""
        kept: int | None = getattr(self.pictures, "films", None)
        return sum(map(film_by_name, self.pictures)) if kept is None else kept

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.folders) + len(self.pictures) + len(self.others)


def is_tile(name: bytes) -> bool:
    """Whether a file of that name stands among the pictures."""
    return picture_by_name(name) or film_by_name(name)


def contents(names: Names) -> Contents:
    """The names in natural order."""
    pictures = [name for name in names.files if is_tile(name)]
    others = [name for name in names.files if not is_tile(name)]
    return Contents(
        sorted(names.folders, key=natural),
        sorted(pictures, key=natural),
        sorted(others, key=natural),
        names.complete,
    )


def read_contents(folder: Folder, entry: Entry, where: list[bytes]) -> Contents:
    """The sorted contents of the open folder `entry` at the segments `where`; NotHere, Unavailable."""
    return contents(folder.names(entry, where))


class Shelf:
    """Lists of one folder and of all within."""

    def __init__(self, folder: Folder, known: Known, lists: Lists | None = None) -> None:
        self._folder = folder
        self._lists = lists
        self._known = known

    def arranged(self, held: Contents, where: list[bytes], asked: Asked) -> Contents:
        """`held`, or what is found in it and beneath, in the order that is asked for."""
        if asked.searches:
            held = self._found(where, asked)
        if asked.sort == "name":
            return held
        key = asked.sort.lstrip("-")
        falls = asked.sort.startswith("-")
        if hasattr(held.pictures, "ordered"):
            return _ordered(held, cast("Ordered", held.pictures), key, falls=falls)
        order: dict[bytes, int] = {}
        if key == "size":
            order = {name: self._look(where, name)[1] for name in held.pictures}
        elif key == "date":
            order = self._dates(where, held.pictures)
        pictures = held.pictures[::-1] if falls and not order else held.pictures
        # Equal ones stay in the order of their names, upwards and downwards.
        pictures = sorted(pictures, key=lambda name: order[name], reverse=falls) if order else pictures
        return held._replace(pictures=pictures)

    def _dates(self, where: list[bytes], pictures: Sequence[bytes]) -> dict[bytes, int]:
        if len(pictures) <= MAX_DATED:
            return {name: self._known.get([*where, *name.split(b"/")]).taken for name in pictures}
        return {name: local(self._look(where, name)[0]) for name in pictures}

    def _look(self, where: list[bytes], name: bytes) -> tuple[float, int]:
        try:
            status = self._folder.look([*where, *name.split(b"/")])
        except (NotHere, Unavailable):
            return 0.0, 0
        return status.st_mtime, status.st_size

    def _found(self, where: list[bytes], asked: Asked) -> Contents:
        """Pictures in the folder and in all within, level by level."""
        words, found = _words(asked.search), []
        wanted = _matcher(words)
        ahead = deque([b""])
        entered: set[tuple[int, int]] = set()
        left, complete = MAX_NAMES, True
        while ahead:
            if len(entered) >= MAX_FOLDERS or left <= 0:
                complete = False
                break
            above = ahead.popleft()
            names = self._names([*where, *filter(None, above.split(b"/"))], left, entered, words)
            complete = complete and names.complete
            left -= len(names.files) + len(names.folders)
            tiles = sorted((name for name in names.files if is_tile(name) and wanted(name)), key=natural)
            found += [above + name for name in tiles]
            ahead += [above + name + b"/" for name in sorted(names.folders, key=natural)]
        return Contents([], self._between(where, found, asked), [], complete)

    def _names(
        self, inside: list[bytes], limit: int, entered: set[tuple[int, int]], words: list[str]
    ) -> Names:
        """Those of a folder that was not entered before, as by a link to a folder above."""
        try:
            with self._folder.open(inside) as entry:
                identity = entry.status.st_dev, entry.status.st_ino
                if identity in entered:
                    return Names()
                entered.add(identity)
                return self._kept(entry, words) or self._folder.names(entry, inside, limit)
        except (NotHere, Unavailable):
            return Names()

    def _kept(self, entry: Entry, words: list[str]) -> Names | None:
        """Of a folder whose list is kept: the pictures that match, and the folders to go on with."""
        held = self._lists.contents(state_of(entry)) if self._lists is not None else None
        if held is None:
            return None
        names = Names()
        names.files = list(islice(cast("Ordered", held.pictures).matching(words), MAX_NAMES))
        names.folders = list(islice(held.folders, MAX_FOLDERS))
        names.complete = len(names.files) < MAX_NAMES
        return names

    def _between(self, where: list[bytes], found: list[bytes], asked: Asked) -> list[bytes]:
        if not asked.since and not asked.until:
            return found
        first = _first(asked.since) if asked.since else -(2**62)
        last = _beyond(asked.until) if asked.until else 2**62
        dates = self._dates(where, found)
        return [name for name in found if first <= dates[name] < last]


def _ordered(held: Contents, pictures: Ordered, key: str, *, falls: bool) -> Contents:
    if key != "name" and not pictures.has_orders:
        return held._replace(note=("undated",))
    return held._replace(pictures=pictures.ordered(key, falls=falls))


def state_of(entry: Entry) -> State:
    """A directory's identity and times as they are now; `entry.status` is as old as the opening."""
    status = entry.look()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _words(search: str) -> list[str]:
    return folded(search.encode("utf-8", "replace")).split()


def _matcher(words: list[str]) -> Callable[[bytes], bool]:
    """Every word of the search stands somewhere in the name, whatever its case and its accents."""
    return lambda name: all(word in folded(name) for word in words)


def _first(date: str) -> int:
    """The first second of a year, a month or a day."""
    year, month, day = (int(part) for part in f"{date}-01-01"[:10].split("-"))
    try:
        return int(datetime(max(1, year), month, day, tzinfo=UTC).timestamp())
    except ValueError:  # the 31st of a shorter month
        return _first(date[:7]) + (day - 1) * 86_400


def _beyond(date: str) -> int:
    """The first second after it."""
    if len(date) == 10:
        return _first(date) + 86_400
    year, month = int(date[:4]), int(date[5:7] or 12)
    year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return _first(f"{year:04}-{month:02}") if year < 10_000 else 2**62
