"""What do names, join, daemon flags, is_alive really do? Each case runs as a program, shown as a timeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from nbmon.lab.errors import LabError
from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.experiments.threads.cases import CASES, MAIN, OTHER
from nbmon.lab.experiments.threads.verdict import conclude, expected
from nbmon.lab.plots import Axis, Lane, Plot, Span, Timeline

PATIENCE = 60.0  # seconds for one case
# What lanes do, so that each has its colour in all of the timelines; "cut off" is the sixth, vermilion.
KINDS = ("works", "waits in join", "ended", "at exit", "atexit functions", "cut off")
Mark = tuple[int, str, str]  # ns, lane, what it does from then on


def run(_settings: Settings, progress: Progress) -> Finding:
    """Every case; a few seconds, quick or not."""
    rows: list[Row] = []
    for done, case in enumerate(CASES):
        progress.step(done, len(CASES), named(case))
        rows.append(observe(case))
        progress.partial(rows)
    odd = [row["case"] for row in rows if not expected(row)]
    notes = [f"{case}: came out otherwise than Python's documentation says" for case in odd]
    return Finding(rows, conclude(rows), not odd, {"cases": len(CASES)}, notes)


def named(case: Callable[[], None]) -> str:
    """`join_timeout` as words."""
    return case.__name__.replace("_", " ")


def observe(case: Callable[[], None]) -> Row:
    """Run one as a program; what it said, how it ended."""
    reader, writer = os.pipe()
    with open(reader, "rb") as said:  # noqa: PTH123 - a descriptor
        try:
            process = _start(case, writer)
        finally:
            os.close(writer)
        lines = said.readlines()  # until the program, and what it forked, has ended
        ended = time.monotonic_ns()
        with process:
            errors = process.communicate(timeout=PATIENCE)[1]
    marks, seen = told(lines)
    if not marks:
        raise LabError(f"the case {named(case)} died: {errors.strip().rpartition(chr(10))[2]}")
    return row_of(case, (marks, seen), ended, process.returncode, errors)


def _start(case: Callable[[], None], writer: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "nbmon.lab.experiments.threads.program", case.__name__, str(writer)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=(writer,),
    )


def told(lines: list[bytes]) -> tuple[list[Mark], Row]:
    """Marks in order, and all that was seen."""
    marks: list[Mark] = []
    seen: Row = {}
    for line in lines:
        said = json.loads(line)
        seen |= said.get("saw", {})
        if "mark" in said:
            at, lane, what = said["mark"]
            marks.append((at, lane, what))
    return sorted(marks), seen


def row_of(case: Callable[[], None], said: tuple[list[Mark], Row], ended: int, code: int, errors: str) -> Row:
    """One row; pure."""
    marks, seen = said
    others = [what for _, lane, what in marks if lane == OTHER]
    finished = others[-1] == "ended" if others else None
    return {
        "case": named(case),
        "does": str(case.__doc__).strip().splitlines()[0],
        "thread_finished": finished,
        "waited_for_at_exit": _after_main(marks) if finished else None,
        "exit_code": code,
        "seen": seen,
        "error": (errors.strip().splitlines() or [""])[-1],
        "events": spans(marks, ended),
    }


def _after_main(marks: list[Mark]) -> bool:
    """Whether the thread ended after the main thread had nothing left to do."""
    left = [at for at, lane, what in marks if lane == MAIN and what == "at exit"]
    done = [at for at, lane, what in marks if lane == OTHER and what == "ended"]
    return bool(left and done) and max(done) > min(left)


def spans(marks: list[Mark], ended: int) -> list[Row]:
    """What each lane did from when to when, in ms since the first mark; pure.

    A lane that had not ended is cut off when the program ends.
    """
    begun = marks[0][0]
    found: list[Row] = []
    for lane in dict.fromkeys(lane for _, lane, _ in marks):
        own = [(at, what) for at, one, what in marks if one == lane]
        for at, (start, what) in enumerate(own):
            last = at + 1 == len(own)
            if what != "ended":
                found.append(_span(lane, what, start, ended if last else own[at + 1][0], begun))
            if last:
                end = "ended" if what in ("ended", "at exit", "atexit functions") else "cut off"
                at_end = start if what == "ended" else ended
                found.append(_span(lane, end, at_end, at_end, begun))
    return found


def _span(lane: str, what: str, start: int, end: int, begun: int) -> Row:
    milliseconds = [round((one - begun) / 1e6, 3) for one in (start, max(start, end))]
    return {"lane": lane, "what": what, "start_ms": milliseconds[0], "end_ms": milliseconds[1]}


def plots(finding: Finding) -> list[Plot]:
    """A timeline for each case."""
    return [_timeline(row) for row in finding.rows]


def _timeline(row: Row) -> Timeline:
    lanes = dict.fromkeys(event["lane"] for event in row["events"])
    drawn = tuple(
        Lane(
            lane,
            tuple(Span(e["start_ms"], e["end_ms"], e["what"]) for e in row["events"] if e["lane"] == lane),
        )
        for lane in lanes
    )
    return Timeline(f"{row['case']}: {row['does']}", Axis("time", "ms"), drawn, kinds=KINDS)


EXPERIMENT = Experiment(
    name="threads",
    question="What do names, join, daemon flags, is_alive really do?",
    run=run,
    plots=plots,
    timed=False,
    conclude=conclude,
    columns=("case", "thread_finished", "waited_for_at_exit", "exit_code", "seen", "error"),
)
