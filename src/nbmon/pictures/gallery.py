"""What the page of one folder shows: sub-folders, pictures, other files, in order, a page at a time.

Reads the folder (through `Folder` alone) and gives plain values; how they look is the template's affair.
All work is bounded: names read, pictures measured, sub-folders counted.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import NamedTuple

from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.folder import MAX_COUNTED, Entry, Folder, Names
from nbmon.pictures.kinds import shown_by_name, suffix_of
from nbmon.pictures.names import bytes_for_people, counted, described, natural, readable
from nbmon.pictures.paths import encode
from nbmon.pictures.sizes import Size, size_of

ON_A_PAGE = 200  # folders, pictures and files together
COUNTED_ON_A_PAGE = 10_000  # names looked at in all sub-folders of a page; then no more are counted
COVERS = 3  # pictures that stand for a sub-folder
SMALL_SIDE = 200  # pixels: a picture with no side above this is not blown up


class Crumb(NamedTuple):
    """One step of the way from the top to here."""

    name: str
    href: str


class SubFolder(NamedTuple):
    """A folder within; `covers` are references of its first pictures."""

    name: str
    href: str
    holds: str
    covers: list[str]


class Picture(NamedTuple):
    """A picture that browsers show; `width` and `height` are 0 where the header does not tell."""

    name: str
    href: str
    alt: str
    width: int
    height: int
    small: bool


class OtherFile(NamedTuple):
    """Any other file."""

    name: str
    href: str
    kind: str
    size: str


class Contents(NamedTuple):
    """All names of a folder, sorted: folders, then pictures, then other files."""

    folders: list[bytes]
    pictures: list[bytes]
    others: list[bytes]
    complete: bool


class Gallery(NamedTuple):
    """One page of a folder."""

    title: str
    crumbs: list[Crumb]
    to_top: str  # relative reference of the top folder
    summary: str
    folders: list[SubFolder]
    pictures: list[Picture]
    others: list[OtherFile]
    page: int
    pages: int
    complete: bool


def contents(names: Names) -> Contents:
    """The names sorted for a page."""
    pictures = [name for name in names.files if shown_by_name(name)]
    others = [name for name in names.files if not shown_by_name(name)]
    return Contents(
        sorted(names.folders, key=natural),
        sorted(pictures, key=natural),
        sorted(others, key=natural),
        names.complete,
    )


def pages_of(held: Contents) -> int:
    """How many pages the folder fills; an empty one fills one."""
    total = len(held.folders) + len(held.pictures) + len(held.others)
    return max(1, -(-total // ON_A_PAGE))


def gallery(folder: Folder, where: list[bytes], held: Contents, page: int) -> Gallery:
    """Page number `page`, from 1, of the folder at the segments `where` that holds `held`."""
    depth = len(where)
    names = [folder.title, *(readable(name) for name in where)]
    folders, pictures, others = _on_page(held, page)
    budget = _Budget()
    return Gallery(
        title=names[-1],
        crumbs=[Crumb(name, "../" * (depth - level)) for level, name in enumerate(names[:-1])],
        to_top="../" * depth or "./",
        summary=_summary(held),
        folders=[_sub_folder(folder, where, name, budget) for name in folders],
        pictures=[_picture(folder, where, name) for name in pictures],
        others=[_other(folder, where, name) for name in others],
        page=page,
        pages=pages_of(held),
        complete=held.complete,
    )


def _on_page(held: Contents, page: int) -> list[list[bytes]]:
    """The part of each list that stands on the page, when they are laid end to end."""
    begin = (page - 1) * ON_A_PAGE
    parts = []
    for names in (held.folders, held.pictures, held.others):
        parts.append(names[max(0, begin) : max(0, begin + ON_A_PAGE)])
        begin -= len(names)
    return parts


def _summary(held: Contents) -> str:
    """`2 folders, 7 pictures, 1 other file`, without what there is none of."""
    parts = (
        (len(held.folders), "folder", "folders"),
        (len(held.pictures), "picture", "pictures"),
        (len(held.others), "other file", "other files"),
    )
    return ", ".join(counted(*part) for part in parts if part[0])


class _Budget:
    """How many names may still be looked at for the sake of counts."""

    def __init__(self) -> None:
        self.left = COUNTED_ON_A_PAGE


def _sub_folder(folder: Folder, where: list[bytes], name: bytes, budget: _Budget) -> SubFolder:
    href = encode(name) + "/"
    inside = [*where, name]
    if budget.left <= 0:
        return SubFolder(readable(name), href, "", [])
    try:
        with folder.open(inside) as entry:
            names = folder.names(entry, inside, min(MAX_COUNTED, budget.left))
    except (NotHere, Unavailable):  # gone meanwhile, or not readable
        return SubFolder(readable(name), href, "not readable", [])
    budget.left -= 1 + len(names.files) + len(names.folders)
    pictures = [name for name in names.files if shown_by_name(name)]
    covers = [href + encode(picture)[2:] for picture in nsmallest(COVERS, pictures, key=natural)]
    return SubFolder(readable(name), href, _holds(names, len(pictures)), covers)


def _holds(names: Names, pictures: int) -> str:
    more = not names.complete
    if pictures:
        return counted(pictures, "picture", "pictures", more=more)
    if names.folders:
        return counted(len(names.folders), "folder", "folders", more=more)
    return counted(len(names.files), "file", "files", more=more) if names.files else "empty"


def _picture(folder: Folder, where: list[bytes], name: bytes) -> Picture:
    width, height = _measured(folder, [*where, name]) or (0, 0)
    small = 0 < max(width, height) <= SMALL_SIDE
    return Picture(readable(name), encode(name), described(name), width, height, small)


def _measured(folder: Folder, path: list[bytes]) -> Size | None:
    try:
        with folder.open(path) as entry:
            return None if entry.is_folder else size_of(entry.read)
    except (NotHere, Unavailable, OSError):  # the page shows the picture's name at least
        return None


def _other(folder: Folder, where: list[bytes], name: bytes) -> OtherFile:
    kind = readable(suffix_of(name)).upper() if 0 < len(suffix_of(name)) <= 8 else ""
    return OtherFile(readable(name), encode(name), kind, _length(folder, [*where, name]))


def _length(folder: Folder, path: list[bytes]) -> str:
    try:
        with folder.open(path) as entry:
            return bytes_for_people(entry.status.st_size)
    except (NotHere, Unavailable):
        return "not readable"


def read_contents(folder: Folder, entry: Entry, where: list[bytes]) -> Contents:
    """The sorted contents of the open folder `entry` at the segments `where`; NotHere, Unavailable."""
    return contents(folder.names(entry, where))
