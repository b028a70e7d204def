"""What the page shows, as plain values: from rows and what is chosen in the address. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from nbmon.services.watching.arranging import LONGEST_FILTER, SORTS, Action, Choice, Line, arranged, question
from nbmon.services.watching.drawing import COLUMNS, percent, size
from nbmon.services.watching.seen import Row

DEEPEST = 8  # levels that are set in
MOST_FOLDED = 64
ILL = ("backing-off", "failed", "dead", "silent")
Fields = Sequence[tuple[str, str]]


class Cell(NamedTuple):
    """One below a heading; `name` is what the stylesheet calls it."""

    name: str
    text: str


class Button(NamedTuple):
    """Something that can be asked for."""

    label: str
    title: str
    href: str


class Shown(NamedTuple):
    """One row."""

    key: str
    name: str
    depth: int
    kind: str
    state: str
    fold: str | None  # a link that folds or unfolds it
    folded: bool
    cells: list[Cell]
    death: str
    note: str
    url: str | None
    buttons: list[Button]


class Heading(NamedTuple):
    """One of the table."""

    name: str
    text: str
    href: str | None  # sorts by it
    sorted: str  # "", ascending, descending: aria-sort


class Page(NamedTuple):
    """All of it."""

    summary: str
    trouble: str
    headings: list[Heading]
    rows: list[Shown]
    filter: str
    kept: list[tuple[str, str]]  # hidden fields of the filter's form
    reload: str
    every: int  # seconds after which a browser without script reloads; 0: it does not
    often: str  # a link that changes that
    notice: str


def choice_of(fields: Fields) -> Choice:
    """What the address says; whatever it says that means nothing is as not said."""
    said = dict(fields)
    sort = said.get("sort", "")
    folded = [value for name, value in fields if name == "fold"][:MOST_FOLDED]
    return Choice(
        sort=sort if sort in SORTS else "",
        reverse=said.get("reverse") == "1",
        filter=said.get("filter", "")[:LONGEST_FILTER],
        folded=frozenset(folded),
    )


def every_of(fields: Fields) -> int:
    """How often a browser without script reloads, in seconds."""
    said = dict(fields).get("every", "")
    return min(3600, int(said)) if said.isascii() and said.isdigit() and len(said) < 5 else 0


def kept(choice: Choice, every: int = 0) -> list[tuple[str, str]]:
    """The fields that say it."""
    fields = [("sort", choice.sort), ("reverse", "1" if choice.reverse else ""), ("filter", choice.filter)]
    fields += [("every", str(every) if every else ""), *(("fold", key) for key in sorted(choice.folded))]
    return [(name, value) for name, value in fields if value]


def link(fields: Fields, page: str = "./") -> str:
    """A relative one."""
    return f"{page}?{urlencode(fields)}" if fields else page


def page_of(rows: Sequence[Row], choice: Choice, every: int, notice: str) -> Page:
    """All that is shown."""
    lines = arranged(rows, choice)
    services = [row for row in rows if row.is_service]
    ill = sum(row.state in ILL for row in rows)
    cpu, memory = sum(row.cpu or 0.0 for row in services), sum(row.memory or 0 for row in services)
    many = f"{len(services)} service{'' if len(services) == 1 else 's'}"
    fields = kept(choice, every)
    return Page(
        summary=f"{many} · cpu {percent(cpu)} % · memory {size(memory)}",
        trouble=f"{ill} in trouble" if ill else "",
        headings=_headings(choice, every),
        rows=[_shown(line, rows, choice, every) for line in lines],
        filter=choice.filter,
        kept=[(name, value) for name, value in fields if name != "filter"],
        reload=link(fields),
        every=every,
        often=link(kept(choice, 0 if every else 5)),
        notice=notice,
    )


def _headings(choice: Choice, every: int) -> list[Heading]:
    sorts = {"name": "n"} | {name: column.sort for name, column in COLUMNS.items() if column.sort}
    texts = {"name": "name", "cpu": "cpu %", "threads": "threads", "restarts": "restarts"}
    found = []
    for name in ("name", *COLUMNS):
        key = sorts.get(name, "")
        text = texts.get(name, name)
        href = link(kept(_sorted(choice, key), every)) if key else None
        order = ("ascending" if choice.reverse else "descending") if key and key == choice.sort else ""
        found.append(Heading(name, text, href, order))
    return found


def _sorted(choice: Choice, key: str) -> Choice:
    """Once: by it; twice: turned round; a third time: the order of the tree."""
    if choice.sort != key:
        return Choice(key, False, choice.filter, choice.folded)
    return Choice("" if choice.reverse else key, not choice.reverse, choice.filter, choice.folded)


def _shown(line: Line, rows: Sequence[Row], choice: Choice, every: int) -> Shown:
    row = line.row
    fold = None
    if line.open or line.folded:
        turned = choice.folded ^ {row.key}
        fold = link(kept(Choice(choice.sort, choice.reverse, choice.filter, turned), every))
    is_url = row.note.startswith(("http://", "https://"))
    return Shown(
        key=row.key,
        name=row.name,
        depth=min(len(line.stems) - 1, DEEPEST),
        kind=row.kind,
        state=row.state,
        fold=fold,
        folded=line.folded,
        cells=[Cell(name, column.cell(row)) for name, column in COLUMNS.items() if name != "state"],
        death=row.last_death or "",
        note="" if is_url else row.note,
        url=row.note if is_url else None,
        buttons=[_button(label, action, choice, every) for label, action in possible(row, rows)],
    )


def _button(label: str, action: Action, choice: Choice, every: int) -> Button:
    return Button(label, question(action), link([*kept(choice, every), *asking(action)], "ask"))


def possible(row: Row, rows: Sequence[Row]) -> list[tuple[str, Action]]:
    """What can be done with a row."""
    if row.kind == "host" or (row.is_service and row.state == "dead"):
        return []
    found = [("↻", Action("restart", row.service, row.worker))]
    if row.of:
        count = sum(one.of == row.of and one.service == row.service for one in rows)
        found.append(("+", Action("scale", row.service, row.of, count + 1)))
        if count > 1:
            found.append(("−", Action("scale", row.service, row.of, count - 1)))
    return found


def asking(action: Action) -> list[tuple[str, str]]:
    """The fields that say what is to be done."""
    fields = [("do", str(action.do)), ("service", action.service), ("worker", action.worker)]
    return [*fields, ("count", str(action.count))] if action.do == "scale" else fields


def asked(fields: Fields, rows: Sequence[Row]) -> Action | None:
    """What is to be done, if it is something that the page offers at this moment."""
    said = dict(fields)
    for row in rows:
        for _, action in possible(row, rows):
            if all(said.get(name) == value for name, value in asking(action)):
                return action
    return None
