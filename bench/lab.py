"""The laboratory against instruments of others, and `advise` on what is known: python -m bench.lab

One run: `perf bench sched pipe`, stress-ng's --switch, --fork and --pthread and pyperf beside our own figures of
the same thing, with the factor between them; then each function whose best model is known, several times, on the
machine as it is and with a busy loop for each core. All of it takes about half an hour; `--keep FILE --within
SECONDS` makes it in several runs, each of which goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from nbmon.lab.errors import LabError
from nbmon.lab.experiment import Progress, Settings
from nbmon.lab.experiments import advise
from nbmon.lab.kernels import apart, cores

KNOWN = "nbmon.lab.kernels.known:"
RIGHT = {
    "arithmetic": {"process"},
    "hashing": {"thread"},
    "sleeping": {"thread"},
    "sleeping_async": {"coroutine"},
    "asking": {"thread"},
    "asking_async": {"coroutine"},
    "tiny": {"none"},
    "tiny_async": {"none"},
    "counting": {"none"},
    "digesting": {"none", "thread"},
}
LARGE = {"counting", "digesting"}
ASKING = {"asking", "asking_async"}
ROUNDS = 3
DELAY = 0.01  # seconds that the server of `asking` takes
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def said(*command: str) -> str:
    """What a program prints, on either stream."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def number(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"it said something else:\n{text}")
    return float(match[1])


def perf_pipe() -> float:
    """ns a hand-over: an operation of perf's is there and back."""
    return number(r"([\d.]+) usecs/op", said("perf", "bench", "sched", "pipe", "-l", "50000")) * 1e3 / 2


def stress_switch() -> float:
    return number(
        r"([\d.]+) nanosecs per context switch",
        said(
            "stress-ng",
            "--switch",
            "1",
            "--switch-ops",
            "100000",
            "--switch-method",
            "pipe",
            "--metrics-brief",
        ),
    )


def stress_fork() -> float:
    """ns to fork and reap: bogo operations a second of real time."""
    text = said("stress-ng", "--fork", "1", "--fork-ops", "2000", "--metrics-brief")
    return 1e9 / number(r"\] fork\s+\d+\s+[\d.]+\s+[\d.]+\s+[\d.]+\s+([\d.]+)", text)


def stress_pthread() -> float:
    return number(
        r"([\d.]+) nanosecs to start a pthread",
        said("stress-ng", "--pthread", "1", "--pthread-ops", "2000", "--pthread-max", "1", "--metrics-brief"),
    )


def pyperf_lock() -> float:
    setup, statement = "import threading; l = threading.Lock()", "l.acquire(); l.release()"
    text = said(sys.executable, "-m", "pyperf", "timeit", "--fast", "--quiet", "-s", setup, statement)
    unit = next((unit for unit in ("ns", "us") if f" {unit} " in text), "ns")
    return number(rf"([\d.]+) {unit}", text) * {"ns": 1, "us": 1e3}[unit]


def our_switch() -> float:
    cpu = cores.machine.cores()[-1]
    how = {"means": "pipe", "cpus": [cpu, cpu], "set_bytes": 0, "runs": 9, "target": 2e7}
    return statistics.median(apart.value("nbmon.lab.kernels.handover:processes", how)["ns"])


def our_birth(means: str, part: str) -> Callable[[], float]:
    def measured() -> float:
        runs = [
            apart.value("nbmon.lab.kernels.births:made", {"means": means, "count": 100}) for _ in range(5)
        ]
        return (
            statistics.median(one["starts_us"] + (one["ends_us"] if part == "both" else 0) for one in runs)
            * 1e3
        )

    return measured


def our_lock() -> float:
    return statistics.median(
        apart.value("nbmon.lab.kernels.locks:alone", {"kind": "Lock", "runs": 9, "target": 2e7})["ns"]
    )


@dataclass(frozen=True)
class Instrument:
    """What another's instrument and ours measure, and what theirs needs."""

    what: str
    command: str
    needs: str  # a program, or the module pyperf
    install: str
    theirs: Callable[[], float]
    ours: Callable[[], float]

    def missing(self) -> str:
        """A sentence for the table, or nothing."""
        there = importlib.util.find_spec(self.needs) if self.needs == "pyperf" else shutil.which(self.needs)
        return "" if there else f"not measured: {self.needs} is not installed ({self.install})"


PERF, STRESS = "Debian's linux-perf", "Debian's stress-ng"
HANDOVER = "a hand-over through a pipe, one core"
INSTRUMENTS = (
    Instrument(HANDOVER, "`perf bench sched pipe`", "perf", PERF, perf_pipe, our_switch),
    Instrument(HANDOVER, "`stress-ng --switch`", "stress-ng", STRESS, stress_switch, our_switch),
    Instrument("fork, exit and wait", "`stress-ng --fork`", "stress-ng", STRESS, stress_fork, our_birth("fork", "both")),
    Instrument("to start a thread", "`stress-ng --pthread`", "stress-ng", STRESS, stress_pthread, our_birth("thread", "start")),
    Instrument("a lock taken and given back", "`pyperf timeit`", "pyperf", "pip install 'nbmon[bench]'", pyperf_lock, our_lock),
)  # fmt: skip


