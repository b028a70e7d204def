"""What does one more worker cost? Time to make and end it, and memory, as their number grows to the limit."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbmon.lab import machine
from nbmon.lab.errors import LabMisuseError
from nbmon.lab.experiment import Experiment, Finding, Option, Progress, Row, Settings
from nbmon.lab.kernels import apart, words
from nbmon.lab.plots import Axis, Bar, Bars, Chart, Plot, Series
from nbmon.lab.sampling import NOISY, rounded, sample_of
from nbmon.lab.tables import outlying

KERNEL = "nbmon.lab.kernels.births:made"
MEANS = {"fork": "process", "posix_spawn": "process", "subprocess": "process", "forkserver": "process",
         "spawn": "process", "thread": "thread", "coroutine": "coroutine"}  # fmt: skip
COUNTS, QUICK_COUNTS = (1, 10, 100, 1000, 10_000), (1, 10, 100)
LIGHT_COUNTS = (1, 100, 1000)  # of threads and coroutines, quickly
RUNS, QUICK_RUNS = 7, 3
FEW_RUNS = 3  # of a thousand and more
LONGEST, QUICK_LONGEST = 6.5, 0.6  # seconds that the workers of one row may take to be made and ended
MOST_SECONDS = 120.0  # of one row, if it is asked for
ROOM = 0.5  # of the limit on processes: others need some, too
WORTH = 1.3  # times the last number: so many more are worth a row of their own


@dataclass(frozen=True, slots=True)
class Bound:
    """The most workers that may live at the same time, and what says so."""

    most: float
    name: str  # time, memory, or the kernel's own word
    why: str


@dataclass(frozen=True, slots=True)
class Way:
    """One means, and the bounds within which more and more workers are made by it."""

    means: str
    kind: str
    quick: bool
    budget: int  # bytes
    longest: float = LONGEST  # seconds

    @property
    def counts(self) -> tuple[int, ...]:
        """How many at the same time."""
        if not self.quick:
            return COUNTS
        return QUICK_COUNTS if self.kind == "process" else LIGHT_COUNTS

    def bound(self, last: Row) -> Bound:
        """The nearest one, if workers cost what they did last."""
        seconds, memory = last["median_us"] / 1e6, last["memory_bytes"]
        time_ = f"a row may take {words.duration(self.longest * 1e9)}"
        room = f"no more than {words.size(self.budget)} of memory are taken"
        found = [Bound(self.longest / max(seconds, 1e-9), "time", time_)]
        found += [Bound(self.budget / max(memory, 1), "memory", room)]
        return min([*found, *self._allowed()], key=lambda one: one.most)

    def _allowed(self) -> list[Bound]:
        """By the kernel."""
        known = {} if self.kind == "coroutine" else limits()
        return [
            Bound(ROOM * value, name, f"{name} is {value:,}, of which half is left to others")
            for name, value in known.items()
            if value
        ]

    def runs(self, count: int, last: Row | None) -> int:
        """How often so many are made: a count that takes long is made but once."""
        wanted = QUICK_RUNS if self.quick else (RUNS if count < 1000 else FEW_RUNS)
        seconds = last["median_us"] / 1e6 * count if last else 0.0
        return max(1, min(wanted, int(self.longest / 2 / max(seconds, 1e-9))))


def run(settings: Settings, progress: Progress) -> Finding:
    """Each means with more and more workers, until time, memory or the machine says no."""
    budget, longest = machine.memory_budget(), _longest(settings)
    rows: list[Row] = []
    notes = [f"no more than {words.size(budget)} of memory is taken"]
    for at, (means, kind) in enumerate(MEANS.items()):
        way = Way(means, kind, settings.quick, budget, longest)
        progress.step(at, len(MEANS), means)
        for done, row in enumerate(climb(way, notes, _measured), start=1):
            rows.append(row)
            progress.partial(rows)
            share = min(1.0, done / len(way.counts))
            progress.step(at + share, len(MEANS), f"{means}, after {row['count']:,} at the same time")
    notes += outlying(rows, "us", "means", "count")
    how = {"memory_budget_bytes": budget, "longest_seconds": longest, "limits": limits()}
    return Finding(rows, verdict(rows), confident(rows), how, notes)


def _longest(settings: Settings) -> float:
    """Seconds. LabMisuseError."""
    word = settings.options.get("seconds", "")
    if not word:
        return QUICK_LONGEST if settings.quick else LONGEST
    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MOST_SECONDS:  # nor nan
        accepted = f"give a number of seconds up to {MOST_SECONDS:g}, as in seconds=60"
        raise LabMisuseError(f"seconds={word} is none: {accepted}")
    return seconds


Measured = Callable[[Way, int, int], tuple[Row | None, str]]


def climb(way: Way, notes: list[str], measured: Measured) -> Iterator[Row]:
    """A row for each number within the bounds, and one for the most that is; what stops it is noted."""
    row: Row | None = None
    for count in way.counts:
        bound = way.bound(row) if row else Bound(count, "", "")
        wanted = max(1, round_down(min(count, bound.most)))
        if row and wanted < count:
            notes.append(f"{way.means}: no more than {max(wanted, row['count']):,}: {bound.why}")
            if wanted < WORTH * row["count"]:
                row["limit"] = bound.name
                return
        row, refused = measured(way, wanted, way.runs(wanted, row))
        if refused:
            notes.append(f"{way.means}: {refused}")
        if row is None:
            return
        row["limit"] = refused or (bound.name if wanted < count else None)
        yield row
        if row["limit"]:
            return


def round_down(value: float) -> int:
    """To two digits: what a machine may just hold is not known better.

    >>> round_down(4478.3), round_down(7.9)
    (4400, 7)
    """
    step: int = 10 ** max(0, len(str(int(value))) - 2)
    return int(value) // step * step


def limits() -> dict[str, int | None]:
    """How many processes and threads this machine allows, by what says so; None without a limit."""
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return {
        "RLIMIT_NPROC": None if soft == resource.RLIM_INFINITY or os.geteuid() == 0 else soft,
        "kernel.pid_max": _number("/proc/sys/kernel/pid_max"),
        "kernel.threads-max": _number("/proc/sys/kernel/threads-max"),
        "pids.max of the cgroup": machine.facts().get("cgroup_pids"),
    }


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


def _measured(way: Way, count: int, runs: int) -> tuple[Row | None, str]:
    """The row, and the machine's word if it refused to make so many."""
    answers: list[Any] = []
    refused = ""
    while len(answers) < runs and not refused:
        found = apart.value(KERNEL, {"means": way.means, "count": count})
        if "limit" in found:
            refused = f"at {found['reached']:,} of {count:,} the machine said no: {found['limit']}"
            answers, count = [], found["reached"]
        if count:
            answers.append(found)
    return _row(way, count, answers) if answers else None, refused


