"""Which model serves best? The picture server in the three models, under loads of several kinds."""

from __future__ import annotations

import statistics
from typing import Any

from nbmon.lab import machine
from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.kernels import apart, cores, words
from nbmon.lab.plots import Axis, Bar, Bars, Plot
from nbmon.lab.sampling import rounded

KERNEL = "nbmon.lab.kernels.serving:served"
MODELS = ("coroutine", "thread", "process")
ROUNDS, SECONDS = 3, 1.4
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.35
CLOSE = 0.15  # of the best: models within it are not told apart
SPREAD = 0.3  # of a median, between the rounds
FIGURES = ("p50_ms", "p99_ms", "cpu_us", "switches", "memory_bytes", "bytes_per_second")


def loads(quick: bool) -> list[Row]:
    """Few busy, many idle beside them, slow clients beside them, large files, and what is remembered."""
    many, slow = (100, 20) if quick else (500, 50)
    return [
        {"name": "few busy", "file": "small.jpg", "busy": 8},
        {"name": "many idle", "file": "small.jpg", "busy": 8, "idle": many},
        {"name": "slow clients", "file": "small.jpg", "busy": 8, "slow": slow},
        {"name": "large files", "file": "large.jpg", "busy": 4},
        {"name": "few busy, from memory", "file": "still.jpg", "busy": 8},
    ]


def run(settings: Settings, progress: Progress) -> Finding:
    """Each model a server, started anew in each round."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if settings.quick else (ROUNDS, SECONDS)
    pair = cores.pair()
    cpus = list(pair or (machine.cores()[0],) * 2)
    answers: dict[tuple[str, str], list[Any]] = {}
    rows: list[Row] = []
    for number in range(rounds):
        for at, model in enumerate(MODELS):
            how = {"model": model, "cpus": cpus, "loads": loads(settings.quick), "seconds": seconds}
            progress.step(number * len(MODELS) + at, rounds * len(MODELS), f"the server by {model}")
            for one in apart.each(KERNEL, how):
                answers.setdefault((one["load"], model), []).append(one)
                rows = [_row(*key, answers[key]) for key in sorted(answers, key=_place)]
                progress.partial(rows)
    notes = [] if pair else ["one core is allowed: the clients took from the server's"]
    notes += [f"{r['model']}, {r['load']}: {r['errors']} answers failed" for r in rows if r["errors"]]
    how = {"rounds": rounds, "seconds": seconds, "loads": loads(settings.quick), "cpus": cpus}
    return Finding(rows, verdict(rows), confident(rows), how, notes)


def _place(key: tuple[str, str]) -> tuple[int, int]:
    names = [one["name"] for one in loads(True)]
    return names.index(key[0]), MODELS.index(key[1])


def _row(load: str, model: str, answers: list[Any]) -> Row:
    rates = [one["per_second"] for one in answers]
    row = {"load": load, "model": model, "per_second": rounded(statistics.median(rates))}
    row |= {"low_per_second": rounded(min(rates)), "high_per_second": rounded(max(rates))}
    row |= {key: rounded(statistics.median(one[key] for one in answers)) for key in FIGURES}
    return row | {"errors": sum(one["errors"] for one in answers)}


def verdict(rows: list[Row]) -> str:
    """For each load the model that answers most, and what it costs."""
    said = [sentence for load in dict.fromkeys(r["load"] for r in rows) if (sentence := _load(rows, load))]
    doubt = "" if confident(rows) else f" Unsure: {_doubt(rows)}."
    return " ".join(said) + doubt


def _doubt(rows: list[Row]) -> str:
    if any(row["errors"] for row in rows):
        return "some answers failed"
    worst = max(rows, key=_range)
    if _range(worst) == 0:
        return "there was but one round of each"
    return f"the rounds differ by up to {_range(worst):.0%} ({worst['load']}, {worst['model']})"


def _range(row: Row) -> float:
    """Between the rounds, as a share of their median."""
    return float((row["high_per_second"] - row["low_per_second"]) / max(row["per_second"], 1e-9))


def best(rows: list[Row], load: str) -> list[Row]:
    """The best of this load, and those that come as close as chance does."""
    own = sorted((r for r in rows if r["load"] == load), key=lambda row: -float(row["per_second"]))
    return [row for row in own if row["per_second"] >= (1 - CLOSE) * own[0]["per_second"]]


def _load(rows: list[Row], load: str) -> str:
    first, *others = best(rows, load)
    alike = f" ({words.listed([row['model'] for row in others])} about as many)" if others else ""
    what = (
        f"{load[0].upper() + load[1:]}: {first['model']} answers {words.number(first['per_second'])} a second"
    )
    cost = f"{words.duration(first['cpu_us'] * 1e3)} of CPU and {words.number(first['switches'])} switches"
    p99, memory = words.duration(first["p99_ms"] * 1e6), words.size(first["memory_bytes"])
    return f"{what}{alike}, p99 {p99}, {cost} a request, {memory}."


def confident(rows: list[Row]) -> bool:
    """True if there were several rounds, and they lie close together."""
    ranges = [_range(row) for row in rows]
    return bool(ranges) and all(0 < one < SPREAD for one in ranges) and not any(r["errors"] for r in rows)


def plots(finding: Finding) -> list[Plot]:
    """Throughput, latency, CPU and memory, for each load and model."""
    shown = (
        ("Requests", "per_second", Axis("requests", "/s")),
        ("The slowest of a hundred", "p99_ms", Axis("p99", "ms", log=True)),
        ("CPU", "cpu_us", Axis("a request", "µs", log=True)),
        ("Memory", "memory_bytes", Axis("of the server", "bytes")),
    )
    return [Bars(title, axis, _bars(finding.rows, key)) for title, key, axis in shown]


def _bars(rows: list[Row], key: str) -> tuple[Bar, ...]:
    return tuple(Bar(f"{r['load']}, {r['model']}", r[key], group=r["model"]) for r in rows if r[key])


EXPERIMENT = Experiment(
    name="serve",
    question="Which model serves best?",
    run=run,
    plots=plots,
    conclude=verdict,
    columns=("load", "model", "per_second", "p50_ms", "p99_ms", "cpu_us", "switches", "memory_bytes"),
)
