"""Figures as a person reads them in a sentence. Pure."""

from __future__ import annotations

from nbmon.lab.sampling import rounded

TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))


def duration(ns: float) -> str:
    """Nanoseconds, two digits.

    >>> duration(1467), duration(25.2), duration(5_079_370)
    ('1.5 µs', '25 ns', '5.1 ms')
    """
    return _scaled(ns, TIMES)


def size(count: float) -> str:
    """Bytes, two digits.

    >>> size(1 << 20), size(1536)
    ('1 MiB', '1.5 KiB')
    """
    return _scaled(count, SIZES)


def number(value: float) -> str:
    """With thousands, to three digits.

    >>> number(12345), number(0.123456), number(2.0)
    ('12,300', '0.123', '2')
    """
    return f"{rounded(value, 3):,.10g}"


def counted(count: int, kind: str) -> str:
    """So many of a kind.

    >>> counted(2, "process"), counted(1, "thread")
    ('2 processes', '1 thread')
    """
    return f"{count:,} {kind}" + ("" if count == 1 else "es" if kind.endswith("s") else "s")


def listed(words: list[str]) -> str:
    """As a sentence lists them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _scaled(value: float, units: tuple[tuple[float, str], ...]) -> str:
    for factor, unit in units:
        if abs(value) >= factor or factor == 1:
            return f"{rounded(value / factor, 2):,.10g} {unit}"
    raise AssertionError("the last unit is 1")
