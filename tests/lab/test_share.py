"""Every row of the matrix is right; and when a probe is made to lie, it says the opposite."""

import json
import os
import subprocess
import sys
import uuid
from contextvars import ContextVar
from dataclasses import replace

import pytest

from nbmon.lab.errors import LabError
from nbmon.lab.experiment import Progress, Settings
from nbmon.lab.experiments import share
from nbmon.lab.experiments.share.bench import BENCH
from nbmon.lab.experiments.share.judging import judge
from nbmon.lab.experiments.share.pairs import KINDS
from nbmon.lab.experiments.share.probes import PROBES, Probe
from support.kit import quietly
from support.proc import GROSS_HANG

ROOT = os.geteuid() == 0
KNOWN = {  # thread, process, coroutine; as Linux and Python document them
    "memory": "shared own shared",
    "a shared mapping": "shared shared shared",
    "descriptor table (a close)": "shared own shared",
    "file offset (a seek)": "shared shared shared",
    "signal handlers": "shared own shared",
    "working directory": "shared own shared",
    "umask": "shared own shared",
    "environment": "shared own shared",
    "resource limits": "shared own shared",
    "process id": "shared own shared",
    "kernel thread id": "own own shared",
    "stack": "own own shared",
    "stack pointer (a register)": "own own shared",
    "signal mask": "own own shared",
    "nice": "own own shared",
    "scheduling class": "own own shared",
    "CPU affinity": "own own shared",
    "name": "own own shared",
    "errno": "own own shared",
    "thread-locals": "own own shared",
    "context variables": "own own own",
    "uid and gid": "shared own shared",
    "uid, by a bare system call": "own own shared",
}
APART = ContextVar("apart", default="old")  # each worker of every kind has its own


@pytest.fixture(autouse=True, scope="module")
def nothing_of_ours_changes():
    def state():
        return os.getcwd(), os.geteuid(), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0)

    before = state()
    yield
    assert state() == before


def observe(kind, probes):
    return {row["what"]: row for row in quietly(lambda: share.observe(kind, probes))}


@pytest.fixture(scope="module")
def finding():
    return quietly(lambda: share.run(Settings(), Progress()))


@pytest.mark.parametrize("what", KNOWN)
def test_the_row_is_right(finding, what):
    (row,) = [row for row in finding.rows if row["what"] == what]
    assert " ".join(row[kind] for kind in KINDS) == KNOWN[what]
    assert set(row["evidence"]) == set(KINDS) and all(row["evidence"].values())


def test_every_thing_that_is_tried_is_known_here(finding):
    assert [row["what"] for row in finding.rows] == list(KNOWN) == list(PROBES)


@pytest.mark.skipif(not ROOT or len(os.sched_getaffinity(0)) < 2, reason="not all can be tried here")
def test_as_root_all_of_it_is_tried(finding):
    assert finding.confident and not [row for row in finding.rows if row["untried"]]


@pytest.mark.parametrize("kind", KINDS)
def test_each_probe_that_lies_says_the_opposite(kind):
    """A shared thing is put where each has its own, an own one where all see it."""
    lies = {what: lie(what, probe, kind) for what, probe in PROBES.items() if can_be_tried(probe)}
    assert len(lies) > 19
    truth = {what: KNOWN[what].split()[KINDS.index(kind)] for what in lies}
    told = {what: row["verdict"] for what, row in observe(kind, lies).items()}
    assert told == {what: "own" if verdict == "shared" else "shared" for what, verdict in truth.items()}


def can_be_tried(probe):
    return ROOT or "uid" not in probe.what


def lie(what, probe, kind):
    shared = KNOWN[what].split()[KINDS.index(kind)] == "shared"
    if probe.change is None:
        return replace(probe, look=(lambda: uuid.uuid4().hex) if shared else (lambda: "the same"))
    if shared:
        return replace(probe, look=APART.get, change=lambda value: APART.set(value), value=lambda: "new")
    return replace(probe, look=BENCH.read_mapping, change=BENCH.write_mapping, value=lambda: "new")


class Scripted:
    """A worker whose answers are written beforehand."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def look(self, probe):
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def set(self, probe, value):
        pass


CHANGING = Probe("x", lambda: None, lambda _v: None, lambda: 2)


def test_a_change_that_did_not_take_shows_nothing():
    row = judge(CHANGING, Scripted(1, 1), Scripted(1, 1), "thread")
    assert row["untried"] == "the change did not take: it still has 1"


def test_what_the_system_refuses_is_told_as_documented_and_said_to_be_untried():
    row = judge(CHANGING, Scripted(PermissionError(1, "Operation not permitted")), Scripted(), "process")
    assert row["verdict"] == "own"
    assert row["untried"] == "the system refused: operation not permitted"


def test_what_is_impossible_here_is_not_tried():
    row = judge(replace(CHANGING, possible=lambda: False, impossible="no"), Scripted(), Scripted(), "thread")
    assert (row["verdict"], row["untried"]) == ("shared", "no")


def test_a_verdict_names_what_each_kind_shares(finding):
    assert "Coroutines share everything that was tried but context variables." in finding.verdict
    assert "Forked processes share a shared mapping and file offset (a seek), and" in finding.verdict
    row = {"what": "memory", "thread": "own", "process": "own", "coroutine": "own", "untried": "no"}
    said = share.conclude([row])
    assert "Threads share nothing, and nothing else" in said and "Unsure: 1 of it" in said


def test_where_folklore_and_linux_differ_it_is_said(finding):
    assert [note for note in finding.notes if note.startswith("nice: POSIX has one nice value")]


def test_a_worker_that_dies_is_named():
    deadly = {"memory": replace(PROBES["memory"], look=lambda: os._exit(1))}
    with pytest.raises(LabError, match="the probe of memory between two processes came to no end"):
        observe("process", deadly)


@pytest.mark.skipif(not ROOT, reason="needs root, to be somebody else")
def test_an_ordinary_user_gets_all_rows_and_hears_what_could_not_be_tried():
    """In a process that gave up its privileges."""
    program = (
        "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); os.chdir('/tmp')\n"
        "from nbmon.lab.experiments import share\n"
        "from nbmon.lab.experiment import Progress, Settings\n"
        "found = share.run(Settings(), Progress())\n"
        "import json; print(json.dumps([found.rows, found.confident, found.verdict]))"
    )
    preload = "import nbmon.lab.experiments.share\n"  # which nobody may not be allowed to read
    done = subprocess.run(
        [sys.executable, "-c", preload + program], capture_output=True, text=True, timeout=GROSS_HANG
    )
    assert done.returncode == 0, done.stderr
    rows, confident, verdict = json.loads(done.stdout)
    assert {row["what"]: " ".join(row[kind] for kind in KINDS) for row in rows} == KNOWN
    if len(os.sched_getaffinity(0)) > 1:
        untried = {row["what"] for row in rows if row["untried"]}
        assert untried == {"uid and gid", "uid, by a bare system call"}
    assert not confident and "could not be tried here" in verdict
