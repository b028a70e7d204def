"""How many workers pay? Four kinds of work, three models, more and more workers, and the law they follow."""

from __future__ import annotations

import math
import statistics
from typing import Any

from nbmon.lab import machine
from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.experiments.scale import law
from nbmon.lab.kernels import apart, words
from nbmon.lab.plots import Axis, Chart, Plot, Series
from nbmon.lab.sampling import rounded

KERNEL = "nbmon.lab.kernels.works:climb"
MODELS = ("process", "thread", "coroutine")
WORKS = {
    "cpu": "pure Python",
    "gil_free": "work without the GIL",
    "io": "waiting",
    "mixed": "computing and waiting",
}
COUNTS = {"cpu": (1, 2, 3, 4, 8, 16), "gil_free": (1, 2, 3, 4, 8, 16), "io": (1, 2, 4, 16, 64, 128),
          "mixed": (1, 2, 4, 8, 16, 32)}  # fmt: skip
QUICK_COUNTS = {"cpu": (1, 2, 4), "gil_free": (1, 2, 4), "io": (1, 4, 16), "mixed": (1, 2, 8)}
ROUNDS, SECONDS = 3, 0.25
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.08
KNEE = 0.9  # of the best throughput
PAYS = 1.25  # times one worker's
SPREAD = 0.3  # of a median, between the rounds


