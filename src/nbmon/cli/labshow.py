"""How the laboratory's results look: progress on stderr, tables and verdicts or JSON on stdout, files."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from nbmon.cli import show

if TYPE_CHECKING:
    from nbmon.lab.result import Result
    from nbmon.lab.tables import Table

PATIENCE = 2.0  # seconds before progress is shown
PLAIN_EVERY = 5.0  # seconds between two lines where stderr is no terminal
WIDTH = 100  # columns of plain text where there is no terminal
DRAWN = (".svg", ".png")


def listed(as_json: bool) -> str:
    """The experiments and their questions."""
    from nbmon.lab import registry

    found = [registry.find(name) for name in registry.names()]
    if as_json:
        known = [
            {
                "experiment": one.name,
                "question": one.question,
                "options": {option.key: option.help for option in one.options},
            }
            for one in found
        ]
        return json.dumps(known, indent=2, ensure_ascii=False) + "\n"
    rows = [(one.name, one.question) for one in found]
    return f"{show.plain(rows)}\nTry one: nbmon lab {rows[0][0]} --quick; or all: nbmon lab all\n"


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where results go."""

    plot: str | None
    html: str | None
    as_json: bool

    def check(self) -> None:
        """What would fail after minutes of measuring fails now. click.UsageError, LabError."""
        for option, path, endings in (("--plot", self.plot, DRAWN), ("--html", self.html, (".html", ".htm"))):
            if path is not None:
                _check_file(option, path, endings)
        if self.plot is not None:
            from nbmon.lab import drawing

            drawing.need_matplotlib()

    def one(self, result: Result) -> None:
        """Show one, as soon as it is there; JSON waits for the end."""
        if not self.as_json:
            click.echo(text(result), nl=False)

    def end(self, results: list[Result], together: bool) -> None:
        """Write the files, and the JSON."""
        if self.as_json:
            objects: Any = [one.as_object() for one in results]
            click.echo(json.dumps(objects if together else objects[0], indent=2, ensure_ascii=False))
        for one in results if self.plot else ():
            self._draw(one, together)
        if self.html:
            from nbmon.lab.report import page

            _write(self.html, page.report(results).encode())

    def _draw(self, result: Result, together: bool) -> None:
        from nbmon.lab import drawing

        assert self.plot is not None
        stem, ending = os.path.splitext(self.plot)  # noqa: PTH122 - a word of the user's, kept as typed
        path = f"{stem}-{result.experiment.name}{ending}" if together else self.plot
        plots = result.experiment.plots(result.finding)
        if not plots:
            click.echo(f"nbmon: {result.experiment.name} has nothing to draw", err=True)
            return
        _write(path, drawing.draw(plots, ending.lower().removeprefix(".")))


def _check_file(option: str, path: str, endings: tuple[str, ...]) -> None:
    if not path.lower().endswith(endings):
        accepted = " or ".join(endings)
        raise click.UsageError(
            f"{option} takes a file that ends in {accepted}, not {path or 'an empty name'}"
        )
    folder = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120 - costs an import
    if not os.path.isdir(folder):  # noqa: PTH112
        raise click.UsageError(f"{option} {path}: there is no folder {folder}; make it first")
    if os.path.isdir(path):  # noqa: PTH112
        raise click.UsageError(f"{option} {path} is a folder; name a file in it")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):  # noqa: PTH110
        raise click.UsageError(f"{option} {path}: permission denied; name a file that may be written")


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123 - costs an import
        file.write(data)
    click.echo(f"nbmon: wrote {path}", err=True)


def text(result: Result) -> str:
    """A result for people: question, tables, what was met, the verdict."""
    from nbmon.lab.tables import tables

    finding = result.finding
    parts = [f"{result.experiment.name}: {result.experiment.question}", ""]
    for one in tables(finding.rows, result.experiment.columns):
        parts += [*([f"{one.title}:"] if one.title else []), _table(one)]
    lines = [note for note in finding.notes if "\n" not in note]
    said = [*(f"machine: {one}" for one in result.machine.get("warnings", [])), *lines]
    parts += [*(f"  - {note}" for note in said), *([""] if said else [])]
    programs = "".join(f"{note.strip()}\n\n" for note in finding.notes if "\n" in note)  # to be copied
    return "\n".join(parts) + f"\n{finding.verdict}\n\n{programs}"


def _table(table: Table) -> str:
    if sys.stdout is not None and sys.stdout.isatty():
        return _for_terminal(table)
    return show.plain([table.headings, *table.rows])


def _for_terminal(table: Table) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Made
    from rich.text import Text

    console = Console(highlight=False)
    made = Made(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name, numeric in zip(table.headings, table.numeric, strict=True):
        made.add_column(name, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for cells in table.rows:
        made.add_row(*map(Text, cells))
    with console.capture() as captured:
        console.print(made)
    return captured.get()


@contextlib.contextmanager
def watching(title: str) -> Iterator[Callable[[float, float, str], None]]:
    """A watcher for `running.run`: nothing for two seconds, then how far it is and how long it will take."""
    watcher = _OnTerminal(title) if sys.stderr is not None and sys.stderr.isatty() else _Plain(title)
    try:
        yield watcher.watch
    finally:
        watcher.end()


class _Plain:
    """A line now and then, for a log."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._begun = time.monotonic()
        self._next = self._begun + PATIENCE

    def watch(self, done: float, of: float, what: str) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PLAIN_EVERY
        click.echo(f"nbmon: {self._title}: {progress(done, of, now - self._begun)}: {what}", err=True)

    def end(self) -> None:
        pass


class _OnTerminal:
    """A bar that goes when the result comes."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._begun = time.monotonic()
        self._shown: Any = None

    def watch(self, done: float, of: float, what: str) -> None:
        if time.monotonic() - self._begun < PATIENCE:
            return
        if self._shown is None:
            self._show()
        spent = time.monotonic() - self._begun
        self._shown.update(
            0, completed=done, total=of, left=progress(done, of, spent), description=f"{self._title}: {what}"
        )
        self._shown.refresh()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[left]}"))
        self._shown = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
        self._shown.add_task("", total=1.0, left="")
        self._shown.start()

    def end(self) -> None:
        if self._shown is not None:
            self._shown.stop()


def progress(done: float, of: float, spent: float) -> str:
    """How far, and how long it will take at this pace.

    >>> progress(1, 4, 3.0), progress(0, 4, 3.0)
    ('25 %, about 9 s left', '0 %')
    """
    share = min(1.0, done / of) if of > 0 else 0.0
    if share <= 0:
        return "0 %"
    return f"{share:.0%}".replace("%", " %") + f", about {show.duration(spent / share - spent)} left"
