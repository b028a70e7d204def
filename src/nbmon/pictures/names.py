"""How names are sorted and shown to people. Pure functions; names are bytes, as on the disk.

Escaping for HTML is the template's work; here a name only becomes text that cannot mislead: without the
control characters that break lines or turn the reading direction of what stands around them.
"""

from __future__ import annotations

import re
import unicodedata

_NUMBER = re.compile("[0-9]+")
_LOW = re.compile("[\x00-\x03]")  # signs that a key uses for itself
# C0, DEL and C1 controls, line and paragraph separators; shown as a sign each.
_CONTROLS = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_CONTROLS |= dict.fromkeys([*range(0x80, 0xA0), 0x2028, 0x2029], 0xFFFD)
# Unicode's bidirectional formatting characters (UAX #9): they could make `gpj.exe` look like `exe.jpg`.
_DIRECTIONS = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_SAFE = str.maketrans(_CONTROLS | _DIRECTIONS)

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def readable(name: bytes) -> str:
    """The name as text for people; bytes that are not UTF-8 become U+FFFD."""
    return name.decode("utf-8", "replace").translate(_SAFE)


def described(name: bytes) -> str:
    """What a picture is called, for those who do not see it: its name in words, without the suffix."""
    text = readable(name)
    stem = text.rpartition(".")[0] or text
    return re.sub(r"[_\s]+|(?<=\w)-(?=\w)", " ", stem).strip() or text


def folded(name: bytes) -> str:
    """The name without regard to case or accents, to be ordered and found by."""
    text = name.decode("utf-8", "surrogateescape")
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return text.casefold()


def natural(name: bytes) -> bytes:
    """A sort key as people count: `a2` before `a10`, letters without regard to case or accents.

    Bytes, so that a database can keep it and compares it as Python does: a number is a sign lower than all
    letters, the count of its digits, and the digits. Equal names in this sense stand by their bytes, which
    the key ends with: `name_of` tells them.
    """
    text = _NUMBER.sub(_number_key, _LOW.sub(_low_key, folded(name)))
    return text.encode("utf-8", "surrogatepass") + b"\x01" + name


def name_of(key: bytes) -> bytes:
    """The name that `natural` made `key` of."""
    return key.partition(b"\x01")[2]


def _low_key(found: re.Match[str]) -> str:
    """No sign below \\x02 stays in a key, so that its end can be told from its signs."""
    return f"\x03{chr(ord(found[0]) + 4)}"


def _number_key(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0") or "0"
    return f"\x02{chr(len(digits) + 3)}{digits}"


def bytes_for_people(size: int) -> str:
    """A length in bytes, in decimal units, with two significant digits or more."""
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    digits = 1 if unit and amount < 9.95 else 0
    return f"{amount:.{digits}f} {'byte' if size == 1 else _UNITS[unit]}"
