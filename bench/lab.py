"""The laboratory against instruments of others, and `advise` on what is known: python -m bench.lab

One run: `perf bench sched pipe`, stress-ng's --switch, --fork and --pthread and pyperf beside our own figures of
the same thing, with the factor between them; then each function whose best model is known, several times, on the
machine as it is and with a busy loop for each core.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench import machine
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
    value, unit = re.search(r"([\d.]+) (ns|us)", text).groups()
    return float(value) * {"ns": 1, "us": 1e3}[unit]


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


COMPARED = (
    ("a hand-over through a pipe, one core", "`perf bench sched pipe`", "perf", perf_pipe, our_switch),
    ("a hand-over through a pipe, one core", "`stress-ng --switch`", "stress-ng", stress_switch, our_switch),
    ("fork, exit and wait", "`stress-ng --fork`", "stress-ng", stress_fork, our_birth("fork", "both")),
    ("to start a thread", "`stress-ng --pthread`", "stress-ng", stress_pthread, our_birth("thread", "start")),
    ("a lock taken and given back", "`pyperf timeit`", "pyperf", pyperf_lock, our_lock),
)


def compared() -> list[str]:
    """On one core, which what is started here inherits."""
    os.sched_setaffinity(0, {cores.machine.cores()[-1]})
    lines = ["| what | instrument | theirs | `nbmon lab` | factor |", "| --- | --- | --- | --- | --- |"]
    for what, instrument, program, theirs, ours in COMPARED:
        if program != "pyperf" and shutil.which(program) is None:
            print(f"left out: {program} is not installed", file=sys.stderr)
            continue
        pairs = [(theirs(), ours()) for _ in range(ROUNDS)]
        other, own = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
        lines.append(f"| {what} | {instrument} | {other:,.0f} ns | {own:,.0f} ns | {own / other:.2f} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


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


def known(times: int, load: int) -> dict[str, Counter[str]]:
    port = slow_server()
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(load)]
    try:
        seen = {function: Counter() for function in RIGHT}
        for _ in range(times):
            for function in RIGHT:
                seen[function][advised(function, port)] += 1
            print({k: dict(v) for k, v in seen.items()}, file=sys.stderr, flush=True)
        return seen
    finally:
        for one in hogs:
            one.kill()
            one.wait()


def table(results: dict[str, dict[str, Counter[str]]]) -> list[str]:
    lines = [f"| function | its model | {' | '.join(results)} |", "| --- | --- |" + " --- |" * len(results)]
    for function, models in RIGHT.items():
        cells = [
            ", ".join(f"{n} {what}" for what, n in found[function].most_common())
            for found in results.values()
        ]
        lines.append(f"| `{function}` | {' or '.join(sorted(models))} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="of each known function, with each load")
    parser.add_argument("--only", choices=("instruments", "idle", "loaded"), help="one part")
    parser.add_argument("--write", type=Path, metavar="DOCUMENT", help="put the tables between its two marks")
    given = parser.parse_args()
    parts = (given.only,) if given.only else ("instruments", "idle", "loaded")
    lines = [f"{machine.described()}."]
    if "instruments" in parts:
        allowed = os.sched_getaffinity(0)
        lines += ["", *compared()]
        os.sched_setaffinity(0, allowed)
    hogs = {"idle": 0, "loaded": os.cpu_count() or 1}
    results = {
        f"{'no load of ours' if part == 'idle' else f'{hogs[part]} busy loops beside it'}": known(
            given.times, hogs[part]
        )
        for part in parts
        if part in hogs
    }
    if results:
        lines += ["", *table(results)]
    print("\n".join(lines))
    if given.write:
        head, _, rest = given.write.read_text().partition(BEGIN)
        tail = rest.partition(END)[2]
        given.write.write_text(f"{head}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{tail}")


if __name__ == "__main__":
    main()
