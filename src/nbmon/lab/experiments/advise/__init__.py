"""Process, thread, coroutine or none, for a function of yours: measured, tried in each, and advised."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from nbmon.lab import machine
from nbmon.lab.errors import LabError, LabMisuseError
from nbmon.lab.experiment import Experiment, Finding, Option, Progress, Row, Settings
from nbmon.lab.experiments.advise import said
from nbmon.lab.experiments.advise.deciding import BUSY, FREE, Rung, decide
from nbmon.lab.kernels import apart
from nbmon.lab.kernels.profile import Profile
from nbmon.lab.plots import Axis, Chart, Plot, Series
from nbmon.lab.sampling import rounded

Answers = dict[tuple[str, int], list[Any]]  # of each model and number of workers, what the rounds brought
PROFILE = "nbmon.lab.kernels.profile:"
WIDE = {
    True: {"thread": (4, 16, 64), "process": (4,), "coroutine": (4, 16, 64)},
    False: {"thread": (2, 4, 8, 16, 32, 64, 128), "process": (2, 4, 8), "coroutine": (4, 16, 64, 256)},
}  # fmt: skip
HELD_UP = (4,)  # coroutines of a function that is not `async def`
PROFILED, ROUNDS, WINDOW = 0.6, 5, 0.4  # seconds, rounds, seconds
QUICK_PROFILED, QUICK_ROUNDS, QUICK_WINDOW = 0.25, 2, 0.15
LONGEST = 10.0  # seconds that a call may take
BATCHES = 3  # of rounds, while the advice is unsure
CALLS = 2  # of the slowest function, in each window


def run(settings: Settings, progress: Progress) -> Finding:
    """Profile the function, climb the ladder in rounds, decide."""
    name, arguments = settings.options["target"], settings.options.get("args", "")
    progress.step(0, 1, "what the function is like")
    profile = _profiled(name, arguments, settings.quick)
    cores = _cores()
    window = max(QUICK_WINDOW if settings.quick else WINDOW, CALLS * profile.call_seconds)
    steps = ladder(profile, cores, settings.quick)
    rounds = QUICK_ROUNDS if settings.quick else ROUNDS
    what = {"name": name, "arguments": arguments, "seconds": window, "each": profile.call_seconds}
    answers: Answers = {step: [] for step in steps}
    for batch in range(BATCHES):
        rows = _climb(answers, (batch * rounds, rounds), what, profile.gil_share, progress)
        advice = decide(profile, [_rung(row) for row in rows if row["per_second"]], cores)
        if advice.confident:
            break
    code = said.code(name, arguments, profile, advice)
    more = {"model": advice.model, "workers": advice.workers, "gain": rounded(advice.gain)}
    changes = said.would_change(profile, advice)
    how = {"supervisor": code, "toml": said.table(name)}
    if advice.model == "none":
        how = dict.fromkeys(how, "")  # the plain loop is what one has
    return Finding(
        rows,
        said.verdict(name, profile, advice),
        advice.confident,
        {"rounds": len(answers["none", 1]), "window_seconds": window, "cores": cores},
        [said.measured(profile), *_failures(rows), *_changes(changes), *filter(None, how.values())],
        {**more, **how, "profile": asdict(profile), "would_change": changes},
    )


def _changes(changes: list[str]) -> list[str]:
    return [f"it would change with: {one}" for one in changes]


def _cores() -> int:
    allowed = machine.facts().get("cgroup_cores")
    return max(1, min(len(machine.cores()), int(allowed) if allowed else 1 << 20))


def _profiled(name: str, arguments: str, quick: bool) -> Profile:
    how = {"name": name, "arguments": arguments, "seconds": QUICK_PROFILED if quick else PROFILED}
    try:
        found = apart.value(PROFILE + "measure", how)
    except apart.KernelError as error:
        why = f"a call of {name} ended the process that made it, or took too long: {error}"
        raise LabError(why) from None
    if "error" in found:
        raise (LabMisuseError if found["misused"] else LabError)(found["error"])
    profile = Profile(**found)
    if profile.call_seconds > LONGEST:
        raise LabError(
            f"a call of {name} takes {profile.call_seconds:.0f} s; advise tries functions of up to "
            f"{LONGEST:.0f} s a call: give it less to do with --option args=…"
        )
    return profile


def ladder(profile: Profile, cores: int, quick: bool) -> Iterator[tuple[str, int]]:
    """Models and workers that are worth trying. What computes gains nothing beyond the cores."""
    yield "none", 1
    counts = powers(cores)
    for model, wide in WIDE[quick].items():
        if model == "process" and profile.unpicklable:
            continue
        if model == "coroutine" and not profile.awaited:
            wide = HELD_UP  # noqa: PLW2901 - the ladder of this model is a short one
        elif profile.waiting_share < BUSY and model != "coroutine":
            wide = counts  # noqa: PLW2901 - likewise
        for workers in wide:
            yield model, workers


def powers(cores: int) -> tuple[int, ...]:
    """2, 4, 8 … and the cores themselves.

    >>> powers(6), powers(1)
    ((2, 4, 6), (1,))
    """
    return tuple(sorted({1 << n for n in range(1, cores.bit_length()) if 1 << n <= cores} | {cores}))


def _climb(answers: Answers, rounds: tuple[int, int], how: Row, held: float, progress: Progress) -> list[Row]:
    """All steps in each round, so that a disturbance meets all alike. The rows of all rounds so far.

    `rounds`: how many there were, and how many shall come.
    """
    rows: list[Row] = []
    for number in range(rounds[0], sum(rounds)):
        for at, (model, workers) in enumerate(answers):
            what = f"{model}, {workers} worker{'s' if workers > 1 else ''}"
            progress.step(number * len(answers) + at, sum(rounds) * len(answers), what)
            answers[model, workers].append(
                apart.value(PROFILE + "rung", {**how, "model": model, "workers": workers})
            )
            rows = [_row(*step, found, held) for step, found in answers.items() if found]
            progress.partial(rows)
    return rows


def _trusted(model: str, workers: int, held: float) -> str:
    """Which figure of a rung to go by: what others took of the cores is taken off where that can be told.

    It cannot with more workers than cores. Nor with threads that share the GIL: while one has it, the others
    wait for a core for nothing, and taking that off would let them seem to run side by side.
    """
    if model == "thread" and held > FREE:
        return "per_second"
    return "undisturbed" if model == "coroutine" or workers <= len(machine.cores()) else "per_second"


def _row(model: str, workers: int, answers: list[Any], held: float) -> Row:
    """Medians of the rounds."""
    row: Row = {"model": model, "workers": workers}
    good = [one for one in answers if "failed" not in one]
    if not good:
        return {**row, "per_second": 0.0, "failed": answers[0]["failed"]}
    values = sorted(one[_trusted(model, workers, held)] for one in good)
    out = len(values) // 4  # rounds at either end that may have been unlucky
    row |= {"per_second": rounded(statistics.median(values))}
    row |= {"low_per_second": rounded(values[out]), "high_per_second": rounded(values[-1 - out])}
    row |= {"raw_per_second": rounded(statistics.median(one["per_second"] for one in good))}
    return row | {
        part: rounded(statistics.median(one[part] for one in good)) for part in ("p50_ms", "p99_ms")
    }


def _rung(row: Row) -> Rung:
    keys = ("model", "workers", "per_second", "low_per_second", "high_per_second")
    return Rung(*(row[key] for key in keys))


def _failures(rows: list[Row]) -> list[str]:
    return [
        f"{row['model']}, {row['workers']} workers: failed with {row['failed']}"
        for row in rows
        if "failed" in row
    ]


def conclude(rows: list[Row]) -> str:
    """After Ctrl-C: what was fastest so far."""
    best = max(rows, key=lambda row: float(row["per_second"]))
    return f"So far {best['model']} with {best['workers']} did most: {best['per_second']:g} calls a second."


def plots(finding: Finding) -> list[Plot]:
    """Calls a second against workers, a line a model."""
    series = []
    for model in dict.fromkeys(row["model"] for row in finding.rows):
        own = [row for row in finding.rows if row["model"] == model and row["per_second"]]
        points = tuple((row["workers"], row["per_second"]) for row in own)
        low = tuple(row["low_per_second"] for row in own)
        series.append(Series(model, points, low, tuple(row["high_per_second"] for row in own)))
    x, y = Axis("workers", log=True), Axis("calls", "/s", log=True)
    return [Chart("The function in each model", x, y, tuple(series))]


EXPERIMENT = Experiment(
    name="advise",
    question="Which for my function?",
    run=run,
    plots=plots,
    options=(
        Option("target", "your function, as module:function", word=True, required=True),
        Option("args", "its arguments: a JSON list, or module:function that returns them"),
    ),
    timed=False,  # what others take of the cores is taken off, and its doubts are its own
    in_all=False,
    conclude=conclude,
    columns=("model", "workers", "per_second", "low_per_second", "high_per_second", "p50_ms", "p99_ms"),
)
