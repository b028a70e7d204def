"""What do a process's threads share, what do forked processes, what do coroutines? Tried for each pair, live.

`probes` has what is tried, `pairs` the workers that try it; here the one is put to the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from nbmon.lab.errors import LabError
from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.experiments.share.judging import judge
from nbmon.lab.experiments.share.pairs import KINDS, pair
from nbmon.lab.experiments.share.probes import PROBES, Probe
from nbmon.lab.forked import Forked, Talk
from nbmon.lab.plots import Matrix, Plot

PLURALS = {"thread": "threads", "process": "processes", "coroutine": "coroutines"}


def run(_settings: Settings, progress: Progress) -> Finding:
    """Every probe between every pair; it takes a second, quick or not."""
    seen: dict[str, list[Row]] = {}
    for done, kind in enumerate(KINDS):
        progress.step(done, len(KINDS), f"a pair of {PLURALS[kind]}")
        seen[kind] = observe(kind, PROBES)
        progress.partial(_rows(seen))
    rows = _rows(seen)
    untried = [f"{row['what']}: not tried, {row['untried']}" for row in rows if row["untried"]]
    differs = [f"{row['what']}: {row['differs']}" for row in rows if row["differs"]]
    return Finding(rows, conclude(rows), not untried, {"pairs": list(KINDS)}, [*differs, *untried])


def observe(kind: str, probes: Mapping[str, Probe]) -> list[Row]:
    """What each probe shows between two workers of a kind, in a sandbox that nothing leaves."""

    def life(talk: Talk) -> None:
        with pair(kind, probes) as (first, second):
            for what, probe in probes.items():
                talk.say({"what": what, **judge(probe, first, second, kind)})

    with Forked(life) as sandbox:
        return [_heard(sandbox, kind, what) for what in probes]


def _heard(sandbox: Forked, kind: str, what: str) -> Row:
    try:
        return dict(sandbox.talk.hear())
    except LabError:
        raise LabError(f"the probe of {what} between two {PLURALS[kind]} came to no end") from None


def _rows(seen: Mapping[str, list[Row]]) -> list[Row]:
    """One row for each thing, one column for each kind of worker."""
    rows: list[Row] = []
    for at, (what, probe) in enumerate(PROBES.items()):
        cells = {kind: found[at] for kind, found in seen.items()}
        row: Row = {"what": what, **{kind: cell["verdict"] for kind, cell in cells.items()}}
        row["evidence"] = {kind: cell["evidence"] for kind, cell in cells.items()}
        row["differs"] = probe.differs
        row["untried"] = next((cell["untried"] for cell in cells.values() if cell["untried"]), "")
        rows.append(row)
    return rows


def conclude(rows: list[Row]) -> str:
    """Which things each kind shares, from the matrix."""
    said = []
    for kind, plural in (("thread", "Threads"), ("process", "Forked processes"), ("coroutine", "Coroutines")):
        apart = [row["what"] for row in rows if row.get(kind) == "own"]
        shared = [row["what"] for row in rows if row.get(kind) == "shared"]
        if len(shared) > len(apart):
            said.append(f"{plural} share everything that was tried but {_listed(apart)}.")
        elif apart:
            said.append(f"{plural} share {_listed(shared)}, and nothing else that was tried.")
    untried = sum(bool(row["untried"]) for row in rows)
    return " ".join(said) + (f" Unsure: {untried} of it could not be tried here." if untried else "")


def _listed(words: list[str]) -> str:
    if not words:
        return "nothing"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def plots(finding: Finding) -> list[Plot]:
    """The matrix."""
    cells = tuple(
        (row["what"], tuple(row.get(kind, "") for kind in KINDS)) for row in finding.rows if "what" in row
    )
    return [Matrix("What is shared between two of a kind", KINDS, cells)]


EXPERIMENT = Experiment(
    name="share",
    question="What do a process's threads share, what do forked processes, what do coroutines?",
    run=run,
    plots=plots,
    timed=False,
    conclude=conclude,
    columns=("what", *KINDS),
)
