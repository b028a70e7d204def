"""YAML out of plain values. Every text is quoted as JSON quotes it, which YAML 1.2 reads as it stands: no
value can turn into a number, a date, `no`, an anchor or a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

Value = str | int | bool | Mapping[str, "Value"] | Sequence["Value"]
# A key that stands as it is: a word that no reader takes for anything else (YAML 1.1 has `no` and `y`).
_KEY = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z][A-Za-z0-9_./-]*", re.IGNORECASE)
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
# What YAML calls printable (YAML 1.2, 5.1), without the line breaks of its older version.
_UNPRINTED = [
    (0x00, 0x1F),
    (0x7F, 0xA0),
    (0x2028, 0x2029),
    (0xD800, 0xDFFF),
    (0xFFFE, 0xFFFF),
]


def dump(value: Mapping[str, Value], comments: Sequence[str] = ()) -> str:
    """`value` as a YAML document under `comments`.

    >>> print(dump({"a": {"b": ["no", 3, {"c": True}]}, "e": {}}), end="")
    a:
      b:
        - "no"
        - 3
        - c: true
    e: {}
    """
    return "".join(f"{line}\n" for line in [*(f"# {comment}" for comment in comments), *_lines(value)])


def text(word: str) -> str:
    """`word` between double quotes."""
    return '"' + "".join(_SHORT.get(c) or _numbered(c) for c in word) + '"'


def _numbered(char: str) -> str:
    number = ord(char)
    return f"\\u{number:04x}" if any(low <= number <= high for low, high in _UNPRINTED) else char


def _scalar(value: Value) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return text(value)
    return None if value else "{}" if isinstance(value, Mapping) else "[]"


def _lines(value: Value) -> Iterator[str]:
    if (scalar := _scalar(value)) is not None:
        yield scalar
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _entry(f"{key if _KEY.fullmatch(key) else text(key)}:", below)
    elif isinstance(value, Sequence):
        for below in value:
            yield from _item(below)


def _entry(head: str, value: Value) -> Iterator[str]:
    if (scalar := _scalar(value)) is not None:
        yield f"{head} {scalar}"
        return
    yield head
    yield from (f"  {line}" for line in _lines(value))


def _item(value: Value) -> Iterator[str]:
    lines = _lines(value)
    yield f"- {next(lines)}"
    yield from (f"  {line}" for line in lines)
