"""Which rows are shown, in which order, and what a key changes in that. Pure: no terminal, no clock.

`after` is the whole behaviour of the live table: what is chosen now and a key give what is chosen next, and
perhaps something to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from nbmon.services.watching.seen import Row

Mode = Literal["table", "filter", "confirm", "help"]
Doing = Literal["restart", "scale", "quit"]
LONGEST_FILTER = 64  # characters

SORTS: dict[str, tuple[str, Callable[[Row], object]]] = {
    "c": ("cpu", lambda row: -(row.cpu or 0.0)),
    "m": ("memory", lambda row: -(row.memory or 0)),
    "n": ("name", lambda row: row.name.casefold()),
    "r": ("restarts", lambda row: -row.restarts),
    "u": ("uptime", lambda row: -(row.uptime or 0.0)),
}


class Line(NamedTuple):
    """A row in its place."""

    row: Row
    stems: tuple[bool, ...]  # for each level above it, whether that one has further siblings below
    folded: bool = False  # it has rows below it, which are hidden
    open: bool = False  # it has rows below it, which are shown


class Table(NamedTuple):
    """What is there to be chosen from."""

    rows: Sequence[Row]  # all
    lines: Sequence[Line]  # those that are shown
    page: int = 10  # how many are seen at once


@dataclass(frozen=True, slots=True)
class Action:
    """Something to be done to the world."""

    do: Doing
    service: str = ""
    worker: str = ""  # empty: the service itself
    count: int = 0  # to scale to


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user has chosen so far."""

    sort: str = ""  # one of SORTS; the order of the tree without
    reverse: bool = False
    filter: str = ""
    folded: frozenset[str] = frozenset()
    selected: str = ""  # a key of a row; the first without
    mode: Mode = "table"
    pending: Action | None = None  # to be confirmed
    message: str = ""


def arranged(rows: Sequence[Row], choice: Choice) -> list[Line]:
    """The rows that are shown, in their order."""
    kept = _filtered(rows, choice.filter)
    children: dict[str, list[Row]] = {}
    for row in kept:
        children.setdefault(row.parent, []).append(row)
    lines: list[Line] = []
    waiting = _siblings(children.get("", []), choice, ())
    while waiting:
        row, stems = waiting.pop()
        inner = children.get(row.key, [])
        folded = row.key in choice.folded
        lines.append(Line(row, stems, bool(inner) and folded, bool(inner) and not folded))
        if not folded:
            waiting += _siblings(inner, choice, stems)
    return lines


def _siblings(rows: list[Row], choice: Choice, above: tuple[bool, ...]) -> list[tuple[Row, tuple[bool, ...]]]:
    """Last first, to be taken from the end."""
    if choice.sort:
        rows = sorted(rows, key=SORTS[choice.sort][1])  # type: ignore[arg-type]  # numbers or texts, not both
    if choice.reverse:
        rows = rows[::-1]
    placed = [(row, (*above, at < len(rows) - 1)) for at, row in enumerate(rows)]
    return placed[::-1]


def _filtered(rows: Sequence[Row], text: str) -> list[Row]:
    """Those with `text` in the name, or at the start of kind or state, and all that stand above these."""
    if not text:
        return list(rows)
    wanted = text.casefold()
    by_key = {row.key: row for row in rows}
    kept: set[str] = set()
    for row in rows:
        if wanted in row.key.casefold() or row.kind.startswith(wanted) or row.state.startswith(wanted):
            key = row.key
            while key in by_key and key not in kept:
                kept.add(key)
                key = by_key[key].parent
    return [row for row in rows if row.key in kept]


def place_of(lines: Sequence[Line], choice: Choice) -> int:
    """Where the selected row is; the first if it is not there."""
    return next((at for at, line in enumerate(lines) if line.row.key == choice.selected), 0)


# --- keys ---


def after(choice: Choice, key: str, table: Table) -> tuple[Choice, Action | None]:
    """What is chosen after `key`, and what is to be done."""
    if choice.mode == "table":
        return _in_table(replace(choice, message=""), key, table)
    if choice.mode == "filter":
        return _typed(choice, key), None
    done = choice.pending if key in ("y", "Y", "enter") else None  # what is asked; None in the help
    message = "not done" if choice.pending and not done else ""
    return replace(choice, mode="table", pending=None, message=message), done


