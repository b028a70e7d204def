"""Many files as one zip file that is made while it is sent, in memory that does not grow with the files.

Stored, not deflated: pictures are compressed already. Each file's CRC follows it in a data descriptor, since
it is known only once the file has been read (APPNOTE.TXT, sections 4.3.9 and 4.4.4); large files and large
archives have the zip64 records of section 4.3.14. Names are UTF-8 (4.4.4, bit 11). What the bytes are sent
over is not known here.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.folder import Entry
from nbmon.pictures.names import readable

PIECE = 65_536  # bytes read at once
LARGE = 0xFFFFFFFF  # bytes: from here on a number stands in a zip64 field (section 4.4.1.4)
MANY = 0xFFFF  # files
FLAGS = 0x0808  # data descriptor follows; the name is UTF-8
MADE_BY = 3 << 8 | 45  # a Unix system; zip64
MODE = 0o100644 << 16  # a plain file, whatever it was
MAX_NAME = 1_000  # bytes of UTF-8
_UNSAFE = str.maketrans({"\\": "_", ":": "_"})  # what is a path, or a drive, to Windows

Names = list[bytes]  # the segments of a path


class Changed(Exception):  # noqa: N818  # what happened, not whose fault it is
    """A file is not as long as was promised: the archive cannot be finished."""


class _Record(NamedTuple):
    """What the central directory has to say of one file."""

    name: bytes
    when: tuple[int, int]
    crc: int
    size: int
    offset: int


def safe_name(path: Names, taken: set[str] | None = None) -> bytes:
    """The path as it stands in the archive: of plain segments, and unlike all that `taken` holds."""
    name = "/".join(readable(segment).translate(_UNSAFE).strip() or "_" for segment in path)
    stem, dot, suffix = name.rpartition(".")
    if not dot or "/" in suffix:
        stem, suffix = name, ""
    unlike, count = name, 1
    while taken is not None and unlike.casefold() in taken:
        count += 1
        unlike = f"{stem} ({count}){dot}{suffix}" if suffix else f"{name} ({count})"
    if taken is not None:
        taken.add(unlike.casefold())
    return unlike.encode("utf-8", "replace")[-MAX_NAME:]


def dos_time(moment: float) -> tuple[int, int]:
    """Time and date as MS-DOS has them: local, in steps of 2 seconds, from 1980 to 2107."""
    try:
        t = time.localtime(moment)
    except (OverflowError, ValueError, OSError):
        t = time.localtime(0)
    if not 1980 <= t.tm_year <= 2107:
        return 0, 1 << 5 | 1
    return t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec // 2, (
        t.tm_year - 1980
    ) << 9 | t.tm_mon << 5 | t.tm_mday


def _local(name: bytes, when: tuple[int, int], size: int) -> bytes:
    large = size >= LARGE
    extra = struct.pack("<HHQQ", 1, 16, 0, 0) if large else b""
    sizes = (LARGE, LARGE) if large else (0, 0)
    head = struct.pack(
        "<IHHHHHIIIHH", 0x04034B50, 45 if large else 20, FLAGS, 0, *when, 0, *sizes, len(name), len(extra)
    )
    return head + name + extra


def _descriptor(crc: int, size: int) -> bytes:
    return struct.pack("<IIQQ" if size >= LARGE else "<IIII", 0x08074B50, crc, size, size)


def _central(record: _Record) -> bytes:
    size, offset = record.size, record.offset
    wide = [number for number in (size, size, offset) if number >= LARGE]
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    kept, at = min(size, LARGE), min(offset, LARGE)
    head = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, MADE_BY, 45 if wide else 20, FLAGS, 0, *record.when, record.crc,
        kept, kept, len(record.name), len(extra), 0, 0, 0, MODE, at,
    )  # fmt: skip
    return head + record.name + extra


def _end(count: int, start: int, length: int) -> bytes:
    end = b""
    if count >= MANY or start >= LARGE or length >= LARGE:
        at = start + length
        end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, MADE_BY, 45, 0, 0, count, count, length, start)
        end += struct.pack("<IIQI", 0x07064B50, 0, at, 1)
    few = min(count, MANY)
    return end + struct.pack(
        "<IHHHHIIH", 0x06054B50, 0, 0, few, few, min(length, LARGE), min(start, LARGE), 0
    )


def length_of(files: list[tuple[bytes, int]]) -> int:
    """Bytes of the archive of these files, given their names in it and their sizes."""
    at = directory = 0
    for name, size in files:
        directory += len(_central(_Record(name, (0, 0), 0, size, at)))
        at += len(_local(name, (0, 0), size)) + size + len(_descriptor(0, size))
    return at + directory + len(_end(len(files), at, directory))


class Zip:
    """An `http.Stream` of the archive of `paths`, each opened when its turn comes.

    `sizes`, if it is given, has the length of each, in order: then the archive's length is known before it
    is made, and a file that has changed since ends it (Changed). Otherwise what is gone is left out.
    """

    def __init__(
        self,
        open_file: Callable[[Names], Entry],
        paths: Iterator[Names],
        skip: int,
        sizes: list[int] | None = None,
    ) -> None:
        """`skip` of each path's segments lead to the folder whose archive this is."""
        self._open = open_file
        self._skip = skip
        self._sizes = sizes
        self.length: int | None = None
        if sizes is not None:
            listed, taken = list(paths), set[str]()
            names = [safe_name(path[skip:], taken) for path in listed]
            self.length = length_of(list(zip(names, sizes, strict=True)))
            paths = iter(listed)
        self._pieces = self._made(paths)

    def fileno(self) -> int:
        """-1: a next piece is there at once."""
        return -1

    def next_piece(self) -> bytes | None:
        """The next bytes; None at the end. Changed, OSError: it cannot be finished."""
        return next(self._pieces, None)

    def close(self) -> None:
        """Close the file that is being read."""
        self._pieces.close()

    def _made(self, paths: Iterator[Names]) -> Generator[bytes, None, None]:
        at, count, directory, taken = 0, 0, bytearray(), set[str]()
        for number, path in enumerate(paths):
            try:
                entry = self._open(path)
            except (NotHere, Unavailable):
                if self._sizes is not None:
                    raise Changed from None
                continue
            with entry:
                size = entry.status.st_size
                if entry.is_folder or (self._sizes is not None and self._sizes[number] != size):
                    raise Changed
                name, when = safe_name(path[self._skip :], taken), dos_time(entry.status.st_mtime)
                head, crc = _local(name, when, size), 0
                for piece in _read(entry, size):
                    crc = zlib.crc32(piece, crc)
                    yield head + piece
                    head = b""
            tail = head + _descriptor(crc, size)
            yield tail
            directory += _central(_Record(name, when, crc, size, at))
            at += len(_local(name, when, size)) + size + len(tail) - len(head)
            count += 1
        for start in range(0, len(directory), PIECE):
            yield bytes(directory[start : start + PIECE])
        yield _end(count, at, len(directory))


def _read(entry: Entry, size: int) -> Iterator[bytes]:
    at = 0
    while at < size:
        piece = entry.read(at, min(PIECE, size - at))
        if not piece:
            raise Changed
        at += len(piece)
        yield piece
