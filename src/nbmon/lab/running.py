"""Runs an experiment in a process of its own, watches it, and leaves nothing running behind it.

While it runs, this process takes in the orphans among its descendants (prctl(2), PR_SET_CHILD_SUBREAPER):
helpers that detached are found and ended, too. What ran before is never touched; a program that starts
children of its own meanwhile, from another thread, must not call this.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

from nbmon.lab import machine, registry, system
from nbmon.lab.errors import LabError, LabMisuseError
from nbmon.lab.experiment import Experiment, Finding, Row, Settings
from nbmon.lab.result import Result, doubted, unfinished
from nbmon.lab.usage import Meter

TICK = 200  # milliseconds between two words to the watcher while nothing is reported
LIMIT = 1200.0  # seconds: no experiment takes so long; what does is stuck
GRACE = 2.0  # seconds between SIGTERM, at which multiprocessing removes its shared memory, and SIGKILL

Watch = Callable[[float, float, str], None]  # done, of, what; called at least each TICK
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):  # noqa: N818 - a word, not a failure
    """A signal came; `number` is which, `result` what was measured until then."""

    def __init__(self, number: int, result: Result) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number
        self.result = result


def run(experiment: Experiment, settings: Settings, watch: Watch = lambda *_: None) -> Result:
    """Make the experiment. LabError if it cannot be made; Interrupted on Ctrl-C, SIGTERM and SIGHUP."""
    system.need_linux()
    facts: Row = machine.facts()
    facts["warnings"] = machine.warnings(facts) if experiment.timed else []
    begun, meter = time.monotonic(), Meter()
    watched = _Watched(experiment, watch)
    with _signals() as signals, _helpers_end(), tempfile.TemporaryDirectory(prefix="nbmon-lab-") as folder:
        stopped_by = watched.run(settings, folder, signals)
    seconds = time.monotonic() - begun
    if stopped_by:
        finding = unfinished(experiment, watched.rows, seconds)
        result = Result(experiment, settings, facts, finding, seconds, interrupted=True)
        raise Interrupted(stopped_by, result)
    finding = watched.finding()
    if experiment.timed:
        finding = doubted(finding, machine.noise(*meter.others_and_stolen()))
    return Result(experiment, settings, facts, finding, seconds)


class _Watched:
    """One run: what the runner has said so far."""

    def __init__(self, experiment: Experiment, watch: Watch) -> None:
        self.rows: list[Row] = []
        self._experiment = experiment
        self._watch = watch
        self._step: tuple[float, float, str] = (0.0, 1.0, "starting")
        self._said: Row = {}
        self._rest = b""
        self._log = ""
        self._ours = system.children(os.getpid())  # by now; the runner comes to it

    def run(self, settings: Settings, folder: str, signals: int) -> int:
        """Until the runner has ended; the signal that came first, or 0."""
        mine, theirs = os.pipe()
        os.set_blocking(mine, False)
        with open(os.path.join(folder, "output"), "w+b") as output:  # noqa: PTH118, PTH123 - folder is a str
            try:
                process = self._started(settings, folder, theirs, output.fileno())
            finally:
                os.close(theirs)
            try:
                return self._follow(process, mine, signals)
            finally:
                _end_group(process)
                self._take(mine)
                os.close(mine)
                output.seek(0)
                self._log = output.read(65536).decode(errors="replace")

    def finding(self) -> Finding:
        """What it found. LabError with its reason."""
        if "finding" in self._said:
            return Finding(**self._said["finding"])
        failed = self._said.get("failed")
        if failed is None:
            last = (self._log.strip().splitlines() or ["it said nothing"])[-1]
            failed = {"sentence": f"the experiment {self._experiment.name} died: {last}", "misused": False}
        error = (LabMisuseError if failed["misused"] else LabError)(failed["sentence"])
        error.traceback = failed.get("traceback", self._log)  # type: ignore[attr-defined]  # for --debug
        raise error

    def _started(self, settings: Settings, folder: str, fd: int, output: int) -> subprocess.Popen[bytes]:
        said = json.dumps(asdict(settings))
        words = ["nbmon.lab.runner", registry.module_of(self._experiment), said, str(fd), str(os.getpid())]
        return subprocess.Popen(
            [sys.executable, "-P", "-m", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "TMPDIR": folder},
            pass_fds=(fd,),
            process_group=0,
        )

    def _follow(self, process: subprocess.Popen[bytes], pipe: int, signals: int) -> int:
        self._ours.add(process.pid)
        pidfd = os.pidfd_open(process.pid)
        deadline = time.monotonic() + LIMIT
        poller = select.poll()
        for fd in (pipe, signals, pidfd):
            poller.register(fd, select.POLLIN)
        try:
            while time.monotonic() < deadline:
                ready = dict(poller.poll(TICK))
                if signals in ready and (number := self._signalled(signals)):
                    return number
                if pipe in ready and not self._take(pipe):
                    poller.unregister(pipe)
                self._watch(*self._step)
                if pidfd in ready:
                    return 0
        finally:
            os.close(pidfd)
        raise LabError(f"the experiment {self._experiment.name} was still running after {LIMIT:.0f} s; ended")

    def _signalled(self, signals: int) -> int:
        """Reap the orphans that came to us and ended, as init would; the signal that stops us, or 0."""
        came = os.read(signals, 4096)
        if signal.SIGCHLD in came:
            _reap(system.children(os.getpid()) - self._ours)
        return next((number for number in came if number in STOPPING), 0)

    def _take(self, pipe: int) -> bool:
        """Take all that was said; False at the end of it."""
        while True:
            try:
                data = os.read(pipe, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._hear(json.loads(line))

    def _hear(self, said: Row) -> None:
        if "step" in said:
            done, of, what = said["step"]
            self._step = (done, of, what)
        elif "partial" in said:
            self.rows = said["partial"]
        else:
            self._said = said


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """A descriptor on which the signals that stop us arrive as bytes: nothing is interrupted midway."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    heard = (*STOPPING, signal.SIGCHLD)
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in heard}
    earlier = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(earlier)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def _helpers_end() -> Iterator[None]:
    """All descendants that come meanwhile are gone afterwards, detached ones included."""
    before, adopted = system.descendants(os.getpid()), system.is_subreaper()
    system.be_subreaper(True)
    try:
        yield
    finally:
        _sweep(before)
        system.be_subreaper(adopted)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the runner's group; the runner itself is reaped. Others are swept afterwards."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)  # not reaped yet, so that the number is still its own
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _sweep(before: set[int]) -> None:
    """End and reap every descendant that is not in `before`; SIGTERM first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE
        while found := system.descendants(os.getpid(), before):
            for pid in found:
                _signal(pid, number)
            for pid in found:
                _await(pid, deadline)
            _reap(found)
            if time.monotonic() > deadline:
                break


def _signal(pid: int, number: int) -> None:
    """By pidfd: taken first, then looked whether it is still a descendant, so that no stranger is hit."""
    with contextlib.suppress(OSError):
        fd = os.pidfd_open(pid)
        try:
            if system.descends(pid, os.getpid()):
                signal.pidfd_send_signal(fd, number)
        finally:
            os.close(fd)


def _await(pid: int, deadline: float) -> None:
    """Until it has ended, be it a zombie then, or the deadline."""
    with contextlib.suppress(OSError):
        fd = os.pidfd_open(pid)
        try:
            select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        finally:
            os.close(fd)


def _reap(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
