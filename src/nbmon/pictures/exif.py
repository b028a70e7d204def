"""What a camera wrote into a picture: when it was taken, with what, and how (Exif 2.32, over TIFF 6.0).

Pure: given a function that reads bytes at an offset. The files are strangers': every number is bounded before
it is used, and what makes no sense is as if it were not there. Nothing here raises or loops.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import NamedTuple

from nbmon.pictures.sizes import Read

MAX_BLOCKS = 64  # segments or chunks of a file that are stepped over
MAX_EXIF = 65_536  # bytes of Exif that are looked at
MAX_FIELDS = 200  # of one directory
MAX_VALUE = 256  # bytes of one field

_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}  # bytes by type (TIFF 6.0, section 2)
_FORMS = {3: "H", 4: "I", 9: "i"}
_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825


class Shot(NamedTuple):
    """How a picture was taken; empty, 0 or None where it does not say."""

    taken: datetime | None = None  # by the camera's clock, in no known zone
    camera: str = ""
    lens: str = ""
    exposure: float = 0.0  # seconds
    aperture: float = 0.0  # the f-number
    speed: int = 0  # ISO
    focal: float = 0.0  # millimetres
    place: tuple[float, float] | None = None  # degrees north, east


class _Tiff:
    """The numbers and words of one TIFF structure."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"

    def number(self, at: int, form: str) -> int:
        size = struct.calcsize(form)
        part = self.data[at : at + size]
        return int(struct.unpack(self.order + form, part)[0]) if at >= 0 and len(part) == size else 0

    def directory(self, at: int) -> dict[int, tuple[int, int, bytes]]:
        """The fields of the directory at that offset: tag to type, count and value."""
        found: dict[int, tuple[int, int, bytes]] = {}
        if not 0 < at < len(self.data):
            return found
        for i in range(min(self.number(at, "H"), MAX_FIELDS)):
            field = at + 2 + 12 * i
            tag, kind = self.number(field, "H"), self.number(field + 2, "H")
            count = self.number(field + 4, "I")
            length = count * _WIDTHS.get(kind, 0)
            if 0 < length <= MAX_VALUE:
                where = field + 8 if length <= 4 else self.number(field + 8, "I")
                value = self.data[where : where + length]
                if len(value) == length:
                    found.setdefault(tag, (kind, count, value))
        return found

    def integer(self, field: tuple[int, int, bytes] | None) -> int:
        if field is None or field[0] not in _FORMS:
            return 0
        form = _FORMS[field[0]]
        return int(struct.unpack_from(self.order + form, field[2])[0])

    def ratios(self, field: tuple[int, int, bytes] | None) -> list[float]:
        if field is None or field[0] not in (5, 10):
            return []
        form = self.order + ("II" if field[0] == 5 else "ii")
        pairs = struct.iter_unpack(form, field[2])
        return [above / below if below else 0.0 for above, below in pairs]

    def ratio(self, field: tuple[int, int, bytes] | None) -> float:
        return next((value for value in self.ratios(field) if value > 0), 0.0)


def exif_of(read: Read) -> bytes:
    """The TIFF structure within a JPEG, PNG or WebP file; empty if there is none."""
    head = read(0, 16)
    if head.startswith(b"\xff\xd8\xff"):
        return _in_jpeg(read)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _in_chunks(read, 8, b"eXIf", big=True)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _in_chunks(read, 12, b"EXIF", big=False).removeprefix(b"Exif\0\0")
    return b""


def _in_jpeg(read: Read) -> bytes:
    at = 2
    for _ in range(MAX_BLOCKS):
        segment = read(at, 10)
        if len(segment) < 10 or segment[0] != 0xFF or segment[1] in (0xD9, 0xDA):
            break
        length = int.from_bytes(segment[2:4], "big")
        if segment[1] == 0xE1 and segment[4:10] == b"Exif\0\0":
            return read(at + 10, max(0, length - 8))
        at += 2 + length if segment[1] != 0xFF else 1
    return b""


def _in_chunks(read: Read, at: int, wanted: bytes, *, big: bool) -> bytes:
    """The content of the chunk of that name: in PNG behind its length, in RIFF before it, padded to even."""
    for _ in range(MAX_BLOCKS):
        head = read(at, 8)
        if len(head) < 8:
            break
        name, length = (head[4:], head[:4]) if big else (head[:4], head[4:])
        size = int.from_bytes(length, "big" if big else "little")
        if name == wanted:
            return read(at + 8, min(size, MAX_EXIF))
        at += 8 + size + (4 if big else size & 1)
    return b""


def shot_of(exif: bytes, *, place: bool = False) -> Shot:
    """What the TIFF structure tells; where it was taken only with `place`."""
    if exif[:4] not in (b"II*\0", b"MM\0*"):
        return Shot()
    tiff = _Tiff(exif[:MAX_EXIF])
    top = tiff.directory(tiff.number(4, "I"))
    shot = tiff.directory(tiff.integer(top.get(_EXIF_DIRECTORY)))
    return Shot(
        _date(shot.get(0x9003) or shot.get(0x9004) or top.get(0x0132)),
        _camera(_text(top.get(0x010F)), _text(top.get(0x0110))),
        _text(shot.get(0xA434)),
        tiff.ratio(shot.get(0x829A)),
        tiff.ratio(shot.get(0x829D)),
        tiff.integer(shot.get(0x8827)),
        tiff.ratio(shot.get(0x920A)),
        _place(tiff, tiff.directory(tiff.integer(top.get(_GPS_DIRECTORY)))) if place else None,
    )


def _text(field: tuple[int, int, bytes] | None) -> str:
    if field is None or field[0] != 2:
        return ""
    text = field[2].partition(b"\0")[0].decode("utf-8", "replace")
    return " ".join("".join(sign for sign in text if sign.isprintable()).split())


def _camera(make: str, model: str) -> str:
    """`Canon` and `Canon EOS 5D` are one camera, not two names of it."""
    return model if model.lower().startswith(make.lower().partition(" ")[0]) else f"{make} {model}".strip()


def _date(field: tuple[int, int, bytes] | None) -> datetime | None:
    try:
        return datetime.strptime(_text(field)[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _place(tiff: _Tiff, fields: dict[int, tuple[int, int, bytes]]) -> tuple[float, float] | None:
    sides = []
    for reference, value, most in ((1, 2, 90), (3, 4, 180)):
        degrees = tiff.ratios(fields.get(value))
        if len(degrees) != 3:
            return None
        side = degrees[0] + degrees[1] / 60 + degrees[2] / 3600
        if not 0 <= side <= most:
            return None
        sides.append(-side if _text(fields.get(reference)) in ("S", "W") else side)
    return sides[0], sides[1]