def compared(one: Instrument) -> str:
    """A row of the table: figures and their factor, or why there are none. On one core, which all inherit."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores.machine.cores()[-1]})
    try:
        why = one.missing()
        pairs = [] if why else [(one.theirs(), one.ours()) for _ in range(ROUNDS)]
    except (OSError, RuntimeError, LabError, subprocess.CalledProcessError) as error:
        why, pairs = f"not measured: {last_words(error)}", []
    finally:
        os.sched_setaffinity(0, allowed)
    return row(one, pairs, why)


def row(one: Instrument, pairs: list[tuple[float, float]], why: str) -> str:
    if not pairs:
        return f"| {one.what} | {one.command} | {why} | – | – |"
    other, own = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    return f"| {one.what} | {one.command} | {other:,.0f} ns | {own:,.0f} ns | {own / other:.2f} |"


def last_words(error: Exception) -> str:
    """One line, which a cell of a table can hold."""
    said = f"{getattr(error, 'stdout', '')}\n{getattr(error, 'stderr', '')}".strip() or str(error)
    return said.splitlines()[-1].replace("|", "/").strip()


def slow_server() -> int:
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)

    def answer(line: socket.socket) -> None:
        with line:
            try:
                if line.recv(1):
                    time.sleep(DELAY)
                    line.sendall(b"!")
            except OSError:
                pass

    def accept() -> None:
        while True:
            threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listening.getsockname()[1]


def advised(function: str, port: int) -> str:
    """right, unsure or wrong: right is right also if it is unsure of it."""
    args = f"[{port}]" if function in ASKING else KNOWN + "large" if function in LARGE else ""
    found = advise.run(Settings(True, {"target": KNOWN + function, "args": args}), Progress())
    if found.more["model"] in RIGHT[function]:
        return "right" if found.confident else "right, unsure"
    print(found.verdict, file=sys.stderr)
    return "wrong" if found.confident else "unsure"


Counts = dict[str, dict[str, int]]  # of each function, how often it was right, unsure, wrong


def known(times: int, load: int, counts: Counts, until: float) -> None:
    """Each function until it was asked `times` times, those that were asked least first; adds to `counts`."""
    port = slow_server()
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(load)]
    try:
        while (function := next_of(counts, times)) and time.monotonic() < until:
            begun, answer = time.monotonic(), advised(function, port)
            counts[function][answer] = counts[function].get(answer, 0) + 1
            print(f"{function}: {answer}, {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
    finally:
        for one in hogs:
            one.kill()
            one.wait()


def next_of(counts: Counts, times: int) -> str | None:
    """The function that was asked least, if it was asked less than `times`."""
    asked = {function: sum(counts.setdefault(function, {}).values()) for function in RIGHT}
    least = min(asked, key=lambda function: asked[function])
    return least if asked[least] < times else None


def table(results: dict[str, Counts]) -> list[str]:
    lines = [f"| function | its model | {' | '.join(results)} |", "| --- | --- |" + " --- |" * len(results)]
    for function, models in RIGHT.items():
        cells = [told(found.get(function, {})) for found in results.values()]
        lines.append(f"| `{function}` | {' or '.join(sorted(models))} | {' | '.join(cells)} |")
    return lines


def told(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{n} {what}" for what, n in ordered) or "not asked"


LOADS = {"idle": 0, "loaded": os.cpu_count() or 1}
HEADINGS = {"idle": "no load of ours", "loaded": f"{LOADS['loaded']} busy loops beside it"}


def read(file: Path | None) -> dict[str, Any]:
    """What earlier runs kept."""
    if file is not None and file.exists():
        return dict(json.loads(file.read_text()))
    return {"machine": machine.described().partition(", load")[0] + ".", "instruments": {}, "known": {}}


def page(kept: dict[str, Any]) -> str:
    """The tables of what there is."""
    lines = [kept["machine"]]
    if kept["instruments"]:
        head = ["| what | instrument | theirs | `nbmon lab` | factor |", "| --- | --- | --- | --- | --- |"]
        lines += ["", "All on one core, medians of three:", "", *head, *kept["instruments"].values()]
    if kept["known"]:
        lines += ["", *table({HEADINGS[part]: counts for part, counts in kept["known"].items()})]
    return "\n".join(lines)


def write(document: Path, text: str) -> None:
    """Between its two marks."""
    head, _, rest = document.read_text().partition(BEGIN)
    document.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="of each known function, with each load")
    parser.add_argument("--only", choices=("instruments", *LOADS), help="one part")
    parser.add_argument(
        "--within", type=float, default=86400.0, metavar="SECONDS", help="begin nothing after them"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="results, to which the next run adds what is missing"
    )
    parser.add_argument("--write", type=Path, metavar="DOCUMENT", help="put the tables between its two marks")
    given = parser.parse_args()
    until, kept = time.monotonic() + given.within, read(given.keep)
    parts = (given.only,) if given.only else ("instruments", *LOADS)
    try:
        measure(parts, kept, given.times, until)
    finally:
        if given.keep:
            given.keep.write_text(json.dumps(kept, indent=1))
    print(page(kept))
    if given.write:
        write(given.write, page(kept))


def measure(parts: tuple[str, ...], kept: dict[str, Any], times: int, until: float) -> None:
    """What is missing of these parts, into `kept`."""
    for part in parts:
        if part in LOADS:
            known(times, LOADS[part], kept["known"].setdefault(part, {}), until)
            continue
        for one in INSTRUMENTS:
            if one.command not in kept["instruments"] and time.monotonic() < until:
                kept["instruments"][one.command] = compared(one)
                print(kept["instruments"][one.command], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
