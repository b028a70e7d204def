"""The colours of pictures' corners, for the places of pages that wait for their pictures: a table in a file.

Whoever has made a picture small writes them, and pages read them: one pread(2) a picture, known or not. The
table has a fixed size, and forgets: two pictures that want one place push each other out, and what is cut or
half written is as if it were not there. So nothing of it need ever be locked, swept or mended.
"""

from __future__ import annotations

import os
import struct
import time
from binascii import crc_hqx

FILE = "colours"  # within nbmon's cache folder
CORNERS = 4  # from the upper left: left, right; then below
COLOURS_BYTES = 3 * CORNERS
_ENTRY = struct.Struct(f"<6s{COLOURS_BYTES}sH")  # the file's version, the colours, and a check of both
WAYS = 4  # places that one picture may have
BUCKETS = 1 << 16
TABLE_BYTES = BUCKETS * WAYS * _ENTRY.size  # 5 MB, of which the disk holds what was written
TRY_AGAIN = 1.0  # seconds until it is looked whether there is a file, or another


class Colours:
    """The table below `path`. Raises nothing of the disk; safe in several threads, and over a fork."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}/{FILE}"
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        self._again = 0.0  # monotonic seconds

    def get(self, version: str) -> bytes | None:
        """The colours of the picture of that version (`urls.version`), three bytes a corner, if known."""
        key = _key(version)
        if key is None or not self._opened():
            return None
        try:
            bucket = os.pread(self._fd, WAYS * _ENTRY.size, _place(key))
        except OSError:
            return None
        return dict(_entries(bucket)).get(key) if key in bucket else None

    def put(self, version: str, colours: bytes) -> None:
        """Note the colours of the picture of that version."""
        key = _key(version)
        if key is None or len(colours) != COLOURS_BYTES:
            return
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return
        try:
            _write(fd, key, colours)
        except OSError:  # a full disk: they stay unknown
            pass
        finally:
            os.close(fd)

    def _opened(self) -> bool:
        if time.monotonic() >= self._again:
            self._again = time.monotonic() + TRY_AGAIN
            try:
                status = os.stat(self._path)  # noqa: PTH116 - places are texts
            except OSError:
                return False
            if (status.st_dev, status.st_ino) != self._identity:
                self._open()
        return self._fd >= 0

    def _open(self) -> None:
        """Under the number that was there before, if one was: another thread may be about to read from it."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return
        status = os.fstat(fd)
        if self._fd < 0:
            self._fd = fd
        else:
            os.dup2(fd, self._fd, inheritable=False)
            os.close(fd)
        self._identity = status.st_dev, status.st_ino

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


def _key(version: str) -> bytes | None:
    try:
        key = bytes.fromhex(version)
    except ValueError:
        return None
    return key if len(key) == 6 else None


def _place(key: bytes) -> int:
    return int.from_bytes(key[:2], "little") % BUCKETS * WAYS * _ENTRY.size


def _entries(bucket: bytes) -> list[tuple[bytes, bytes]]:
    """The whole entries of a bucket: version and colours."""
    whole = bucket[: len(bucket) - len(bucket) % _ENTRY.size]
    found = _ENTRY.iter_unpack(whole)
    return [
        (key, colours) for key, colours, check in found if check == crc_hqx(key + colours, 0) and any(key)
    ]


def _write(fd: int, key: bytes, colours: bytes) -> None:
    size, place = _ENTRY.size, _place(key)
    bucket = os.pread(fd, WAYS * size, place).ljust(WAYS * size, b"\0")
    keys = [bucket[at : at + len(key)] for at in range(0, WAYS * size, size)]
    free = bytes(len(key))
    way = next((keys.index(wanted) for wanted in (key, free) if wanted in keys), key[2] % WAYS)
    os.pwrite(fd, _ENTRY.pack(key, colours, crc_hqx(key + colours, 0)), place + way * size)
