"""systemd's watchdog, as systemd asks for it: the word comes from the service's own loop, if asked for."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest

from support.proc import GROSS_HANG

PROGRAMS = """
import time
import nbmon
from nbmon import Daemon, Supervisor, process


def work():
    nbmon.heartbeat()  # of a worker: none of systemd's business
    nbmon.wait_stopping()


tree = Supervisor(process("worker", work))


class Careful(Daemon):
    def run(self):
        while True:
            nbmon.heartbeat()
            time.sleep(0.01)


class Careless(Daemon):
    def run(self):
        time.sleep(0.5)
"""
TARGETS = {
    "pictures": ["--port", "0", "./holiday"],
    "command": ["--", "sleep", "60"],
    "command that comes back": ["--restart", "permanent", "--", "sleep", "60"],
    "tree": ["programs:tree"],
    "daemon": ["programs:Careful"],
}
WATCHED = {"WATCHDOG_USEC": "200000"}


class Manager:
    """Starts `nbmon run` and hears what it tells."""

    def __init__(self, nbmon, words, told):
        place = nbmon.home / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(place))
        self.socket.settimeout(GROSS_HANG)
        self.process = nbmon.background(
            "run",
            "--name",
            "it",
            *words,
            env={**nbmon.env, **told, "NOTIFY_SOCKET": str(place)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def hears(self, word):
        while word not in self.socket.recv(4096).decode().splitlines():
            pass

    def heard(self):
        """All that has come and was not read."""
        self.socket.setblocking(False)
        words = []
        with contextlib.suppress(BlockingIOError):
            while True:
                words += self.socket.recv(4096).decode().splitlines()
        return words

    def ends(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.communicate(timeout=GROSS_HANG)[0]


@pytest.fixture
def manage(nbmon, holiday):
    (nbmon.cwd / "programs.py").write_text(PROGRAMS)
    managers = []

    def made(words, told=WATCHED):
        managers.append(Manager(nbmon, words, told))
        return managers[-1]

    yield made
    for manager in managers:
        manager.socket.close()
        if manager.process.poll() is None:
            manager.process.terminate()
        manager.process.communicate(timeout=GROSS_HANG)


@pytest.mark.parametrize("words", TARGETS.values(), ids=TARGETS)
def test_the_word_comes_again_and_again(manage, words):
    manager = manage(words)
    manager.hears("READY=1")
    for _ in range(3):
        manager.hears("WATCHDOG=1")


@pytest.mark.parametrize("words", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("told", [{}, {**WATCHED, "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
def test_nobody_else_is_answered(manage, words, told):
    manager = manage(words, told)
    manager.hears("READY=1")
    manager.ends()
    assert "WATCHDOG=1" not in manager.heard()


def test_a_daemon_that_does_not_say_it_is_not_vouched_for(manage):
    manager = manage(["programs:Careless"])
    assert manager.process.wait(GROSS_HANG) == 0
    assert "WATCHDOG=1" not in manager.heard()


def test_the_word_still_comes_after_an_upgrade(nbmon, manage):
    manager = manage(TARGETS["tree"])
    manager.hears("READY=1")
    nbmon("upgrade", "it")
    manager.heard()
    manager.socket.settimeout(GROSS_HANG)
    for _ in range(3):
        manager.hears("WATCHDOG=1")


def test_where_it_was_stuck_when_systemd_ends_it_is_shown(manage):
    manager = manage(TARGETS["tree"])
    manager.hears("READY=1")
    output = manager.ends(signal.SIGABRT)
    assert "Fatal Python error: Aborted" in output
    assert f'{os.sep}engine.py", line ' in output
