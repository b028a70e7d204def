"""How services look: a table for people, JSON for programs, the log as it is."""

from __future__ import annotations

import os
import sys

from nbmon.services.errors import ServiceError, printable, reason_of

TYPE_CHECKING = False  # as mypy reads it, without `typing`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbmon.services.control import View

NOTHING_RUNS = "Nothing runs. Start something: nbmon start ./pictures\n"
POLL = 200  # milliseconds between two looks at a followed log
HEADINGS = ("name", "state", "pid", "uptime", "url", "cpu", "memory", "target")
FOLDED = 20  # columns of a target at least, which may go on below
NEEDED = ("name", "state", "uptime", "url")
COLOURS = {"running": "green", "dead": "red", "stopped": "yellow"}


def duration(seconds: float | None) -> str:
    """As people say it, in the two largest units.

    >>> duration(93784.0)
    '1 d 2 h'
    """
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((i for i, (n, _) in enumerate(parts) if n), len(parts) - 1)
    return " ".join(f"{n} {unit}" for n, unit in parts[first : first + 2] if n) or "0 s"


def size(octets: int | None) -> str:
    """In MB, the unit in which daemons differ."""
    return "" if octets is None else f"{octets / 1e6:.1f} MB"


def as_json(shown: View | list[View]) -> str:
    """One object, or a list of them."""
    from nbmon.workers.quickjson import dumps

    plain = [view.plain() for view in shown] if isinstance(shown, list) else shown.plain()
    return dumps(plain, indent=2) + "\n"


def row(view: View) -> tuple[str, ...]:
    """The cells under HEADINGS."""
    cpu = "" if view.cpu_seconds is None else f"{view.cpu_seconds:.2f} s"
    pid = "" if view.pid is None else str(view.pid)
    cells = (view.name, view.state, pid, duration(view.uptime), view.url, cpu, size(view.memory), view.target)
    return tuple(printable(cell or "") for cell in cells)


def table(views: Sequence[View]) -> str:
    """All of them: coloured on a terminal, plain columns elsewhere."""
    if not views:
        return NOTHING_RUNS
    rows = [row(view) for view in views]
    if sys.stdout is not None and sys.stdout.isatty():
        return _for_terminal(rows)
    return plain([HEADINGS, *rows])


def plain(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces between them."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)
    return "\n".join(lines) + "\n"


def stacked(rows: Sequence[Sequence[str]]) -> str:
    """The first needs one below the other, for a terminal that is too narrow for columns."""
    named = [dict(zip(HEADINGS, row, strict=True)) for row in rows]
    lines = [(f"{one['name']}  {one['state']}  {one['uptime']}".rstrip(), f"  {one['url']}") for one in named]
    return "".join(f"{line}\n" for pair in lines for line in pair if line.strip())


def _width(rows: Sequence[Sequence[str]], headings: Sequence[str]) -> int:
    """The columns of a terminal that the table needs; rich puts three between two of its own."""
    cells = [[row[HEADINGS.index(key)] for key in headings] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    if "target" in headings:
        widths[-1] = min(widths[-1], FOLDED)
    return sum(widths) + 3 * len(widths)


def card(view: View) -> str:
    """One service, a line for each thing that is known of it."""
    head = f"{view.name} is {'not running' if view.state == 'stopped' else view.state}"
    if view.state == "dead":
        head += f": it left its pid file {printable(view.pidfile)} behind"
    facts = {
        "pid": view.pid,
        "up": duration(view.uptime),
        "url": view.url,
        "target": view.target,
        "log": view.log,
        "cpu": "" if view.cpu_seconds is None else f"{view.cpu_seconds:.2f} s",
        "memory": size(view.memory),
    }
    lines = [f"  {key:<8}{printable(str(value))}" for key, value in facts.items() if value]
    return "\n".join([head, *lines]) + "\n"


def log(path: str, lines: int, *, follow: bool) -> None:
    """Write the last `lines` lines of the log to stdout, and what is added; ServiceError."""
    from nbmon.services import tail

    try:
        fd = tail.open_log(path)
    except OSError as error:
        raise ServiceError(f"cannot read the log {printable(path)}: {reason_of(error)}") from None
    try:
        start = tail.start_of_last(fd, lines)
        for data in tail.follow(path, fd, start, _wait) if follow else tail.blocks(fd, start):
            _write(data)
    finally:
        os.close(fd)


def _write(data: bytes) -> None:
    if sys.stdout is not None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def _wait() -> bool:
    """Wait a little for the log to grow; BrokenPipeError as soon as nobody reads any more."""
    import select

    poller = select.poll()
    poller.register(1, 0)  # POLLERR, which needs no asking: the other end of the pipe is closed
    for _, event in poller.poll(POLL):
        if event & (select.POLLERR | select.POLLHUP):
            raise BrokenPipeError
    return True


def _for_terminal(rows: Sequence[Sequence[str]]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    shown = next((those for those in (HEADINGS, NEEDED) if _width(rows, those) <= console.width), None)
    if shown is None:
        return stacked(rows)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in shown:
        made.add_column(heading, no_wrap=heading in ("state", "pid", "uptime"), overflow="fold")
    for cells in rows:
        named = dict(zip(HEADINGS, cells, strict=True))
        made.add_row(
            *(Text(named[key], style=COLOURS[named[key]] if key == "state" else "") for key in shown)
        )
    with console.capture() as captured:
        console.print(made)
    return captured.get()
