"""From what was measured to an advice. Pure: a profile and a ladder in, a model and a number of workers out.

Two ways lead to a model: what the function is like (who waits, who holds the GIL, what pickling costs), and
which model was fastest when it was tried. Where they agree the advice is sure; where not, it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbmon.lab.kernels.profile import Profile

ORDER = ("none", "coroutine", "thread", "process")  # from what costs least to what costs most
PAYS = 1.25  # times the plain loop: below, no model is worth its trouble
AS_GOOD = 0.8  # of the best: a model that costs less and reaches this is preferred
CLOSE = 1.1  # within this factor of a threshold, chance may have decided
KNEE = 0.9  # of a model's best: the fewest workers that reach it are advised
WAITS = 0.5  # of a call's time
BUSY = 0.2
HOLDS, FREE = 0.7, 0.3  # of the looks that found the GIL held
TINY = 1e-4  # seconds a call, below which handing it out may cost more than it
HEAVY = 0.5  # of a call's time spent on pickling


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: calls a second, as a median of rounds and their range."""

    model: str
    workers: int
    per_second: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What to take, and why one may believe it."""

    model: str
    workers: int
    gain: float  # times the plain loop
    confident: bool
    doubts: tuple[str, ...]  # why not, if not


def expected(profile: Profile, cores: int) -> set[str]:
    """The models that theory allows for such a function."""
    if profile.waiting_share >= WAITS:
        return {"coroutine"} if profile.awaited else {"thread"}
    allowed = _mixed(profile) if profile.waiting_share >= BUSY else _busy(profile, cores)
    return allowed | ({"none"} if profile.call_seconds < TINY else set())


def _mixed(profile: Profile) -> set[str]:
    first = "coroutine" if profile.awaited else "thread"
    return {first} if heavy(profile) else {first, "process"}


def _busy(profile: Profile, cores: int) -> set[str]:
    if cores < 2:
        return {"none"}
    held = profile.gil_share if profile.gil else 0.0
    if held <= FREE:
        return {"thread", "none"} if heavy(profile) else {"thread"}
    crossing = {"none"} if heavy(profile) else {"process"}
    return crossing if held >= HOLDS else crossing | {"thread"}


def heavy(profile: Profile) -> bool:
    """Whether its arguments and results do not pay the way to another process, or cannot go it."""
    return bool(profile.unpicklable) or profile.pickle_seconds > HEAVY * profile.call_seconds


def decide(profile: Profile, rungs: Sequence[Rung], cores: int) -> Advice:
    """The cheapest model that is about as good as the best. ValueError without a rung of the plain loop.

    Coroutines take turns on one core: what waits for nothing cannot gain by them, whatever chance measured.
    """
    base = knee(rungs, "none")
    if base is None:
        raise ValueError("the plain loop has to be measured, to compare with")
    models = [model for model in ORDER[1:] if model != "coroutine" or profile.waiting_share >= BUSY]
    tried = [one for one in (knee(rungs, model) for model in models) if one is not None]
    best = max(tried, key=lambda one: one.per_second, default=base)
    chosen = next((one for one in tried if one.per_second >= AS_GOOD * best.per_second), base)
    if chosen.per_second < PAYS * base.per_second:
        chosen = base
    doubts = tuple(_doubts(profile, chosen, base, tried, cores))
    gain = chosen.per_second / base.per_second if base.per_second else 1.0
    return Advice(chosen.model, chosen.workers, gain, not doubts, doubts)


def knee(rungs: Sequence[Rung], model: str) -> Rung | None:
    """The fewest workers that reach about the best of this model."""
    own = sorted((one for one in rungs if one.model == model), key=lambda one: one.workers)
    best = max((one.per_second for one in own), default=0.0)
    return next((one for one in own if one.per_second >= KNEE * best), None)


def _doubts(profile: Profile, chosen: Rung, base: Rung, tried: Sequence[Rung], cores: int) -> list[str]:
    doubts = []
    allowed = expected(profile, cores)
    if chosen.model not in allowed:
        likely = " or ".join(sorted(allowed))
        doubts.append(f"by its nature {likely} should serve it best, but {chosen.model} was measured best")
    if chosen is base:
        best = max((one.per_second for one in tried), default=0.0)
        if best > PAYS / CLOSE * base.per_second:
            doubts.append("a model came close to paying")
    elif chosen.low < PAYS * base.per_second:
        doubts.append(f"in its worst round {chosen.model} gained too little to be told from chance")
    for one in tried:
        if _cheaper(one, chosen) and one.per_second > AS_GOOD / CLOSE * chosen.per_second:
            doubts.append(f"{one.model} costs less and came close")
    return doubts


def _cheaper(one: Rung, other: Rung) -> bool:
    return ORDER.index(one.model) < ORDER.index(other.model)
