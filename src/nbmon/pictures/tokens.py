"""Short stand-ins for names, so that a selection of a thousand fits into one address. Pure.

A token is 36 bits in six signs of base64url. Of 50,000 names, two share one in one list of fifty; who selects
one of these gets both. Half of it is quick to compute, and the rest is only looked at where that half fits: a
list of a million is gone through for each download of a selection.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from zlib import crc32

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # RFC 4648, section 5
HALF = 3  # signs, of six bits each
_MASK = (1 << 6 * HALF) - 1


_PAIRS = [one + other for one in SIGNS for other in SIGNS]


def token(name: bytes) -> str:
    """The token of a name."""
    rest = int.from_bytes(blake2b(name, digest_size=4).digest(), "big")
    number = (crc32(name) & _MASK) << 6 * HALF | rest & _MASK
    return _PAIRS[number >> 24] + _PAIRS[number >> 12 & 4095] + _PAIRS[number & 4095]


class Tokens:
    """Some tokens; names are in it by theirs. What is no token stands for nothing."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._whole = {one for one in tokens if len(one) == 2 * HALF and all(sign in SIGNS for sign in one)}
        self._halves = {self._number(one[:HALF]) for one in self._whole}

    @staticmethod
    def _number(signs: str) -> int:
        number = 0
        for sign in signs:
            number = number << 6 | SIGNS.index(sign)
        return number

    def __contains__(self, name: bytes) -> bool:
        return crc32(name) & _MASK in self._halves and token(name) in self._whole
