"""What a process died of, and what it makes of a signal: looked at in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from nbmon.workers import deaths
from support.proc import GROSS_HANG


@contextmanager
def child(does: str):
    """A process that has done this, and waits for its end."""
    script = f"import os, signal, sys\n{does}\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.stdin.close()
        process.wait(GROSS_HANG)


@pytest.mark.parametrize(
    ("does", "heeds"),
    [
        ("signal.signal(signal.SIGHUP, signal.SIG_DFL)", False),
        ("signal.signal(signal.SIGHUP, signal.SIG_IGN)", True),
        ("signal.signal(signal.SIGHUP, print)", True),
        ("signal.signal(signal.SIGHUP, signal.SIG_DFL); signal.signal(signal.SIGUSR1, print)", False),
    ],
    ids=["default", "ignored", "caught", "another is caught"],
)
def test_a_signal_is_heeded_by_who_catches_or_ignores_it(does, heeds):
    with child(does) as process:
        assert deaths.heeds(process.pid, signal.SIGHUP) is heeds


def test_one_that_is_gone_heeds_nothing_and_has_no_memory():
    with child("pass") as process:
        assert deaths.resident(process.pid) > 1 << 20
    assert not deaths.heeds(process.pid, signal.SIGHUP)
    assert deaths.resident(process.pid) == 0


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        (os.CLD_EXITED, 3, "exited with code 3"),
        (os.CLD_KILLED, signal.SIGKILL, "was killed by SIGKILL"),
        (os.CLD_DUMPED, signal.SIGSEGV, "was killed by SIGSEGV and left a core"),
        (os.CLD_KILLED, 40, "was killed by signal 40"),
    ],
)
def test_an_end_is_told_in_words(code, status, sentence):
    assert deaths.of_end(code, status) == sentence