def run(settings: Settings, progress: Progress) -> Finding:
    """Every model and work in an interpreter of its own, in rounds."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if settings.quick else (ROUNDS, SECONDS)
    counts = QUICK_COUNTS if settings.quick else COUNTS
    cells = [(model, work) for work in WORKS for model in MODELS]
    answers: dict[tuple[str, str], list[Any]] = {cell: [] for cell in cells}
    rows: list[Row] = []
    for number in range(rounds):
        for at, (model, work) in enumerate(cells):
            progress.step(number * len(cells) + at, rounds * len(cells), f"{model}: {WORKS[work]}")
            how = {"model": model, "work": work, "counts": counts[work], "seconds": seconds}
            answers[model, work] += apart.each(KERNEL, how)
            rows = [row for cell, found in answers.items() for row in _rows(*cell, found)]
            progress.partial(rows)
    laws = [fitted(rows, model, work) for model, work in cells]
    more = {"laws": [one for one in laws if one]}
    how = {"rounds": rounds, "seconds": seconds, "cores": len(machine.cores())}
    return Finding(rows, verdict(rows), confident(rows), how, _failures(answers), more)


def _rows(model: str, work: str, answers: list[Any]) -> list[Row]:
    good = [one for one in answers if "failed" not in one]
    return [
        _row(model, work, workers, [one for one in good if one["workers"] == workers])
        for workers in dict.fromkeys(one["workers"] for one in good)
    ]


def _row(model: str, work: str, workers: int, rounds: list[Any]) -> Row:
    rates = [one["per_second"] for one in rounds]
    row = {"model": model, "work": work, "workers": workers, "per_second": rounded(statistics.median(rates))}
    row |= {"low_per_second": rounded(min(rates)), "high_per_second": rounded(max(rates))}
    return row | {key: rounded(statistics.median(one[key] for one in rounds)) for key in ("p50_ms", "p99_ms")}


def _failures(answers: dict[tuple[str, str], list[Any]]) -> list[str]:
    return [
        f"{model}, {WORKS[work]}: {one['workers']} workers could not be had ({one['failed']})"
        for (model, work), found in answers.items()
        for one in found
        if "failed" in one
    ]


def curve(rows: list[Row], model: str, work: str) -> list[Row]:
    """The rows of one curve, by number of workers."""
    own = [row for row in rows if row["model"] == model and row["work"] == work]
    return sorted(own, key=lambda row: int(row["workers"]))


def knee(own: list[Row]) -> Row | None:
    """The fewest workers that reach about the best."""
    best = max((float(row["per_second"]) for row in own), default=0.0)
    return next((row for row in own if row["per_second"] >= KNEE * best), None)


def fitted(rows: list[Row], model: str, work: str) -> Row | None:
    """The law of one curve as an object, None where it cannot be fitted."""
    own = curve(rows, model, work)
    found = law.fit([(row["workers"], row["per_second"]) for row in own])
    turn = knee(own)
    if found is None or turn is None:
        return None
    return {
        "model": model,
        "work": work,
        "knee_workers": turn["workers"],
        "rate_per_second": rounded(found.rate),
        "contention": rounded(found.contention),
        "coherency": rounded(found.coherency),
        "peak_workers": None if math.isinf(found.peak) else rounded(found.peak, 3),
        "bends": found.bend(own[-1]["workers"]),
    }


def verdict(rows: list[Row]) -> str:
    """For each kind of work the model that does most, with how many workers, and what bends the curve."""
    said = [sentence for work in WORKS if (sentence := _best_of(rows, work))]
    doubt = "" if confident(rows) else f" Unsure: {_doubt(rows)}."
    return " ".join(said) + doubt


def _doubt(rows: list[Row]) -> str:
    worst = max(_knees(rows), key=_range, default=None)
    if worst is None or _range(worst) == 0:
        return "there was but one round of each"
    which = f"{words.counted(worst['workers'], worst['model'])}, {WORKS[worst['work']]}"
    return f"the rounds differ by up to {_range(worst):.0%} ({which})"


def _best_of(rows: list[Row], work: str) -> str:
    turns = [turn for model in MODELS if (turn := knee(curve(rows, model, work)))]
    if not turns:
        return ""
    best = max(turns, key=lambda row: float(row["per_second"]))
    first = curve(rows, best["model"], work)[0]
    gain = best["per_second"] / first["per_second"]
    what = WORKS[work][0].upper() + WORKS[work][1:]
    if gain < PAYS:
        return f"{what}: no number of workers pays."
    crew, times = words.counted(best["workers"], best["model"]), f"{words.number(gain)} times one"
    return f"{what}: {crew} do {times}{_bend(rows, best['model'], work)}."


def _bend(rows: list[Row], model: str, work: str) -> str:
    found = fitted(rows, model, work)
    if found is None or found["bends"] == "neither":
        return ", and nothing bends the curve yet" if found else ""
    return f"; {found['bends']} bends the curve"


def confident(rows: list[Row]) -> bool:
    """True if the rounds of each knee lie close together, and there were several."""
    ranges = [_range(row) for row in _knees(rows)]
    return bool(ranges) and all(0 < one < SPREAD for one in ranges)


def _knees(rows: list[Row]) -> list[Row]:
    return [turn for model in MODELS for work in WORKS if (turn := knee(curve(rows, model, work)))]


def _range(row: Row) -> float:
    """Between the rounds, as a share of their median."""
    return float((row["high_per_second"] - row["low_per_second"]) / row["per_second"])


def plots(finding: Finding) -> list[Plot]:
    """For each work: throughput against workers, with the fitted law dashed."""
    return [_chart(finding.rows, work) for work in WORKS]


def _chart(rows: list[Row], work: str) -> Chart:
    series = []
    for number, model in enumerate(MODELS):
        own = curve(rows, model, work)
        points = tuple((row["workers"], row["per_second"]) for row in own)
        low, high = (tuple(row[f"{end}_per_second"] for row in own) for end in ("low", "high"))
        series.append(Series(model, points, low, high, colour=number))
        found = law.fit(points)
        if found:
            fit = tuple((x, found.at(x)) for x, _ in points)
            series.append(Series(f"{model}, the law", fit, dashed=True, colour=number))
    title = WORKS[work][0].upper() + WORKS[work][1:]
    return Chart(title, Axis("workers", log=True), Axis("calls", "/s", log=True), tuple(series))


EXPERIMENT = Experiment(
    name="scale",
    question="How many workers pay?",
    run=run,
    plots=plots,
    conclude=verdict,
    columns=(
        "work",
        "model",
        "workers",
        "per_second",
        "low_per_second",
        "high_per_second",
        "p50_ms",
        "p99_ms",
    ),
)
