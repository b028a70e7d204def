"""What does a context switch cost? Ping-pong between two workers, cold caches, and a crowd that yields."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from nbmon.lab import machine
from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.kernels import apart, cores, words
from nbmon.lab.kernels.counters import Counters
from nbmon.lab.plots import Axis, Bar, Bars, Chart, Plot, Series
from nbmon.lab.sampling import NOISY, rounded, sample_of
from nbmon.lab.tables import outlying

HANDOVER = "nbmon.lab.kernels.handover:"
LOOPS = "nbmon.lab.kernels.loops:"
CROWD, QUICK_CROWD = (2, 16, 64, 256, 1000), (2, 16, 64)
CROWDED_RUNS = 3
MANY_TASKS = 1000
GIL = "GIL"
PLAIN = {"workers": 2, "set_bytes": 0}


@dataclass(frozen=True, slots=True)
class Cell:
    """One row to be measured: what it is, and the kernel with its arguments."""

    row: Row
    kernel: str
    arguments: Row = field(default_factory=dict)


def run(settings: Settings, progress: Progress) -> Finding:
    """Every cell in interpreters of its own."""
    effort = {"runs": 7, "target": 5e6} if settings.quick else {"runs": 9, "target": 20e6}
    cells, rows = list(_cells(settings.quick, effort)), []
    for done, cell in enumerate(cells):
        progress.step(done, len(cells), f"{cell.row['kind']}: {cell.row['means']}")
        rows.append(_measured(cell, 1 if settings.quick else 3))
        progress.partial(rows)
    notes = [*_notes(cells), *outlying(rows, "ns", "kind", "means", "cores", "workers", "set_bytes")]
    return Finding(rows, verdict(rows), confident(rows), {**effort, "cores": _cores()}, notes)


def _cores() -> list[int]:
    found = cores.pair()
    return list(found) if found else machine.cores()


def _cells(quick: bool, effort: Row) -> Iterator[Cell]:
    yield from _pairs(effort)
    yield from _coroutines(effort)
    yield from _sets(quick, effort)
    for workers in QUICK_CROWD if quick else CROWD:
        row = {"kind": "process", "means": "yield", "cores": "one", "workers": workers, "set_bytes": 0}
        yield Cell(row, HANDOVER + "race", {"workers": workers, "cpu": _cores()[-1], "runs": CROWDED_RUNS})


def _pairs(effort: Row) -> Iterator[Cell]:
    cpus = _cores()
    places = {"one": [cpus[-1], cpus[-1]], "two": cpus}
    for where, pair in list(places.items())[: len(cpus)]:
        for means in ("pipe", "eventfd", "futex"):
            row = {"kind": "process", "means": means, "cores": where, **PLAIN}
            yield Cell(row, HANDOVER + "processes", {"means": means, "cpus": pair, "set_bytes": 0, **effort})
        for means in ("lock", "pipe"):
            row = {"kind": "thread", "means": means, "cores": where, **PLAIN}
            yield Cell(row, HANDOVER + "threads", {"means": means, "cpus": pair, **effort})
        if machine.gil():
            row = {"kind": "thread", "means": GIL, "cores": where, **PLAIN}
            yield Cell(row, HANDOVER + "gil", {"cpus": pair, "runs": effort["runs"]})


def _coroutines(effort: Row) -> Iterator[Cell]:
    loops = ["asyncio", *(["uvloop"] if find_spec("uvloop") else [])]
    for workers in (2, MANY_TASKS):
        about = {"cores": "one", "workers": workers, "set_bytes": 0}
        how = {"workers": workers, "cpu": _cores()[-1], **effort}
        for loop in loops:
            row = {"kind": "coroutine", "means": loop, **about}
            yield Cell(row, LOOPS + "tasks", {"loop": loop, **how})
        yield Cell({"kind": "coroutine", "means": "generator", **about}, LOOPS + "generators", how)


def _sets(quick: bool, effort: Row) -> Iterator[Cell]:
    """Below and beyond each level of cache; two sets have to fit, as there are two processes."""
    levels = sorted({size for name, size in machine.caches().items() if not name.endswith("i")})
    sizes = sorted({part for level in levels for part in (level // 4, level * 2)})
    if quick:
        sizes = [one for one in sizes if one < max(levels)][-4:]
    cpu = _cores()[-1]
    for size in sizes:
        row = {"kind": "process", "means": "pipe", "cores": "one", "workers": 2, "set_bytes": size}
        how = {"means": "pipe", "cpus": [cpu, cpu], "set_bytes": size, **effort}
        yield Cell(row, HANDOVER + "processes", how)


def _measured(cell: Cell, interpreters: int) -> Row:
    """The row with its figures; the same calls without a switch are taken off, with their own uncertainty."""
    answers = [apart.value(cell.kernel, cell.arguments) for _ in range(interpreters)]
    raw = sample_of([value for one in answers for value in one["ns"]])
    median, low, high = (sample_of([one["alone_ns"][at] for one in answers]).median for at in (0, 1, 2))
    net = {"median_ns": raw.median - median, "low_ns": raw.low - high, "high_ns": raw.high - low}
    figures = {**net, "raw_ns": raw.median, "alone_ns": median}
    counts = {key: _mean(answers, key) for key in answers[0] if key not in ("ns", "alone_ns")}
    told = {key: rounded(max(0.0, value)) for key, value in figures.items()}
    return {**cell.row, **told, **raw.far("ns"), **counts}


def _mean(answers: list[Any], key: str) -> float:
    return rounded(sum(float(one[key]) for one in answers) / len(answers), 3)


def _notes(cells: list[Cell]) -> list[str]:
    notes = []
    with Counters() as counted:
        if counted.refused:
            notes.append(f"no counts of cache and branch misses: perf_event_open(2) says {counted.refused}")
    if len(_cores()) < 2:
        notes.append("one core is allowed: nothing was measured across cores")
    if not find_spec("uvloop"):
        notes.append("uvloop is not installed, and was not measured")
    if not any(cell.row["set_bytes"] for cell in cells):
        notes.append("the kernel does not tell the sizes of the caches: no working sets were tried")
    return notes


def pick(rows: list[Row], **keys: Any) -> list[Row]:
    """The rows that have these values."""
    return [row for row in rows if all(row[key] == value for key, value in keys.items())]


def verdict(rows: list[Row]) -> str:
    """What these rows say; each sentence only if there are rows for it."""
    said = [_kinds(rows), _across(rows), _gil(rows), _cold(rows), _crowd(rows)]
    doubt = "" if confident(rows) else " Unsure: the figures scatter too much, or lie too close together."
    return " ".join(filter(None, said)) + doubt


def _best(rows: list[Row], kind: str) -> Row | None:
    own = pick(rows, kind=kind, cores="one", **PLAIN)
    found = [row for row in own if row["means"] not in (GIL, "yield") and row["median_ns"]]
    return min(found, key=lambda row: float(row["median_ns"]), default=None)


def _kinds(rows: list[Row]) -> str:
    found = [best for kind in ("coroutine", "thread", "process") if (best := _best(rows, kind))]
    ordered = sorted(found, key=lambda row: float(row["median_ns"]))
    told = [f"{words.duration(r['median_ns'])} between {_plural(r['kind'])} ({r['means']})" for r in ordered]
    return f"On one core a switch costs {words.listed(told)} at best." if told else ""


def _plural(kind: str) -> str:
    return {"process": "processes", "thread": "threads", "coroutine": "coroutines"}[kind]


def _across(rows: list[Row]) -> str:
    one = pick(rows, kind="process", means="pipe", cores="one", **PLAIN)
    two = pick(rows, kind="process", means="pipe", cores="two", **PLAIN)
    if not (one and two and one[0]["median_ns"]):
        return ""
    times = two[0]["median_ns"] / one[0]["median_ns"]
    if times < 1:
        return f"Across cores the hand-over through a pipe costs {words.number(times)} of that on one core."
    return (
        f"Across cores the hand-over through a pipe costs {words.duration(two[0]['median_ns'])}, "
        f"{words.number(times)} times as much: the other core has to be woken."
    )


def _gil(rows: list[Row]) -> str:
    found = pick(rows, means=GIL)
    if not found:
        return ""
    wait = words.duration(max(row["median_ns"] for row in found))
    interval = words.duration(sys.getswitchinterval() * 1e9)
    return f"A thread that computes lets another wait {wait} for the GIL (its interval is {interval})."


def _cold(rows: list[Row]) -> str:
    bare = pick(rows, kind="process", means="pipe", cores="one", **PLAIN)
    touched = [row for row in rows if row["set_bytes"] and row["low_ns"] > (bare or [row])[0]["high_ns"]]
    if not (bare and any(row["set_bytes"] for row in rows)):
        return ""
    if not touched:
        return "Working sets add nothing that can be told from the scatter."
    worst = max(touched, key=lambda row: float(row["median_ns"]))
    more = worst["median_ns"] - bare[0]["median_ns"]
    return (
        f"Cold caches add up to {words.duration(more)}, when each has a working set of "
        f"{words.size(worst['set_bytes'])}: that cost is not in the kernel."
    )


def _crowd(rows: list[Row]) -> str:
    found = pick(rows, means="yield")
    if len(found) < 2 or not found[0]["median_ns"]:
        return ""
    first, last = found[0], found[-1]
    times = words.number(last["median_ns"] / first["median_ns"])
    return f"Among {last['workers']:,} runnable processes it costs {times} times what it costs among two."


def confident(rows: list[Row]) -> bool:
    """True if the kinds can be told apart, and none of the figures that tell them scatters."""
    best = [row for kind in ("process", "thread", "coroutine") if (row := _best(rows, kind))]
    ordered = sorted(best, key=lambda row: float(row["median_ns"]))
    if len(best) < 3 or any(_scatters(row) for row in best):
        return False
    return bool(ordered[0]["high_ns"] < ordered[1]["low_ns"])


def _scatters(row: Row) -> bool:
    return float(row["high_ns"]) - float(row["low_ns"]) > 2 * NOISY * float(row["median_ns"])


def plots(finding: Finding) -> list[Plot]:
    """Means side by side; cold caches; a crowd."""
    rows = finding.rows
    bars = tuple(
        Bar(f"{r['kind']}, {r['means']}, {_where(r)}", r["median_ns"], r["low_ns"], r["high_ns"], r["kind"])
        for r in rows
        if r["workers"] == 2 and not r["set_bytes"]
    )
    cost = Axis("a switch", "ns", log=True)
    sets = [r for r in pick(rows, kind="process", means="pipe", cores="one") if r["median_ns"]]
    cold = _series("two processes, one core", [row for row in sets if row["set_bytes"]], "set_bytes")
    crowds = tuple(
        _series(f"{row['kind']}, {row['means']}", pick(rows, kind=row["kind"], means=row["means"]), "workers")
        for row in rows
        if row["workers"] == 2 and (row["kind"] == "coroutine" or row["means"] == "yield")
    )
    return [
        Bars("What a switch costs", cost, bars),
        Chart("Cold caches", Axis("working set of each", "bytes", log=True), cost, (cold,)),
        Chart("A crowd", Axis("runnable workers", log=True), cost, crowds),
    ]


def _where(row: Row) -> str:
    return {"one": "one core", "two": "two cores"}[row["cores"]]


def _series(label: str, rows: list[Row], key: str) -> Series:
    points = tuple((row[key], row["median_ns"]) for row in rows)
    return Series(label, points, tuple(r["low_ns"] for r in rows), tuple(r["high_ns"] for r in rows))


EXPERIMENT = Experiment(
    name="switch",
    question="What does a context switch cost?",
    run=run,
    plots=plots,
    conclude=verdict,
    columns=("kind", "means", "cores", "workers", "set_bytes", "median_ns", "low_ns", "high_ns", "voluntary",
             "involuntary"),
)  # fmt: skip
