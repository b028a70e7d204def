"""From what two workers saw to `shared` or `own`. Knows neither processes nor threads."""

from __future__ import annotations

from typing import Protocol

from nbmon.lab.experiment import JSON, Row
from nbmon.lab.experiments.share.probes import Probe

SHARED, OWN = "shared", "own"


class Worker(Protocol):
    """One of a pair. `look` and `set` run in it; OSError where the system refuses."""

    def look(self, probe: Probe) -> JSON:
        """What it sees."""

    def set(self, probe: Probe, value: JSON) -> None:
        """Let it change what is probed."""


def judge(probe: Probe, first: Worker, second: Worker, kind: str) -> Row:
    """What the probe shows, with the words for it."""
    try:
        untried = "" if probe.possible() else probe.impossible
        if untried:
            return _row(probe.documented[kind], f"as {probe.source} says", untried)
        if probe.change is None:
            return _compared(first.look(probe), second.look(probe))
        return _changed(probe, first, second)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return _row(probe.documented[kind], f"as {probe.source} says", f"the system refused: {reason}")


def _compared(one: JSON, other: JSON) -> Row:
    """An identity: the same one, or two."""
    if one == other:
        return _row(SHARED, f"both have {one}")
    return _row(OWN, f"one has {one}, the other {other}")


def _changed(probe: Probe, first: Worker, second: Worker) -> Row:
    """The first writes; does the second see it? What is seen before must differ, or nothing is shown."""
    original, before = first.look(probe), second.look(probe)
    first.set(probe, probe.value())
    wrote, after = first.look(probe), second.look(probe)
    if wrote == before:
        return _row(OWN, "", f"the change did not take: it still has {wrote}")
    _restore(probe, first, original)
    told = f"one made {before} into {wrote}; the other then saw {after}"
    return _row(SHARED if after == wrote else OWN, told)


def _restore(probe: Probe, worker: Worker, original: JSON) -> None:
    """As it was, where that is allowed: only root may be nicer again. The sandbox ends anyway."""
    try:
        worker.set(probe, original)
    except OSError:
        pass


def _row(verdict: str, evidence: str, untried: str = "") -> Row:
    return {"verdict": verdict, "evidence": evidence, "untried": untried}
