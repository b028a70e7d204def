"""The live table as lines of text, never wider than they may be. Pure: no terminal, no clock.

A narrow terminal has fewer columns; nothing ever wraps. Colours are the eight that every terminal has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nbmon.services.errors import printable
from nbmon.services.watching.arranging import Choice, Line, place_of, question
from nbmon.services.watching.seen import Row

LEAST_NAME, MOST_NAME = 14, 40  # columns
LEAST_DEATH = 16
BOLD, DIM, REVERSE = "1", "2", "7"
COLOURS = {
    "running": "32",
    "starting": "36",
    "stopping": "36",
    "backing-off": "33",
    "silent": "33",
    "failed": "31",
    "dead": "31",
    "condemned": "31",
}
HELP = """
 up down     choose a row            k or R      restart it (worker, supervisor, service)
 pgup pgdn   a page                  + and -     one more of the worker, one fewer
 home end    first, last             /           show only what has these letters
 space       fold and unfold         escape      show all again
 left right  fold, unfold

 sort by  c cpu   m memory   n name   r restarts   u uptime   t as in the tree
          the same key again turns the order round

 cpu is in percent of one core; memory is the proportional set size: what several
 processes share counts once. A coroutine has no cost of its own: its host has.

 any key goes back, q ends nbmon top
""".strip("\n").split("\n")
NOTHING = "Nothing runs. Start something: nbmon start ./pictures"
HINT = "q quit  ? help  / filter  k restart  + - scale  space fold  c m n r u sort"


class Style(NamedTuple):
    """What the terminal can show."""

    colour: bool = True
    unicode: bool = True
    plain: bool = False  # no escape sequences at all


class Screen(NamedTuple):
    """What there is to be drawn on."""

    width: int  # columns
    height: int  # lines
    style: Style = Style()


class Column(NamedTuple):
    """One of the table."""

    heading: str
    width: int
    cell: Callable[[Row], str]
    left: bool = False
    sort: str = ""


def percent(value: float | None) -> str:
    """In five columns at most: 0.3, 12, 1600."""
    if value is None:
        return ""
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def size(octets: int | None) -> str:
    """In six columns at most: 512K, 85.1M, 1.25G."""
    if octets is None:
        return ""
    for unit, scale, digits in (("K", 1e3, 0), ("M", 1e6, 1), ("G", 1e9, 2)):
        if octets < 999.95 * scale or unit == "G":
            return f"{octets / scale:.{digits}f}{unit}"
    raise AssertionError


def lasted(seconds: float | None) -> str:
    """In seven columns at most: 5s, 3m07s, 2h05m, 12d03h."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    for low, high, letter, smaller in ((60, 3600, "m", "s"), (3600, 86400, "h", "m")):
        if whole < low:
            return f"{whole}s"
        if whole < high:
            rest = whole % low // (low // 60)
            return f"{whole // low}{letter}{rest:02}{smaller}"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


COLUMNS = {
    "kind": Column("KIND", 10, lambda row: row.kind, left=True),
    "state": Column("STATE", 11, lambda row: row.state, left=True),
    "pid": Column("PID", 7, lambda row: str(row.pid or "")),
    "cpu": Column("CPU%", 6, lambda row: percent(row.cpu), sort="c"),
    "memory": Column("MEM", 6, lambda row: size(row.memory), sort="m"),
    "threads": Column("THR", 4, lambda row: str(row.threads or "")),
    "restarts": Column("RST", 4, lambda row: str(row.restarts or ""), sort="r"),
    "uptime": Column("UPTIME", 7, lambda row: lasted(row.uptime), sort="u"),
}
BY_NEED = (
    "state",
    "cpu",
    "memory",
    "uptime",
    "restarts",
    "kind",
    "pid",
    "threads",
)  # as far as there is room


