"""Where in a camera's raw file its preview lies, a JPEG that the camera made. Pure; a stranger's bytes.

Most raw formats are TIFF (TIFF 6.0; DNG 1.7) whose directories hold the sensor's data, the preview and a
thumbnail: NEF, CR2, ARW, DNG, PEF, SRW, and RW2 with a magic number of its own. RAF has its preview's place
in its header, CR3 in a box (ISO 14496-12). Everything read is bounded: directories, entries, boxes,
segments. The sensor's data are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

Read = Callable[[int, int], bytes]  # (offset, length) -> at most that many bytes

MOST_DIRECTORIES = 32
MOST_ENTRIES = 512  # of one directory
MOST_VALUES = 16  # of one entry
MOST_SEGMENTS = 64  # of a JPEG, before its frame header
MOST_BOXES = 64
MOST_BYTES = 64 << 20  # of a preview

_PHOTOMETRIC, _STRIPS, _ORIENTATION, _STRIP_BYTES = 0x0106, 0x0111, 0x0112, 0x0117
_SUB_DIRECTORIES, _JPEG, _JPEG_BYTES, _DNG_VERSION, _JPEG_FROM_RAW = 0x014A, 0x0201, 0x0202, 0xC612, 0x002E
_OF_INTEREST = {
    _PHOTOMETRIC, _STRIPS, _ORIENTATION, _STRIP_BYTES, _SUB_DIRECTORIES, _JPEG, _JPEG_BYTES, _DNG_VERSION,
    _JPEG_FROM_RAW,
}  # fmt: skip
_SENSORS = frozenset((32_803, 34_892))  # PhotometricInterpretation: colour filter array, linear raw
_WIDTHS = {1: 1, 3: 2, 4: 4, 7: 1, 13: 4}  # bytes of a value: BYTE, SHORT, LONG, UNDEFINED, IFD
_RW2 = 0x55  # in the place of TIFF's 42
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))  # SOF0 to 2: not SOF3, which holds the sensor's data without loss
_CR3_PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
_CR3_METADATA = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")


class Preview(NamedTuple):
    """Where it lies, and how the raw file says that it is to be turned (EXIF orientation, 1 to 8)."""

    offset: int
    length: int  # bytes
    orientation: int = 1


def preview(read: Read) -> Preview | None:
    """The preview with most pixels; None where the file is no raw one, or has none."""
    head = read(0, 100)
    if head[:2] in (b"II", b"MM"):
        found, turn = _of_tiff(_Tiff(read, 0))
    elif head.startswith(b"FUJIFILMCCD-RAW "):
        found, turn = [(_big(head[84:88]), _big(head[88:92]))], 1
    elif head[4:12] == b"ftypcrx ":
        found, turn = _of_boxes(read)
    else:
        return None
    sizes = {place: _pixels(read, *place) for place in found}
    best = max(sizes, key=lambda place: sizes[place], default=None)
    return Preview(*best, turn) if best is not None and sizes[best] else None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _pixels(read: Read, offset: int, length: int) -> int:
    """Of the JPEG there, if it is one that can be read; else 0."""
    if not 0 < length <= MOST_BYTES or read(offset, 3) != b"\xff\xd8\xff" or not read(offset + length - 1, 1):
        return 0
    at = offset + 2
    for _ in range(MOST_SEGMENTS):
        segment = read(at, 9)
        if len(segment) < 9 or segment[0] != 0xFF or at >= offset + length:
            return 0
        if segment[1] in _FRAMES:
            return _big(segment[5:7]) * _big(segment[7:9])
        if segment[1] == 0xC3 or not 0xC0 <= segment[1] < 0xFF:
            return 0
        at += 2 + _big(segment[2:4])
    return 0


class _Tiff:
    """A TIFF structure that begins at `base`."""

    def __init__(self, read: Read, base: int) -> None:
        self._read = read
        self._base = base
        head = read(base, 10)
        self.order: str = "little" if head[:2] == b"II" else "big"
        self.magic = self.number(head[2:4])
        self.first = self.number(head[4:8])
        self.is_cr2 = head[8:10] == b"CR"

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, self.order)  # type: ignore[arg-type]  # one of the two words

    def directory(self, at: int) -> tuple[dict[int, list[int]], int]:
        """The entries that matter of the directory there, and where the next one is; 0: nowhere."""
        count = self.number(self._read(self._base + at, 2))
        data = self._read(self._base + at + 2, 12 * min(count, MOST_ENTRIES) + 4)
        found = {}
        for i in range(0, len(data) - 15, 12):
            tag = self.number(data[i : i + 2])
            if tag in _OF_INTEREST:
                found[tag] = self._values(data[i : i + 12], tag)
        return found, self.number(data[-4:]) if count <= MOST_ENTRIES else 0

    def _values(self, entry: bytes, tag: int) -> list[int]:
        kind, count = self.number(entry[2:4]), self.number(entry[4:8])
        if tag == _JPEG_FROM_RAW:  # the picture itself
            return [self.number(entry[8:12]), count]
        width = _WIDTHS.get(kind, 0)
        if not width or not 0 < count <= MOST_VALUES:
            return []
        data = entry[8:12]
        if width * count > 4:
            data = self._read(self._base + self.number(data), width * count)
        return [self.number(data[i * width :][:width]) for i in range(count)]

    def directories(self) -> Iterator[dict[int, list[int]]]:
        """Each directory once, the first one first."""
        ahead, seen = [self.first], {0}
        while ahead and len(seen) <= MOST_DIRECTORIES:
            at = ahead.pop(0)
            if at in seen:
                continue
            seen.add(at)
            found, following = self.directory(at)
            yield found
            ahead += [following, *found.get(_SUB_DIRECTORIES, [])]


def _of_tiff(tiff: _Tiff) -> tuple[list[tuple[int, int]], int]:
    """Where previews may be, if this is a raw file and not just any TIFF; and the orientation."""
    if tiff.magic not in (42, _RW2):
        return [], 1
    places: list[tuple[int, int]] = []
    raw, turn = tiff.is_cr2 or tiff.magic == _RW2, 1
    for number, found in enumerate(tiff.directories()):
        if number == 0:
            turn = _turn(found)
        raw = raw or _DNG_VERSION in found or not _SENSORS.isdisjoint(found.get(_PHOTOMETRIC, []))
        places += _places(found)
    return (places if raw else []), turn


def _places(found: dict[int, list[int]]) -> Iterator[tuple[int, int]]:
    for offsets, lengths in (
        (found.get(_JPEG, []), found.get(_JPEG_BYTES, [])),
        (found.get(_STRIPS, []), found.get(_STRIP_BYTES, [])),
    ):
        if len(offsets) == len(lengths) == 1:  # whether it is a JPEG, its own bytes say
            yield offsets[0], lengths[0]
    if len(place := found.get(_JPEG_FROM_RAW, [])) == 2:
        yield place[0], place[1]


def _turn(found: dict[int, list[int]]) -> int:
    values = found.get(_ORIENTATION, [])
    return values[0] if len(values) == 1 and 1 <= values[0] <= 8 else 1


def _boxes(read: Read, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, and begin and end of the content, of each box in there."""
    for _ in range(MOST_BOXES):
        head = read(at, 16)
        length, begin = _big(head[:4]), 8
        if length == 1:
            length, begin = _big(head[8:16]), 16
        if len(head) < 16 or length < begin or at + length > end:
            return
        yield head[4:8], at + begin, at + length
        at += length


def _of_boxes(read: Read) -> tuple[list[tuple[int, int]], int]:
    places, turn = [], 1
    for name, begin, end in _boxes(read, 0, 1 << 62):
        if name == b"uuid" and read(begin, 16) == _CR3_PREVIEW:
            places.append((begin + 48, _big(read(begin + 44, 4))))  # behind a PRVW box's head
        if name == b"moov":
            turn = _turn_of_movie(read, begin, end)
    return places, turn


def _turn_of_movie(read: Read, begin: int, end: int) -> int:
    """By the first directory of EXIF, which is a box CMT1 among Canon's metadata."""
    for name, at, until in _boxes(read, begin, end):
        if name == b"uuid" and read(at, 16) == _CR3_METADATA:
            for inner, where, _ in _boxes(read, at + 16, until):
                if inner == b"CMT1":
                    tiff = _Tiff(read, where)
                    return _turn(tiff.directory(tiff.first)[0])
    return 1