def _in_table(choice: Choice, key: str, table: Table) -> tuple[Choice, Action | None]:
    if key in ("q", "Q"):
        return choice, Action("quit")
    if key in MOVES:
        return _moved(choice, key, table), None
    if key in SORTS or key == "t":
        return _sorted(choice, key), None
    if key in _PLAIN:
        return _PLAIN[key](choice), None
    if key in _ON_A_ROW and table.lines:
        return _ON_A_ROW[key](choice, key, table), None
    return choice, None


MOVES: dict[str, Callable[[int, int, int], int]] = {  # from a place, the last one, and a page's length
    "up": lambda at, _last, _page: at - 1,
    "down": lambda at, _last, _page: at + 1,
    "pageup": lambda at, _last, page: at - page,
    "pagedown": lambda at, _last, page: at + page,
    "home": lambda _at, _last, _page: 0,
    "end": lambda _at, last, _page: last,
}


def _moved(choice: Choice, key: str, table: Table) -> Choice:
    if not table.lines:
        return choice
    last = len(table.lines) - 1
    to = MOVES[key](place_of(table.lines, choice), last, table.page)
    return replace(choice, selected=table.lines[min(max(to, 0), last)].row.key)


def _sorted(choice: Choice, key: str) -> Choice:
    """The same key again turns the order round; `t` is the tree's own order."""
    sort = "" if key == "t" else key
    return replace(choice, sort=sort, reverse=sort == choice.sort and bool(sort) and not choice.reverse)


def _typed(choice: Choice, key: str) -> Choice:
    if key == "enter":
        return replace(choice, mode="table")
    if key == "escape":
        return replace(choice, mode="table", filter="")
    if key == "backspace":
        return replace(choice, filter=choice.filter[:-1])
    if len(key) == 1 and key.isprintable():
        return replace(choice, filter=(choice.filter + key)[:LONGEST_FILTER])
    return choice


def _turned(choice: Choice, key: str, table: Table) -> Choice:
    """Fold or unfold; left on what has nothing to fold goes up to its parent."""
    line = table.lines[place_of(table.lines, choice)]
    row = line.row
    if key == "left" and not line.open:
        return replace(choice, selected=row.parent or row.key)
    if line.open and key != "right":
        return replace(choice, folded=choice.folded | {row.key}, selected=row.key)
    return replace(choice, folded=choice.folded - {row.key}, selected=row.key)


def _steered(choice: Choice, key: str, table: Table) -> Choice:
    row = table.lines[place_of(table.lines, choice)].row
    wanted = _to_restart(row) if key in ("k", "R") else _to_scale(row, table.rows, -1 if key == "-" else 1)
    if isinstance(wanted, str):
        return replace(choice, message=wanted, selected=row.key)
    return replace(choice, mode="confirm", pending=wanted, selected=row.key)


_PLAIN: dict[str, Callable[[Choice], Choice]] = {
    "?": lambda choice: replace(choice, mode="help"),
    "h": lambda choice: replace(choice, mode="help"),
    "/": lambda choice: replace(choice, mode="filter"),
    "escape": lambda choice: replace(choice, filter=""),
}
_ON_A_ROW: dict[str, Callable[[Choice, str, Table], Choice]] = {
    **dict.fromkeys((" ", "enter", "left", "right"), _turned),
    **dict.fromkeys(("k", "R", "+", "-", "="), _steered),
}


def _to_restart(row: Row) -> Action | str:
    if row.is_service and row.state == "dead":
        return f"{row.service} does not run; nbmon start starts it"
    if row.kind == "host":
        return "a host is restarted with its workers; choose one of them"
    return Action("restart", row.service, row.worker)


def _to_scale(row: Row, rows: Sequence[Row], by: int) -> Action | str:
    if not row.of:
        return "only workers can be scaled; choose one"
    count = sum(one.of == row.of and one.service == row.service for one in rows)
    if count + by < 1:
        return f"the last one of {row.of} stays; nbmon scale {row.service}/{row.of} 0 ends it"
    return Action("scale", row.service, row.of, count + by)


def question(action: Action) -> str:
    """What is asked before it is done, to be answered by yes or no."""
    if action.do == "scale":
        return f"{action.service}/{action.worker}: let there be {action.count}?"
    if not action.worker:
        return f"restart {action.service}, the whole service?"
    return f"restart {action.service}/{action.worker}?"