def width_of(text: str) -> int:
    """Columns of a terminal that `text` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) or unicodedata.category(c) == "Cf"
        else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )  # fmt: skip


def fitted(text: str, width: int, *, left: bool = True) -> str:
    """`text` in exactly `width` columns; what is cut off leaves a mark."""
    text = printable(text)
    if width_of(text) > width:
        while text and width_of(text) > width - 1:
            text = text[:-1]
        text += "~" if width > 0 else ""
    room = " " * (width - width_of(text))
    return text + room if left else room + text


class Layout(NamedTuple):
    """The columns of a table: of the name, those that there is room for, and of the last death, or 0."""

    name: int
    columns: list[Column]
    death: int
    width: int  # of the whole

    @property
    def spare(self) -> int:
        """What no column takes."""
        taken = self.name + sum(column.width + 1 for column in self.columns)
        return max(0, self.width - taken - (self.death + 1 if self.death else 0))


def layout_for(width: int, name: int) -> Layout:
    """The columns for a table of `width`, beside a name of `name` columns."""
    columns, death = columns_for(width, name)
    return Layout(name, columns, death, width)


def columns_for(width: int, name: int) -> tuple[list[Column], int]:
    """Those that there is room for beside a name of `name` columns, and the room for the last death."""
    left = width - name
    chosen = []
    for key in BY_NEED:
        if COLUMNS[key].width + 1 <= left:
            chosen.append(key)
            left -= COLUMNS[key].width + 1
        else:
            break
    death = left - 1 if left - 1 >= LEAST_DEATH and len(chosen) == len(BY_NEED) else 0
    return [column for key, column in COLUMNS.items() if key in chosen], death


def name_of(line: Line, style: Style) -> str:
    """With what shows its place in the tree."""
    stem, fork, last, closed, opened = (
        ("│ ", "├ ", "└ ", "▸ ", "▾ ") if style.unicode else ("| ", "|-", "`-", "+ ", "- ")
    )
    above = "".join(stem if more else "  " for more in line.stems[1:-1])
    branch = "" if line.row.is_service else (fork if line.stems[-1] else last)
    mark = closed if line.folded else opened if line.open else "  " if line.row.is_service else ""
    return f"{above}{branch}{mark}{line.row.name}"


def frame(lines: Sequence[Line], choice: Choice, clock: str, screen: Screen) -> list[str]:
    """The whole screen, as many lines as it has. `clock`: the time of day, to be shown."""
    width, height, style = screen
    helps = choice.mode == "help"
    body = [fitted(text, width) for text in HELP] if helps else _table(lines, choice, screen)
    body = [_title(lines, width, clock, style), *body][: max(0, height - 2)]
    body += [" " * width] * (height - 2 - len(body))
    return [*body, _detail(lines, choice, width, style), _foot(choice, width, style)][-height:]


def room(height: int) -> int:
    """The rows that are seen at once on a screen of `height` lines."""
    return max(1, height - 4)


def _table(lines: Sequence[Line], choice: Choice, screen: Screen) -> list[str]:
    width, height, style = screen
    if not lines:
        return [" " * width, fitted("nothing has these letters" if choice.filter else NOTHING, width)]
    names = [name_of(line, style) for line in lines]
    widest = max(LEAST_NAME, *map(width_of, names))
    layout = layout_for(width, min(widest, MOST_NAME, max(LEAST_NAME, width - 40), width))
    at = place_of(lines, choice)
    first = min(max(0, at - room(height) // 2), max(0, len(lines) - room(height)))
    shown = range(first, min(len(lines), first + room(height)))
    rows = [_row(lines[n].row, names[n], layout, style, chosen=n == at) for n in shown]
    return [_heading(layout, choice, style), *rows]


def _heading(layout: Layout, choice: Choice, style: Style) -> str:
    cells = [fitted("NAME" + _arrow(choice, "n", style), layout.name)]
    for column in layout.columns:
        text = column.heading + (_arrow(choice, column.sort, style) if column.sort else "")
        cells.append(fitted(text, column.width, left=column.left))
    if layout.death:
        cells.append(fitted("LAST DEATH", layout.death))
    return painted(fitted(" ".join(cells), layout.width), BOLD, style)


def _arrow(choice: Choice, key: str, style: Style) -> str:
    if choice.sort != key:
        return ""
    usual, turned = ("▼", "▲") if style.unicode else ("v", "^")
    return turned if choice.reverse else usual


def _row(row: Row, name: str, layout: Layout, style: Style, *, chosen: bool) -> str:
    cells = [fitted(name, layout.name)]
    for column in layout.columns:
        cell = fitted(column.cell(row), column.width, left=column.left)
        if column.heading == "STATE" and not chosen and row.state in COLOURS and style.colour:
            cell = painted(cell, COLOURS[row.state], style)
        cells.append(cell)
    if layout.death:
        cells.append(fitted(row.last_death or "", layout.death))
    text = " ".join(cells) + " " * layout.spare
    if chosen:
        return painted(text, REVERSE, style)
    return painted(text, BOLD, style) if row.is_service else text


def painted(text: str, code: str, style: Style) -> str:
    """`text` in a colour or a weight; weights nest, so that what stands within ends with its own."""
    if style.plain:
        return text
    return f"\x1b[{code}m" + text.replace("\x1b[0m", f"\x1b[39m\x1b[{code}m").rstrip("\n") + "\x1b[0m"


def _title(lines: Sequence[Line], width: int, clock: str, style: Style) -> str:
    services = [line.row for line in lines if line.row.is_service]
    cpu = sum(row.cpu or 0.0 for row in services)
    memory = sum(row.memory or 0 for row in services)
    ill = sum(line.row.state in ("backing-off", "failed", "dead", "silent") for line in lines)
    words = f"nbmon  {len(services)} service{'' if len(services) == 1 else 's'}"
    words += f"  cpu {percent(cpu)}%  mem {size(memory)}"
    if ill:
        words += f"  {ill} in trouble"
    left = fitted(words, max(0, width - len(clock) - 1))
    return painted(fitted(f"{left} {clock}", width), BOLD, style)


def _detail(lines: Sequence[Line], choice: Choice, width: int, style: Style) -> str:
    """What there is no room for in the row that is chosen."""
    if not lines or choice.mode == "help":
        return " " * width
    row = lines[place_of(lines, choice)].row
    words = [row.key if row.kind != "host" else f"{row.service}: {row.name} in one process"]
    if row.pid:
        words.append(f"pid {row.pid}")
    if row.note:
        words.append(row.note)
    if row.last_death:
        words.append(row.last_death)
    return painted(fitted("  ".join(words), width), DIM, style)


def _foot(choice: Choice, width: int, style: Style) -> str:
    if choice.mode == "filter":
        return fitted(f"/{choice.filter}_", width)
    if choice.mode == "confirm" and choice.pending is not None:
        return painted(fitted(f"{question(choice.pending)} (y/n)", width), BOLD, style)
    if choice.message:
        return painted(fitted(choice.message, width), BOLD, style)
    if choice.filter:
        return fitted(f"only what has {choice.filter!r}; escape shows all", width)
    return fitted(HINT, width)


def plainly(lines: Sequence[Line], style: Style, width: int | None = None) -> str:
    """The table once, for a pipe or a log: as wide as it must be, or as `width` allows."""
    if not lines:
        return NOTHING + "\n"
    plain = style._replace(plain=True)
    names = [name_of(line, style) for line in lines]
    name = max(LEAST_NAME, *map(width_of, names))
    deaths = max(width_of(line.row.last_death or "") for line in lines)
    whole = name + sum(column.width + 1 for column in COLUMNS.values()) + 1 + max(LEAST_DEATH, deaths)
    layout = layout_for(width or whole, min(name, width or whole))
    rows = [
        _row(line.row, shown, layout, plain, chosen=False) for line, shown in zip(lines, names, strict=True)
    ]
    return "".join(f"{text.rstrip()}\n" for text in (_heading(layout, Choice(), plain), *rows))
