"""Width and height of a picture from its header alone, so that a page can keep its place while it loads.

Pure: it is given a function that reads some bytes at an offset, asks for little, a bounded number of
times, and answers None for whatever it does not understand. The files are strangers' files: nothing here
may raise or loop.
"""

from __future__ import annotations

from collections.abc import Callable

Read = Callable[[int, int], bytes]  # (offset, length) -> at most that many bytes
Size = tuple[int, int]  # width, height, in pixels, as shown (after EXIF orientation)

HEAD_BYTES = 512  # read first; enough for most
BOXES_BYTES = 8_192  # of files made of boxes: a telephone's has those of its tiles first
MAX_SEGMENTS = 64  # JPEG segments looked at before the frame header
MAX_SIDE = 65_535  # pixels; larger ones are left to the browser
EXIF_BYTES = 1_024  # looked at for the orientation, which stands in the first directory

MAX_FIELDS = 64  # of a TIFF directory
_SHORT = 3  # a field of two bytes
_RATIOS = (
    (1, 1),
    (1, 1),
    (12, 10),
    (4, 3),
    (3, 2),
    (16, 9),
    (5, 4),
    (2, 1),
)  # of JPEG XL, from 1

_STANDALONE = frozenset([0x01, *range(0xD0, 0xD8)])  # JPEG markers without a length (ITU T.81, table B.1)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15 but DHT, JPG, DAC
_TURNED = frozenset((5, 6, 7, 8))  # EXIF orientations that swap width and height


def size_of(read: Read) -> Size | None:
    """The size of the picture that `read` gives access to, or None."""
    head = read(0, HEAD_BYTES)
    for begins, measure in _MEASURES:
        if head.startswith(begins):
            size = measure(head, read)
            return size if size and 0 < size[0] <= MAX_SIDE and 0 < size[1] <= MAX_SIDE else None
    return _isobmff(read(0, BOXES_BYTES)) if head[4:8] == b"ftyp" else None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _png(head: bytes, _read: Read) -> Size | None:
    return (_big(head[16:20]), _big(head[20:24])) if head[12:16] == b"IHDR" else None


def _gif(head: bytes, _read: Read) -> Size | None:
    return _little(head[6:8]), _little(head[8:10])


def _bmp(head: bytes, _read: Read) -> Size | None:
    if _little(head[14:18]) < 40:  # older than BITMAPINFOHEADER
        return None
    height = int.from_bytes(head[22:26], "little", signed=True)  # negative: stored from the top
    return _little(head[18:22]), abs(height)


def _webp(head: bytes, _read: Read) -> Size | None:
    chunk = head[12:16]
    if chunk == b"VP8X":
        return _little(head[24:27]) + 1, _little(head[27:30]) + 1
    if chunk == b"VP8L" and head[20:21] == b"\x2f":
        bits = _little(head[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
    return None


def _isobmff(head: bytes) -> Size | None:
    """AVIF and HEIC: the largest `ispe` property (ISO 23008-12), turned if an `irot` says so."""
    sizes = []
    at = head.find(b"ispe")
    while at >= 0 and len(head) >= at + 16:
        sizes.append((_big(head[at + 8 : at + 12]), _big(head[at + 12 : at + 16])))
        at = head.find(b"ispe", at + 4)
    if not sizes:
        return None
    width, height = max(sizes)
    turn = head.find(b"irot")
    if turn >= 0 and head[turn + 4 : turn + 5] and head[turn + 4] & 1:
        width, height = height, width
    return (width, height) if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE else None


def _jpeg(_head: bytes, read: Read) -> Size | None:
    at, turned = 2, False
    for _ in range(MAX_SEGMENTS):
        segment = read(at, 9)
        if len(segment) < 4 or segment[0] != 0xFF:
            return None
        marker = segment[1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker in _FRAMES:
            height, width = _big(segment[5:7]), _big(segment[7:9])
            return (height, width) if turned else (width, height)
        elif marker in (0xD9, 0xDA):  # end of image, start of scan: too late for a frame header
            return None
        else:
            if marker == 0xE1:
                turned = turned or orientation(read(at + 4, EXIF_BYTES)) in _TURNED
            at += 2 + _big(segment[2:4])
    return None


def _tiff(head: bytes, read: Read) -> Size | None:
    """The first directory's ImageWidth, ImageLength and Orientation (TIFF 6.0, sections 2 and 8)."""
    number = _little if head[:2] == b"II" else _big
    at = number(head[4:8])
    count = min(number(read(at, 2)), MAX_FIELDS)
    fields, found = read(at + 2, 12 * count), {}
    for start in range(0, len(fields) - 11, 12):
        tag, kind = number(fields[start : start + 2]), number(fields[start + 2 : start + 4])
        found[tag] = number(fields[start + 8 : start + (10 if kind == _SHORT else 12)])
    width, height = found.get(0x0100, 0), found.get(0x0101, 0)
    return (height, width) if found.get(0x0112) in _TURNED else (width, height)


def _jxl(head: bytes, read: Read) -> Size | None:
    """The codestream's header (ISO/IEC 18181-1, annex D), bare or in the first `jxlc` or `jxlp` box."""
    if not head.startswith(b"\xff\x0a"):
        head = read(0, BOXES_BYTES)
        at = next((at for box in (b"jxlc", b"jxlp") if (at := head.find(box)) >= 0), -1)
        if at < 0:
            return None
        start = at + (8 if head[at + 3 : at + 4] == b"p" else 4)
        head = read(start, 32)
    bits = _Bits(int.from_bytes(head[2:32], "little")) if head.startswith(b"\xff\x0a") else None
    return _jxl_size(bits) if bits is not None else None


class _Bits:
    """Bits of a JPEG XL header, the lowest first."""

    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        return found

    def side(self, small: int) -> int:
        if small:
            return 8 * (self.take(5) + 1)
        return self.take((9, 13, 18, 30)[self.take(2)]) + 1


def _jxl_size(bits: _Bits) -> Size:
    small = bits.take(1)
    height, ratio = bits.side(small), bits.take(3)
    across, down = _RATIOS[ratio]
    width = height * across // down if ratio else bits.side(small)
    defaults = bits.take(1)
    turned = not defaults and bits.take(1) and bits.take(3) + 1 in _TURNED
    return (height, width) if turned else (width, height)


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in an APP1 segment's data (Exif 2.32); 1, upright, if none."""
    if exif[:6] != b"Exif\0\0" or exif[6:8] not in (b"II", b"MM"):
        return 1
    tiff = exif[6:]
    number = _little if tiff[:2] == b"II" else _big
    directory = number(tiff[4:8])
    for i in range(min(number(tiff[directory : directory + 2]), 64)):
        field = tiff[directory + 2 + 12 * i :][:12]
        if number(field[:2]) == 0x0112:
            value = number(field[8:10])
            return value if 1 <= value <= 8 else 1
    return 1


_MEASURES: tuple[tuple[bytes, Callable[[bytes, Read], Size | None]], ...] = (
    (b"\xff\xd8\xff", _jpeg),
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"GIF8", _gif),
    (b"RIFF", _webp),
    (b"BM", _bmp),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
    (b"\xff\x0a", _jxl),
    (b"\0\0\0\x0cJXL ", _jxl),
)
