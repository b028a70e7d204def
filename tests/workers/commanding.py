"""A program that runs one command and says what came of it."""

from __future__ import annotations

RUN = """
import os, signal, sys
from nbmon.workers import WorkerError, run_command
grace, argv = float(sys.argv[1]), sys.argv[2:]
def started(pid):
    print(f"pid {{pid}}\\n", end="", flush=True)  # one write, also under PYTHONUNBUFFERED
{before}
try:
    print("code", run_command(argv, on_started=started, grace=grace), flush=True)
except WorkerError as error:
    print("error", error, flush=True)
{after}
"""


def script(before: str = "", after: str = "") -> str:
    """The program, with lines before and after the run."""
    return RUN.format(before=before, after=after)
