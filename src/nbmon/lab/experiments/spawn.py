"""What does one more worker cost? Time to make and end it, and memory, as their number grows to the limit."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any

from nbmon.lab import machine
from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.kernels import apart, words
from nbmon.lab.plots import Axis, Bar, Bars, Chart, Plot, Series
from nbmon.lab.sampling import NOISY, rounded, sample_of

KERNEL = "nbmon.lab.kernels.births:made"
MEANS = {"fork": "process", "posix_spawn": "process", "subprocess": "process", "forkserver": "process",
         "spawn": "process", "thread": "thread", "coroutine": "coroutine"}  # fmt: skip
COUNTS, QUICK_COUNTS = (1, 10, 100, 1000, 10_000), (1, 10, 100)
LIGHT_COUNTS = (1, 100, 1000)  # of threads and coroutines, quickly
RUNS, QUICK_RUNS = 7, 3
FEW_RUNS = 3  # of a thousand and more
LONGEST, QUICK_LONGEST = 8.0, 0.6  # seconds that one row may take; what would take longer is not tried
ROOM = 0.5  # of the limit on processes: others need some, too


def run(settings: Settings, progress: Progress) -> Finding:
    """Each means with more and more workers, until time, memory or the machine says no."""
    budget = machine.memory_budget()
    longest = QUICK_LONGEST if settings.quick else LONGEST
    rows: list[Row] = []
    notes: list[str] = [f"no more than {words.size(budget)} of memory is taken"]
    for done, (means, kind) in enumerate(MEANS.items()):
        cost, memory = 0.0, 0.0  # seconds and bytes of a worker, as the last row had it
        for count in _counts(kind, settings.quick):
            progress.step(done, len(MEANS), f"{means}: {count:,} at the same time")
            refused = _refused(kind, count, (cost * count, longest), (memory * count, budget))
            if refused:
                notes.append(f"{means}: stopped before {count:,}: {refused}")
                break
            runs = _runs(count, settings.quick, longest, cost)
            row, limit = _measured(kind, means, count, runs)
            if row is not None:
                rows.append(row)
                cost, memory = row["median_us"] / 1e6, row["memory_bytes"]
            progress.partial(rows)
            if limit:
                notes.append(f"{means}: {limit}")
                break
    how = {"memory_budget_bytes": budget, "longest_seconds": longest, "limits": limits()}
    return Finding(rows, verdict(rows), confident(rows), how, notes)


def _counts(kind: str, quick: bool) -> tuple[int, ...]:
    if not quick:
        return COUNTS
    return QUICK_COUNTS if kind == "process" else LIGHT_COUNTS


def _runs(count: int, quick: bool, longest: float, cost: float) -> int:
    wanted = QUICK_RUNS if quick else (RUNS if count < 1000 else FEW_RUNS)
    return max(1, min(wanted, int(longest / max(cost * count, 1e-9))))


def _refused(kind: str, count: int, seconds: tuple[float, float], memory: tuple[float, float]) -> str:
    """Why so many are not tried, or nothing; what they would take and what they may, each."""
    if seconds[0] > seconds[1]:
        return f"they would take {words.duration(seconds[0] * 1e9)}"
    if memory[0] > memory[1]:
        return f"they would take {words.size(memory[0])} of memory"
    room = {name: value for name, value in limits().items() if value and count > ROOM * value}
    if kind != "coroutine" and room:
        return "the limit of " + words.listed([f"{name} is {value:,}" for name, value in room.items()])
    return ""


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


def _measured(kind: str, means: str, count: int, runs: int) -> tuple[Row | None, str]:
    """The row, and what stopped it."""
    answers: list[Any] = []
    for _ in range(runs):
        begun = time.monotonic()
        found = apart.value(KERNEL, {"means": means, "count": count})
        if "limit" in found:
            return None, f"at {found['reached']:,} of {count:,} the machine said no: {found['limit']}"
        answers.append(found | {"seconds": time.monotonic() - begun})
    both = sample_of([one["starts_us"] + one["ends_us"] for one in answers])
    row = {"kind": kind, "means": means, "count": count, **both.keys("us")}
    row |= {key: rounded(sample_of([one[key] for one in answers]).median) for key in ("starts_us", "ends_us")}
    return row | {"memory_bytes": round(sample_of([one["memory_bytes"] for one in answers]).median)}, ""


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
                f"a {kind} ({best['means']}) {words.duration(best['median_us'] * 1e3)} and "
                f"{words.size(best['memory_bytes'])}, with {best['count']:,} at the same time"
            )
    doubt = "" if confident(rows) else " Unsure: the figures scatter too much."
    return f"To make and end one costs: {'; '.join(said)}.{_growth(rows)}{doubt}" if said else ""


def _growth(rows: list[Row]) -> str:
    """Whether the last of many costs more than the first of few."""
    told = []
    for means in ("fork", "thread", "coroutine"):
        own = [row for row in rows if row["means"] == means and row["count"] >= 10]
        if len(own) > 1 and own[0]["median_us"]:
            times = own[-1]["median_us"] / own[0]["median_us"]
            told.append(
                f"{words.number(times)} times for {means} from {own[0]['count']} to {own[-1]['count']:,}"
            )
    return f" As they grow in number, the cost of one changes {words.listed(told)}." if told else ""


def confident(rows: list[Row]) -> bool:
    """True if what the verdict names does not scatter."""
    named = [row for means in MEANS if (row := _most(rows, means))]
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
        Chart("Time", Axis("at the same time", log=True), time_, tuple(series)),
        Bars("Memory that is not shared", Axis("of one", "bytes", log=True), tuple(bars)),
    ]


EXPERIMENT = Experiment(
    name="spawn",
    question="What does one more worker cost?",
    run=run,
    plots=plots,
    conclude=verdict,
    columns=(
        "kind", "means", "count", "median_us", "low_us", "high_us", "starts_us", "ends_us", "memory_bytes",
    ),
)  # fmt: skip
