"""`nbmon top`: the live table, or the table once where there is no terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from nbmon.cli import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbmon.cli.terminal import Terminal
    from nbmon.services.watching.arranging import Choice
    from nbmon.services.watching.drawing import Style
    from nbmon.services.watching.looking import Looker
    from nbmon.services.watching.seen import Row, Seen

EACH = 1.0  # seconds from one look to the next
GLANCE = 0.5  # seconds between the two looks of a table that is shown once
SHARE = 0.01  # of a core that looking and drawing may take: a large system is looked at less often
RAREST = 10.0  # seconds


@click.command()
@click.argument("names", metavar="[NAME…]", nargs=-1, shell_complete=words.complete_names)
@click.option("--once", is_flag=True, help="Print the table once; so it is without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the rows once, as a list of objects.")
@words.debug
def top(names: tuple[str, ...], once: bool, as_json: bool) -> int:
    """Watch services and their workers.

    Of all kinds, live: what they cost, how often they were restarted, of what they died. ? shows the keys.
    """
    from nbmon.services.watching.looking import Looker

    looker = Looker(names)
    try:
        if names and not as_json and (once or not _is_terminal()):
            _know(names)
        if as_json:
            click.echo(_json(_glance(looker)))
        elif once or not _is_terminal():
            click.echo(_plain(_glance(looker)), nl=False)
        else:
            _live(looker)
    finally:
        looker.close()
    return 0


def _know(names: Sequence[str]) -> None:
    """ServiceError for the first that names no service."""
    from nbmon.services import control
    from nbmon.services.errors import ServiceError

    for name in names:
        if control.find(name) is None:
            raise ServiceError(control.unknown(name))


def _is_terminal() -> bool:
    return os.isatty(0) and os.isatty(1) and os.environ.get("TERM", "dumb") != "dumb"


def _glance(looker: Looker) -> list[Row]:
    """The rows once: it takes two looks to tell what is spent between them."""
    from nbmon.services.watching.seen import rows

    before = looker.look()
    if before:
        time.sleep(GLANCE)
    return rows(before, looker.look())


def _json(found: Sequence[Row]) -> str:
    import json

    return json.dumps([row._asdict() for row in found], indent=2)


def _plain(found: Sequence[Row]) -> str:
    from nbmon.services.watching.arranging import Choice, arranged
    from nbmon.services.watching.drawing import plainly

    width = os.get_terminal_size(1).columns if os.isatty(1) else None
    return plainly(arranged(found, Choice()), style(), width)


def style() -> Style:
    """What the terminal can show: https://no-color.org, and its encoding."""
    from nbmon.services.watching.drawing import Style

    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    return Style(colour=not os.environ.get("NO_COLOR"), unicode=encoding.startswith("utf"))


def _live(looker: Looker) -> None:
    from nbmon.cli.terminal import Terminal

    with Terminal() as terminal:
        _Live(looker, terminal).run()


class _Live:
    """The loop: look, draw, wait for a key or for the next look."""

    def __init__(self, looker: Looker, terminal: Terminal) -> None:
        from nbmon.services.watching.arranging import Choice
        from nbmon.services.watching.doing import Doer

        self._looker = looker
        self._terminal = terminal
        self._choice: Choice = Choice()
        self._before: list[Seen] = []
        self._now: list[Seen] = []
        self._rows: list[Row] = []
        self._style = style()
        self._doer = Doer(terminal.wake)
        self._said = ""

    def run(self) -> None:
        """Until `q`, or until the terminal is gone."""
        due = 0.0
        while True:
            began = time.thread_time()
            if time.monotonic() >= due:
                self._look()
                self._draw()
                cost = time.thread_time() - began
                due = time.monotonic() + min(RAREST, max(EACH, cost / SHARE))
            else:
                self._draw()
            try:
                pressed = self._terminal.wait(max(0.0, due - time.monotonic()))
            except EOFError:
                return
            if any(self._press(key) for key in pressed):
                return

    def _look(self) -> None:
        from nbmon.services.watching.seen import rows

        self._before, self._now = self._now, self._looker.look()
        self._rows = rows(self._before, self._now)

    def _draw(self) -> None:
        from nbmon.services.watching import drawing
        from nbmon.services.watching.arranging import arranged

        if self._doer.message != self._said:
            from dataclasses import replace

            self._said = self._doer.message
            self._choice = replace(self._choice, message=self._said)
        screen = drawing.Screen(*self._terminal.size(), self._style)
        clock = time.strftime("%H:%M:%S")
        self._terminal.show(drawing.frame(arranged(self._rows, self._choice), self._choice, clock, screen))

    def _press(self, key: str) -> bool:
        """Whether it is the end."""
        from nbmon.services.watching import drawing
        from nbmon.services.watching.arranging import Table, after, arranged

        if key == "redraw":
            self._terminal.redraw()
        page = drawing.room(self._terminal.size()[1])
        table = Table(self._rows, arranged(self._rows, self._choice), page)
        self._choice, action = after(self._choice, key, table)
        if action is None:
            return False
        if action.do == "quit":
            return True
        self._doer.begin(action)
        return False
