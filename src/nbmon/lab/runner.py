"""The process in which one experiment runs: a fresh interpreter with one thread, leader of its own group.

It reports over a pipe, one JSON object a line: `step`, `partial`, and at the end `finding` or `failed`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

from nbmon.lab import registry, system
from nbmon.lab.errors import LabError, LabMisuseError
from nbmon.lab.experiment import JSON, Progress, Row, Settings

PARENT_GONE = signal.SIGRTMAX - 1  # one that no experiment sends or handles


class Reporting(Progress):
    """Progress as lines on a descriptor; a forked helper that still holds it says nothing."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pid = os.getpid()

    def step(self, done: float, of: float, what: str) -> None:
        """See Progress."""
        self.say("step", [done, of, what])

    def partial(self, rows: Sequence[Row]) -> None:
        """See Progress."""
        self.say("partial", list(rows))

    def say(self, key: str, value: JSON) -> None:
        """One line, whole."""
        if os.getpid() != self._pid:
            return
        data = (json.dumps({key: value}) + "\n").encode()
        while data:
            data = data[os.write(self._fd, data) :]


def main(args: list[str]) -> int:
    """`MODULE SETTINGS FD PARENT`, as `running` gives them."""
    module, settings, fd, parent = args[0], json.loads(args[1]), int(args[2]), int(args[3])
    os.set_inheritable(fd, False)
    _end_with(parent)
    report = Reporting(fd)
    try:
        finding = registry.load(module).run(Settings(**settings), report)
    except LabError as error:
        report.say("failed", {"sentence": str(error), "misused": isinstance(error, LabMisuseError)})
    except Exception as error:  # a defect of the experiment; the room's border
        report.say("failed", _defect(module, error))
    else:
        report.say("finding", asdict(finding))
    return 0


def _defect(module: str, error: Exception) -> Row:
    import traceback

    name = module.rpartition(".")[2]
    sentence = f"the experiment {name} is broken: {type(error).__name__}: {error}"
    return {"sentence": sentence, "misused": False, "traceback": "".join(traceback.format_exception(error))}


def _end_with(parent: int) -> None:
    """If the command is killed, the whole group ends: nobody else would end the helpers."""
    leader = os.getpid()

    def end_all(_number: int, _frame: object) -> None:
        if os.getpid() == leader == os.getpgid(0):
            os.killpg(leader, signal.SIGKILL)

    signal.signal(PARENT_GONE, end_all)
    system.prctl(system.PR_SET_PDEATHSIG, PARENT_GONE)
    if os.getppid() != parent:  # it went before we asked to be told
        os._exit(1)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # a helper thread that an experiment left hanging must not keep us
