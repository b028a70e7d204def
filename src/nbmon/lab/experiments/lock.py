"""What does a lock cost, who gets it next, and what happens without one?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.kernels import apart, words
from nbmon.lab.kernels.locks import ASYNC, PROCESSES, THREADS
from nbmon.lab.plots import Axis, Bar, Bars, Lane, Plot, Span, Timeline
from nbmon.lab.sampling import rounded, sample_of
from nbmon.lab.tables import outlying

LOCKS = "nbmon.lab.kernels.locks:"
LOSING = "nbmon.lab.kernels.losing:"
WORKERS = 4
UPDATES, QUICK_UPDATES = 200_000, 30_000
SECONDS, QUICK_SECONDS = 0.8, 0.12
ROUNDS = 3  # of contention, when there is time
CONFIRMED = 2.0  # times the share that chance alone would give, of takings by the last owner
LOOPS = 2000  # of asyncio's, alone


def run(settings: Settings, progress: Progress) -> Finding:
    """Each kind alone and among WORKERS; then what goes lost without a lock, and a timeline."""
    kinds = [*THREADS, *ASYNC, *PROCESSES]
    seconds, rounds = (QUICK_SECONDS, 1) if settings.quick else (SECONDS, ROUNDS)
    effort = {"runs": 7, "target": 2e6} if settings.quick else {"runs": 25, "target": 20e6}
    rows: list[Row] = []
    for done, kind in enumerate(kinds):
        progress.step(done, len(kinds) + 1, kind)
        rows.append(_measured(kind, seconds, rounds, effort))
        progress.partial(rows)
    progress.step(len(kinds), len(kinds) + 1, "without a lock")
    updates = QUICK_UPDATES if settings.quick else UPDATES
    lost = list(apart.each(LOSING + "lost", {"updates": updates, "workers": 2}))
    lines = list(apart.each(LOSING + "timeline", {"workers": 2, "turns": 3}))
    how = {
        "workers": WORKERS,
        "seconds": seconds,
        "rounds": rounds,
        "switch_interval_s": sys.getswitchinterval(),
    }
    notes = [*map(told_lost, lost), *map(told_line, lines), *outlying(rows, "ns", "kind")]
    return Finding(
        rows,
        verdict(rows, lost),
        confident(rows),
        how,
        notes,
        {"lost_updates": lost, "timelines": lines},
    )


def _measured(kind: str, seconds: float, rounds: int, effort: Row) -> Row:
    if kind in ASYNC:
        how = {"kind": kind, "workers": WORKERS, "seconds": seconds, "loops": LOOPS, "runs": effort["runs"]}
        pairs = [list(apart.each(LOCKS + "awaited", how)) for _ in range(rounds)]
        alone = [value for pair in pairs for value in pair[0]["ns"]]
        return row_of(kind, alone, [pair[1] for pair in pairs])
    alone = apart.value(LOCKS + "alone", {"kind": kind, **effort})["ns"]
    how = {"kind": kind, "workers": WORKERS, "seconds": seconds}
    return row_of(kind, alone, [apart.value(LOCKS + "contended", how) for _ in range(rounds)])


def row_of(kind: str, alone: list[float], rounds: list[Any]) -> Row:
    """The row of one kind. Contended: the time between two takings, less what is done while it is held."""
    cost = sample_of(alone)
    each = [one["seconds"] * 1e9 / max(1, sum(one["taken"])) - one["inside_ns"] for one in rounds]
    taken = [sum(one["taken"][at] for one in rounds) for at in range(len(rounds[0]["taken"]))]
    retaken = sum(sum(one["retaken"]) for one in rounds)
    row = {"kind": kind, "uncontended_ns": rounded(cost.median)}
    row |= {"uncontended_low_ns": rounded(cost.low), "uncontended_high_ns": rounded(cost.high)}
    row |= cost.far("ns")
    row |= {"contended_ns": rounded(max(0.0, sample_of(each).median)), "workers": len(taken)}
    row |= {"retaken_share": round(retaken / max(1, sum(taken)), 4), "jain_index": round(jain(taken), 4)}
    longest = max(max(one["longest_wait_ns"]) for one in rounds)
    return row | {"longest_wait_us": rounded(longest / 1e3), "taken": sum(taken)}


def jain(shares: list[int]) -> float:
    """Jain's index of fairness: 1 if all have alike, 1/n if one has all.

    >>> jain([5, 5]), jain([1, 0, 0, 0])
    (1.0, 0.25)
    """
    squares = len(shares) * sum(one * one for one in shares)
    return sum(shares) ** 2 / squares if squares else 1.0


def belief(share: float, workers: int) -> str:
    """What a retaken share says of "who had it gets it first"; by chance alone it would be 1/workers."""
    if share > CONFIRMED / workers:
        return "confirmed"
    return "refuted" if share <= 1 / workers else "half true"


def verdict(rows: list[Row], lost: Sequence[Any] = ()) -> str:
    """Costs, for which kinds the last owner takes it again, and what goes lost without one."""
    if not rows:
        return ""
    cheap = min(rows, key=lambda row: float(row["uncontended_ns"]))
    dear = max(rows, key=lambda row: float(row["uncontended_ns"]))
    said = [
        f"Wanted by one alone, a lock costs {words.duration(cheap['uncontended_ns'])} ({cheap['kind']}) to "
        f"{words.duration(dear['uncontended_ns'])} ({dear['kind']})."
    ]
    chance = f"By chance the last owner would take it again {1 / rows[0]['workers']:.0%} of the time."
    said += [chance, *(_believed(rows, what) for what in ("confirmed", "half true", "refuted"))]
    worst = max(rows, key=lambda row: float(row["longest_wait_us"]))
    said.append(f"The longest wait was {words.duration(worst['longest_wait_us'] * 1e3)} ({worst['kind']}).")
    said.append(_lost(lost))
    doubt = (
        "" if confident(rows) else "Unsure: some kinds were taken too seldom to tell, or the costs scatter."
    )
    return " ".join(filter(None, [*said, doubt]))


def _believed(rows: list[Row], what: str) -> str:
    kinds = [
        f"{row['kind']} ({row['retaken_share']:.0%})"
        for row in rows
        if belief(row["retaken_share"], row["workers"]) == what
    ]
    if not kinds:
        return ""
    return f'"Who had it gets it first" is {what} for {words.listed(kinds)}.'


def _lost(lost: Sequence[Any]) -> str:
    if not lost:
        return ""
    worst = max(lost, key=lambda one: float(one["expected"] - one["counted"]))
    share = (worst["expected"] - worst["counted"]) / worst["expected"]
    if share <= 0:
        return "Without a lock no update went lost this time, which proves nothing."
    return f"Without a lock {share:.0%} of the updates went lost ({worst['how']})."


def told_lost(one: Any) -> str:
    """A line a way to count."""
    gone = one["expected"] - one["counted"]
    return f"{one['how']}: {gone:,} of {one['expected']:,} updates went lost"


def told_line(line: Any) -> str:
    """Who did a step when, in order: AABBAB."""
    order = "".join(chr(ord("A") + who) for who, *_ in line["steps"])
    return f"{'with a lock' if line['lock'] else 'without a lock'}, steps in order: {order}"


def confident(rows: list[Row]) -> bool:
    """True if every kind was taken often, and no cost scatters."""
    return all(
        row["taken"] >= 50 * row["workers"]
        and row["uncontended_high_ns"] - row["uncontended_low_ns"] <= row["uncontended_ns"] / 2
        for row in rows
    )


def plots(finding: Finding) -> list[Plot]:
    """Costs, fairness, and the two timelines."""
    rows = finding.rows
    cost = tuple(
        Bar(row["kind"], row[f"{group}_ns"], group=group)
        for row in rows
        for group in ("uncontended", "contended")
        if row[f"{group}_ns"]
    )
    fair = tuple(Bar(row["kind"], 100 * row["retaken_share"]) for row in rows)
    return [
        Bars("What taking and giving back costs", Axis("a taking", "ns", log=True), cost),
        Bars("How often the last owner takes it again", Axis("of all takings", "%"), fair),
        *(_timeline(line) for line in finding.more.get("timelines", [])),
    ]


def _timeline(line: Any) -> Timeline:
    workers = sorted({who for who, *_ in line["steps"]})
    lanes = tuple(
        Lane(
            f"thread {chr(ord('A') + number)}",
            tuple(Span(begun, ended, what) for who, what, begun, ended in line["steps"] if who == number),
        )
        for number in workers
    )
    title = "With a lock" if line["lock"] else "Without a lock: the steps interleave"
    return Timeline(title, Axis("time", "µs"), lanes)


EXPERIMENT = Experiment(
    name="lock",
    question="What does a lock cost, and who gets it next?",
    run=run,
    plots=plots,
    conclude=verdict,
    columns=(
        "kind",
        "uncontended_ns",
        "contended_ns",
        "retaken_share",
        "longest_wait_us",
        "jain_index",
        "taken",
    ),
)
