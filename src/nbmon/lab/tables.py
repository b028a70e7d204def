"""Rows as people read them: units from the keys, a median with its interval in one cell. Pure.

A key ends in its unit (`_ns`, `_us`, `_ms`, `_s`, `_bytes`, `_share`). Rows that have a `part` stand in
a table of their own for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nbmon.lab.experiment import JSON, Row

TIMES = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}  # ns in one
SUFFIXES = (*TIMES, "bytes", "share")
NUMBERS_AS_NAMES = ("pid", "tid", "uid", "gid", "id", "lane", "value")  # 4711, not 4,711
SENTENCE = 36  # letters
HIDDEN = ("part", "events", "outliers_ns", "outliers_us")  # the title; what a timeline, what the notes show
WORDS: dict[JSON, str] = {None: "–", True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and cells; `numeric` columns are set to the right."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    wordy: tuple[bool, ...]  # columns with sentences, which need room


def tables(rows: Sequence[Row], columns: Sequence[str] = ()) -> list[Table]:
    """One table, or one for each `part` that the rows name."""
    parts = list(dict.fromkeys(str(row.get("part", "")) for row in rows))
    return [_table(part, [r for r in rows if str(r.get("part", "")) == part], columns) for part in parts]


def _table(part: str, rows: Sequence[Row], columns: Sequence[str]) -> Table:
    keys = _keys(rows, columns)
    shown = [key for key in keys if not _within_interval(key, keys)]
    cells = tuple(tuple(_cell(key, row) for key in shown) for row in rows)
    numeric = tuple(_all_numbers(row.get(key) for row in rows) for key in shown)
    wordy = tuple(any(len(cell) > SENTENCE for cell in column) for column in zip(*cells, strict=True))
    return Table(part, tuple(heading(key) for key in shown), cells, numeric, wordy)


def _keys(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    found = dict.fromkeys(key for row in rows for key in row if key not in HIDDEN)
    return [key for key in columns if key in found] or list(found)


def _within_interval(key: str, keys: Sequence[str]) -> bool:
    """`low_ns` and `high_ns` stand in the cell of `median_ns`; `low_per_second` in that of `per_second`."""
    bound, _, rest = key.partition("_")
    both = f"low_{rest}" in keys and f"high_{rest}" in keys
    return bound in ("low", "high") and both and (f"median_{rest}" in keys or rest in keys)


def _all_numbers(values: Iterable[JSON]) -> bool:
    found = [value for value in values if value is not None]
    return bool(found) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in found)


def outlying(rows: Sequence[Row], unit: str, *names: str) -> list[str]:
    """A note that names the values far out, each by what its row says under `names`; none without."""
    told = [
        f"{', '.join(_cell(name, row) for name in names if row[name])}: {quantity(far, unit)}"
        for row in rows
        if (far := row.get(f"outliers_{unit}"))
    ]
    return [f"outliers, which stay in and move no median: {'; '.join(told)}"] if told else []


def heading(key: str) -> str:
    """A key without its unit, in words.

    >>> heading("longest_wait_us"), heading("per_second")
    ('longest wait', 'per second')
    """
    name, _, unit = key.rpartition("_")
    return (name if name and unit in SUFFIXES else key).replace("_", " ")


def _cell(key: str, row: Row) -> str:
    value = row.get(key)
    unit = key.rpartition("_")[2]
    if unit in NUMBERS_AS_NAMES and isinstance(value, int):
        return str(value)
    shown = unit if unit in SUFFIXES else ""
    rest = key.removeprefix("median_")
    low, high = row.get(f"low_{rest}"), row.get(f"high_{rest}")
    if None in (value, low, high):
        return quantity(value, shown)
    return f"{quantity(value, shown)} ({quantity(low, shown)} – {quantity(high, shown)})"


def quantity(value: JSON, unit: str = "") -> str:
    """A value with its unit, to three or four digits.

    >>> quantity(1234567, "ns"), quantity(0.031, "share"), quantity(4096, "bytes"), quantity(True)
    ('1.23 ms', '3.1 %', '4.1 kB', 'yes')
    """
    if isinstance(value, list | dict):
        return _joined(value, unit)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return WORDS.get(value, str(value))
    return _measured(float(value), unit) if unit else number(value)


def _measured(value: float, unit: str) -> str:
    if unit in TIMES:
        return duration(value * TIMES[unit])
    return size(value) if unit == "bytes" else f"{value * 100:.3g} %"


def _joined(value: list[JSON] | dict[str, JSON], unit: str) -> str:
    items = value.items() if isinstance(value, dict) else ((None, one) for one in value)
    return ", ".join(
        quantity(one, unit) if key is None else f"{_words(key)} {quantity(one, unit)}" for key, one in items
    )


def _words(key: str) -> str:
    return key.replace("_", " ")


def number(value: float) -> str:
    """With thousands apart; a fraction to four digits.

    >>> number(10000), number(0.123456), number(1234.56)
    ('10,000', '0.1235', '1,235')
    """
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    )


def duration(ns: float) -> str:
    """In the unit that reads best.

    >>> duration(950), duration(1_500), duration(12e9), duration(0)
    ('950 ns', '1.5 µs', '12 s', '0 ns')
    """
    return _scaled(ns, (("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)))


def size(octets: float) -> str:
    """In the unit that reads best, in powers of ten.

    >>> size(0), size(2_500_000)
    ('0 B', '2.5 MB')
    """
    return _scaled(octets, (("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)))


def _scaled(value: float, units: Sequence[tuple[str, float]]) -> str:
    unit, factor = next(
        ((unit, factor) for unit, factor in reversed(units) if abs(value) >= factor), units[0]
    )
    shown = value / factor
    return f"{shown:.0f} {unit}" if abs(shown) >= 100 else f"{shown:.3g} {unit}"
