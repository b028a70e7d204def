"""From the bytes that a terminal sends to names of keys. Pure."""

from __future__ import annotations

_SEQUENCES = {
    b"\x1b[A": "up", b"\x1bOA": "up",
    b"\x1b[B": "down", b"\x1bOB": "down",
    b"\x1b[C": "right", b"\x1bOC": "right",
    b"\x1b[D": "left", b"\x1bOD": "left",
    b"\x1b[5~": "pageup", b"\x1b[6~": "pagedown",
    b"\x1b[H": "home", b"\x1bOH": "home", b"\x1b[1~": "home", b"\x1b[7~": "home",
    b"\x1b[F": "end", b"\x1bOF": "end", b"\x1b[4~": "end", b"\x1b[8~": "end",
}  # fmt: skip
_SINGLE = {0x0D: "enter", 0x0A: "enter", 0x7F: "backspace", 0x08: "backspace", 0x0C: "redraw"}
_FINAL = range(0x40, 0x7F)  # what ends a control sequence (ECMA-48, 5.4)


def keys(data: bytes) -> list[str]:
    """The keys in `data`: names as `up`, characters as they are. A sequence that is not known is no key."""
    found: list[str] = []
    while data:
        key, length = _first(data)
        data = data[length:]
        if key:
            found.append(key)
    return found


def _first(data: bytes) -> tuple[str, int]:
    """The first key of `data`, and its length in bytes."""
    if data[0] == 0x1B:
        return _escape(data)
    if data[0] in _SINGLE:
        return _SINGLE[data[0]], 1
    if data[0] < 0x20:
        return "", 1
    length = 1 if data[0] < 0x80 else next((n for n, first in ((2, 0xE0), (3, 0xF0)) if data[0] < first), 4)
    return data[:length].decode("utf-8", "ignore"), length


def _escape(data: bytes) -> tuple[str, int]:
    if data[1:2] not in (b"[", b"O"):
        return "escape", 1
    end = next((at for at, byte in enumerate(data[2:], start=3) if byte in _FINAL), len(data))
    return _SEQUENCES.get(data[:end], ""), end
