"""What an experiment is made of: a question, settings, a measurement, and a verdict computed from its rows.

Plain values. Must not know the command line, /proc or how a result is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbmon.lab.plots import Plot

JSON = Any  # what json.dumps takes: None, bool, int, float, str, lists and objects of them
Row = dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Settings:
    """How an experiment shall be made."""

    quick: bool = False  # in seconds rather than minutes
    options: Mapping[str, str] = field(default_factory=dict)  # those that the experiment names, as typed


@dataclass(frozen=True, slots=True)
class Finding:
    """What an experiment found. Rows carry units in their keys: `median_ns`, `memory_bytes`, `per_second`."""

    rows: list[Row]
    verdict: str  # sentences computed from the rows, never written beforehand
    confident: bool  # False: too noisy or too close to say; the verdict then says so
    settings: Row = field(default_factory=dict)  # counts, loops, sizes that were really used
    notes: list[str] = field(default_factory=list)  # limits that were met, outliers, what was refused
    more: Row = field(default_factory=dict)  # further keys of the JSON object, as `model` of advise


class Progress:
    """Where an experiment says how far it is. This one says it to nobody."""

    def step(self, done: float, of: float, what: str) -> None:
        """`done` of `of` equal parts are done; `what` comes now."""

    def partial(self, rows: Sequence[Row]) -> None:
        """All rows so far: what is shown if Ctrl-C comes now."""


@dataclass(frozen=True, slots=True)
class Option:
    """One `--option KEY=VALUE`, or the word after the experiment's name."""

    key: str
    help: str  # what it means and what is accepted
    word: bool = False  # also accepted as the word after the name: `nbmon lab daemon 4711`
    required: bool = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question that is answered by trying."""

    name: str
    question: str
    run: Callable[[Settings, Progress], Finding]
    plots: Callable[[Finding], list[Plot]] = lambda _finding: []
    options: tuple[Option, ...] = ()
    timed: bool = True  # the verdict rests on times, so that a busy machine makes it unsure
    in_all: bool = True  # part of `nbmon lab all`
    conclude: Callable[[list[Row]], str] | None = None  # a verdict from some of the rows, after Ctrl-C
    module: str = ""  # where the process that runs it finds it; by its name otherwise
    columns: tuple[str, ...] = ()  # keys of the table for people, in order; all of them by default
