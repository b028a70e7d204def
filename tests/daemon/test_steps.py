"""The fifteen steps of daemon(7): each seen to be done, and seen to be missing when it is taken out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from support.kit import Kit, environment
from support.proc import GROSS_HANG, Process, wait_until

NOBODY = 65534
ROOT = os.getuid() == 0

# Runs as the shell, the cron job or the IDE that spoils what its children inherit, and becomes the program.
SPOILER = """
import os, signal, sys
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
os.environ["SSH_TTY"] = "/dev/pts/99"
os.umask(0o077)
os.dup2(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), 9)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""

PROGRAM = """
import json, os, signal, sys
from nbmon import Daemon
from nbmon.daemon import detach

removed = int(sys.argv[1])
detach.STEPS = tuple(step for number, step in enumerate(detach.STEPS, 1) if number != removed)

class D(Daemon):
    start_timeout = 1.0 if removed == 14 else 30.0
    uid = int(sys.argv[2]) if sys.argv[2] else None

    def run(self):
        print(json.dumps({"pid": os.getpid(), "ssh": os.environ.get("SSH_TTY")}), flush=True)
        signal.pause()

D("d.pid", stdout="d.log", stderr="d.log").start()
"""


class Seen:
    """One start of PROGRAM with one step taken out (0: none), and what was to be seen then."""

    def __init__(self, kit: Kit, removed: int) -> None:
        self.kit = kit
        kit.program.write_text(PROGRAM)
        self.leak = kit.folder / "leaked"
        out = kit.folder / "out"
        spoiler = [sys.executable, "-c", SPOILER, str(self.leak)]
        with out.open("w") as stream:
            self.starter = subprocess.Popen(
                [*spoiler, str(kit.program), str(removed), str(NOBODY if ROOT else "")],
                cwd=kit.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self.out = out
        wait_until(lambda: self.starter.poll() is not None or len(self.reports()) > 1, what="the start")
        self.code = self.starter.poll()

    def reports(self) -> list[dict]:
        lines = self.out.read_text().splitlines() + self.kit.text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def end(self) -> None:
        self.kit.clean_up()
        self.starter.wait(GROSS_HANG)

    @property
    def started(self) -> bool:
        return self.code == 0 and len(self.reports()) == 1

    @property
    def daemon(self) -> Process:
        return Process(self.reports()[0]["pid"])


def closed(seen: Seen) -> bool:
    return str(seen.leak) not in seen.daemon.descriptors.values()


def handlers_reset(seen: Seen) -> bool:
    return signal.SIGUSR1 not in seen.daemon.signals("SigIgn")


def mask_reset(seen: Seen) -> bool:
    return seen.daemon.signals("SigBlk") == set()


def environment_cleaned(seen: Seen) -> bool:
    return seen.reports()[0]["ssh"] is None


def forked(seen: Seen) -> bool:
    return seen.started and seen.daemon.pid != seen.starter.pid


def has_session(seen: Seen) -> bool:
    return seen.daemon.session != Process(os.getpid()).session and seen.daemon.tty == 0


def leads_no_session(seen: Seen) -> bool:
    return seen.started and seen.daemon.session != seen.daemon.pid


def first_child_is_gone(seen: Seen) -> bool:
    return len(seen.reports()) == 1 and not Process(seen.daemon.session).alive


def streams_connected(seen: Seen) -> bool:
    found = seen.daemon.descriptors
    return found[0] == "/dev/null" and found[1] == found[2] == str(seen.kit.log)


def umask_set(seen: Seen) -> bool:
    return seen.daemon.umask == 0o022


def at_the_root(seen: Seen) -> bool:
    return seen.daemon.cwd == "/"


def pid_file_written(seen: Seen) -> bool:
    return seen.kit.pidfile.exists() and seen.kit.pidfile.read_text() == f"{seen.daemon.pid}\n"


def privileges_dropped(seen: Seen) -> bool:
    uids, gids = seen.daemon.status("Uid").split(), seen.daemon.status("Gid").split()
    return uids == gids == [str(NOBODY)] * 4 and seen.daemon.status("Groups").split() == [str(NOBODY)]


def starter_told(seen: Seen) -> bool:
    return seen.started


def starter_exited(seen: Seen) -> bool:
    return seen.code == 0 and seen.starter.pid not in {report["pid"] for report in seen.reports()}


CHECKS = (
    closed,
    handlers_reset,
    mask_reset,
    environment_cleaned,
    forked,
    has_session,
    leads_no_session,
    first_child_is_gone,
    streams_connected,
    umask_set,
    at_the_root,
    pid_file_written,
    privileges_dropped,
    starter_told,
    starter_exited,
)
NEEDS_ROOT = {privileges_dropped}


def numbered() -> list:
    why = pytest.mark.skipif(not ROOT, reason="only root can drop privileges")
    return [
        pytest.param(n, check, id=f"{n:02}-{check.__name__}", marks=[why] if check in NEEDS_ROOT else [])
        for n, check in enumerate(CHECKS, 1)
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    seen = Seen(Kit(tmp_path_factory.mktemp("whole")), removed=0)
    yield seen
    seen.end()


@pytest.mark.parametrize(("number", "check"), numbered())
def test_the_step_is_done(whole, number, check):
    assert whole.started, whole.out.read_text()
    assert check(whole)


@pytest.mark.parametrize(("number", "check"), numbered())
def test_the_check_fails_when_its_step_is_taken_out(kit, number, check):
    seen = Seen(kit, removed=number)
    try:
        assert not check(seen)
    finally:
        seen.end()


def test_there_is_a_check_for_each_step():
    from nbmon.daemon.detach import STEPS

    assert len(STEPS) == len(CHECKS) == 15