def _row(way: Way, count: int, answers: list[Any]) -> Row:
    both = sample_of([one["starts_us"] + one["ends_us"] for one in answers])
    row = {"kind": way.kind, "means": way.means, "count": count, **both.keys("us"), **both.far("us")}
    row["runs"] = len(answers)
    for key in ("starts_us", "ends_us"):
        row[key] = rounded(sample_of([one[key] for one in answers]).median)
    return row | {"memory_bytes": round(sample_of([one["memory_bytes"] for one in answers]).median)}


def _most(rows: list[Row], means: str) -> Row | None:
    """The row of this means with most workers."""
    own = [row for row in rows if row["means"] == means]
    return max(own, key=lambda row: int(row["count"]), default=None)


def verdict(rows: list[Row]) -> str:
    """Cost of one of each kind, by its cheapest means, and what growth does to it."""
    said = []
    for kind in ("coroutine", "thread", "process"):
        own = [row for means in MEANS if (row := _most(rows, means)) and row["kind"] == kind]
        if own:
            best = min(own, key=lambda row: float(row["median_us"]))
            said.append(
                f"{_named(kind, best['means'])} {words.duration(best['median_us'] * 1e3)} and "
                f"{words.size(best['memory_bytes'])}, with {best['count']:,} at the same time"
            )
    doubt = "" if confident(rows) else " Unsure: the figures scatter too much."
    told = f"{_growth(rows)}{_limits_met(rows)}{doubt}"
    return f"To make and end one costs: {'; '.join(said)}.{told}" if said else ""


def _limits_met(rows: list[Row]) -> str:
    """How many there could be of what did not come as far as it was meant to, and for want of what."""
    met = [f"{row['count']:,} by {row['means']} ({row['limit']})" for row in rows if row.get("limit")]
    return f" At the same time there were no more than {words.listed(met)}." if met else ""


def _named(kind: str, means: str) -> str:
    return f"a {kind}" if means == kind else f"a {kind} ({means})"


def _growth(rows: list[Row]) -> str:
    """Whether the last of many costs more than the first of few."""
    told = []
    for means in ("fork", "thread", "coroutine"):
        own = [row for row in rows if row["means"] == means and row["count"] >= 10]
        if len(own) > 1 and own[0]["median_us"]:
            times = own[-1]["median_us"] / own[0]["median_us"]
            reach = f"from {own[0]['count']:,} to {own[-1]['count']:,}"
            told.append(f"{words.number(times)} times as much by {means} ({reach})")
    return f" As they grow in number, one costs {words.listed(told)}." if told else ""


def confident(rows: list[Row]) -> bool:
    """True if what the verdict names does not scatter, as far as it was made more than once."""
    repeated = [row for row in rows if row["runs"] > 1]
    named = [row for means in MEANS if (row := _most(repeated, means))]
    return bool(named) and all(
        row["high_us"] - row["low_us"] <= 2 * NOISY * row["median_us"] for row in named
    )


def plots(finding: Finding) -> list[Plot]:
    """Time against number, and memory of one."""
    series, bars = [], []
    for means, kind in MEANS.items():
        own = [row for row in finding.rows if row["means"] == means]
        points = tuple((row["count"], row["median_us"]) for row in own)
        low, high = (tuple(row[f"{end}_us"] for row in own) for end in ("low", "high"))
        series.append(Series(means, points, low, high))
        most = _most(finding.rows, means)
        if most and most["memory_bytes"]:
            bars.append(Bar(means, most["memory_bytes"], group=kind))
    time_ = Axis("to make and end one", "µs", log=True)
    return [
        Chart("Time, as they grow in number", Axis("at the same time", log=True), time_, tuple(series)),
        Bars("Memory that is not shared", Axis("of one", "bytes", log=True), tuple(bars)),
    ]


EXPERIMENT = Experiment(
    name="spawn",
    question="What does one more worker cost?",
    run=run,
    plots=plots,
    options=(Option("seconds", "how long the workers of one row may take, 6.5 by default: more go further"),),
    conclude=verdict,
    columns=(
        "kind", "means", "count", "median_us", "low_us", "high_us", "starts_us", "ends_us", "memory_bytes",
    ),
)  # fmt: skip
