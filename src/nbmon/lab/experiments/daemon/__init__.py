"""Is that process a proper daemon? Each trait of any process; without a PID, of a daemon made for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nbmon.daemon.environment import unwanted
from nbmon.lab.errors import LabError
from nbmon.lab.experiment import Experiment, Finding, Option, Progress, Row, Settings
from nbmon.lab.experiments.daemon.look import look
from nbmon.lab.experiments.daemon.traits import judged
from nbmon.lab.plots import Matrix, Plot

PATIENCE = 30.0  # seconds until the daemon that is made has started, or is gone
SAMPLE = """
import signal, sys
from nbmon.daemon import Daemon

class Sample(Daemon):
    def run(self):
        while True:
            signal.pause()

verb, folder = sys.argv[1:]
log = folder + "/sample.log"
getattr(Sample(folder + "/sample.pid", "/dev/null", log, log), verb)()
"""


def run(settings: Settings, progress: Progress) -> Finding:
    """Look, and judge."""
    progress.step(0, 1, "looking")
    pid = settings.options.get("pid")
    if pid is not None:
        return _found(pid, [])
    with sample() as made:
        return _found(str(made), ["no PID was given: this is a daemon that was made by nbmon, and is gone"])


def _found(pid: str, notes: list[str]) -> Finding:
    seen = look(pid)
    rows = judged(seen)
    head = f"{seen.me.pid} ({seen.me.name})"
    return Finding(rows, f"{head}: {conclude(rows)}", True, {"pid": seen.me.pid, "name": seen.me.name}, notes)


@contextlib.contextmanager
def sample() -> Iterator[int]:
    """A daemon of this kit's own, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="nbmon-lab-") as folder:
        _tell("start", folder)
        try:
            yield int((Path(folder) / "sample.pid").read_text(encoding="ascii"))
        finally:
            _tell("stop", folder)


def _tell(verb: str, folder: str) -> None:
    # What would keep it in the foreground (a service manager's words) is not passed on.
    kept = {key: value for key, value in os.environ.items() if key not in unwanted(os.environ)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", SAMPLE, verb, folder],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=kept,
    )
    if done.returncode:
        raise LabError(f"the daemon that was to be looked at did not {verb}: {done.stderr.strip()}")


def conclude(rows: list[Row]) -> str:
    """How many traits are right, and what to mend first."""
    wrong = [row for row in rows if not row["ok"]]
    if not wrong:
        return f"a proper daemon: all {len(rows)} traits are right."
    mends = "; ".join(f"{row['trait']}: {row['mend']}" for row in wrong)
    what = "no proper daemon" if len(wrong) > len(rows) / 2 else "nearly a proper daemon"
    return f"{what}: {len(rows) - len(wrong)} of {len(rows)} traits are right. To mend: {mends}."


def plots(finding: Finding) -> list[Plot]:
    """Trait by trait."""
    cells = tuple((row["trait"], ("right" if row["ok"] else "to mend",)) for row in finding.rows)
    return [Matrix("Traits of a daemon", ("",), cells)]


EXPERIMENT = Experiment(
    name="daemon",
    question="Is that process a proper daemon?",
    run=run,
    plots=plots,
    options=(Option("pid", "the number of any running process; one is made if there is none", word=True),),
    timed=False,
    conclude=conclude,
)
