"""Which files a download holds: those that were chosen, or all that a page shows and all beneath it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from itertools import chain, islice
from urllib.parse import quote, unquote_to_bytes

from nbmon.http import Response, error_response
from nbmon.pictures.asked import Asked, has, values
from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.folder import Folder, Names
from nbmon.pictures.listing import Contents
from nbmon.pictures.names import natural, readable
from nbmon.pictures.tokens import Tokens
from nbmon.pictures.zipped import Zip

MAX_PLANNED = 5_000  # files that are looked at before, so that the length of their archive can be told
MAX_DEPTH = 64  # folders within folders
MAX_NAMES = 1_000_000  # of one folder

Path = list[bytes]


def bundle(folder: Folder, where: Path, held: Contents, asked: Asked, query: bytes | None) -> Response:
    """The answer to a request for a zip file of the folder at `where`."""
    title = readable(where[-1]) if where else folder.title
    if names := values(query, b"n"):
        paths = _chosen(where, names)
    elif has(query, b"k") or has(query, b"but"):
        paths = _picked(where, held, query)
    elif asked.searches:
        paths = ([*where, *name.split(b"/")] for name in held.pictures)
        title = asked.search or title
    else:
        paths = _all(folder, where, held)
    planned = [(path, size) for path, size in _sizes(folder, islice(paths, MAX_PLANNED))]
    if not planned:
        return error_response(404, "None of what is to be downloaded is here.")
    rest = next(paths, None)
    known = [path for path, _ in planned]
    if rest is None:
        stream = Zip(folder.open, iter(known), len(where), [size for _, size in planned])
    else:
        stream = Zip(folder.open, chain(known, [rest], paths), len(where))
    return Response(200, _fields(title), stream)


def _fields(title: str) -> list[tuple[bytes, bytes]]:
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in " ._-") else "_" for sign in title)
    full = quote(f"{title}.zip", safe="", errors="replace")
    disposition = f"attachment; filename=\"{plain[:100]}.zip\"; filename*=UTF-8''{full}"  # RFC 6266
    return [
        (b"Content-Type", b"application/zip"),
        (b"Content-Disposition", disposition.encode()),
        (b"Cache-Control", b"no-store"),
        (b"X-Content-Type-Options", b"nosniff"),
    ]


def _chosen(where: Path, names: list[bytes]) -> Iterator[Path]:
    """As the form has them: encoded once more, since a form's values are text and names need not be."""
    unique = sorted({unquote_to_bytes(name) for name in names}, key=natural)
    return ([*where, *name.split(b"/")] for name in unique)


def _picked(where: Path, held: Contents, query: bytes | None) -> Iterator[Path]:
    """Those of the list whose tokens the query has as `k`, joined by dots; or all but those of `but`."""
    picked, spared = (
        Tokens(b".".join(values(query, key)).decode("latin-1").split(".")) for key in (b"k", b"but")
    )
    by_pick = has(query, b"k")
    for name in held.pictures:
        if (name in picked) if by_pick else (name not in spared):
            yield [*where, *name.split(b"/")]


def _all(folder: Folder, where: Path, held: Contents) -> Iterator[Path]:
    """All files of the folder and of those within, each folder's own first, in the order of its page."""
    entered: set[tuple[int, int]] = set()
    names = _names(folder, where, entered, 0 if held.complete else MAX_NAMES)
    own = chain(held.pictures, held.others) if held.complete else iter(sorted(names.files, key=natural))
    yield from ([*where, name] for name in own)
    for name in held.folders if held.complete else sorted(names.folders, key=natural):
        yield from _within(folder, [*where, name], entered, 1)


def _within(folder: Folder, inside: Path, entered: set[tuple[int, int]], depth: int) -> Iterator[Path]:
    names = _names(folder, inside, entered)
    yield from ([*inside, name] for name in sorted(names.files, key=natural))
    if depth < MAX_DEPTH:
        for name in sorted(names.folders, key=natural):
            yield from _within(folder, [*inside, name], entered, depth + 1)


def _names(folder: Folder, inside: Path, entered: set[tuple[int, int]], limit: int = MAX_NAMES) -> Names:
    """Those of a folder that was not entered before, as by a link to one above."""
    try:
        with folder.open(inside) as entry:
            identity = entry.status.st_dev, entry.status.st_ino
            if identity in entered:
                return Names()
            entered.add(identity)
            return folder.names(entry, inside, limit)
    except (NotHere, Unavailable):
        return Names()


def _sizes(folder: Folder, paths: Iterator[Path]) -> Iterator[tuple[Path, int]]:
    """Those of the paths that are files, with their lengths."""
    for path in paths:
        try:
            status = folder.look(path)
        except (NotHere, Unavailable):
            continue
        if stat.S_ISREG(status.st_mode):
            yield path, status.st_size
