"""When a start has succeeded: the table, cell by cell, and the words."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.daemon import readiness
from nbmon.daemon.readiness import TABLE, Event, State
from support.kit import quietly

EXPECTED = """
                DETACHING  SETTLING  AWAITING  READY  FAILED
ENTERED         SETTLING   SETTLING  AWAITING  READY  FAILED
ENTERED_AWARE   AWAITING   SETTLING  AWAITING  READY  FAILED
SAID_READY      READY      READY     READY     READY  FAILED
ENDED           FAILED     READY     FAILED    READY  FAILED
DIED            FAILED     FAILED    FAILED    READY  FAILED
TIME_UP         FAILED     READY     FAILED    READY  FAILED
ABANDONED       FAILED     FAILED    FAILED    READY  FAILED
"""


def cells():
    header, *rows = [line.split() for line in EXPECTED.strip().splitlines()]
    for event, *targets in rows:
        for state, target in zip(header, targets, strict=True):
            yield pytest.param(State[state], Event[event], State[target], id=f"{state}-{event}")


@pytest.mark.parametrize(("state", "event", "target"), list(cells()))
def test_each_cell(state, event, target):
    assert TABLE[state, event] is target


def test_the_table_is_total():
    assert set(TABLE) == {(state, event) for state in State for event in Event}


DEAD_BY_KILL = 9
EXIT_1, EXIT_3 = 1 << 8, 3 << 8


@pytest.mark.parametrize(
    ("event", "status", "words", "reason"),
    [
        (Event.DIED, EXIT_1, ["failed", "no port", "trace"], "no port"),
        (Event.DIED, EXIT_1, ["heard", "why"], "why"),
        (Event.DIED, EXIT_3, ["heard", "some warning"], "it exited with code 3 before it was ready"),
        (Event.DIED, EXIT_3, [], "it exited with code 3 before it was ready"),
        (Event.DIED, DEAD_BY_KILL, [], "it was killed by SIGKILL (Killed) before it was ready"),
        (Event.ENDED, 0, ["heard", "a warning"], "it ended before it was ready"),
        (Event.TIME_UP, DEAD_BY_KILL, [], "it was not ready within 2.5 seconds and was ended"),
        (Event.TIME_UP, EXIT_1, ["heard", "ending"], "it was not ready within 2.5 seconds and was ended"),
        (Event.ABANDONED, 0, [], "the start was interrupted"),
    ],
)
def test_the_reason_is_the_daemons_own_where_it_left_one(event, status, words, reason):
    assert readiness.failure(event, status, 2.5, words)[:2] == ["failed", reason]


def test_a_signal_without_a_name_is_told_by_its_number():
    assert "signal 40" in readiness.death(40)


def test_another_daemon_is_told_as_such():
    words = ["running", "12", "/run/d.pid"]
    assert readiness.failure(Event.DIED, EXIT_1, 1.0, words) == words


@given(st.lists(st.text(), min_size=1))
def test_words_survive_the_way(fields):
    wanted = [f.replace("\0", "\ufffd").encode("utf-8", "backslashreplace").decode() for f in fields]
    assert readiness.unpack(readiness.pack(*fields)) == wanted


@given(st.binary())
def test_no_bytes_upset_the_reader(block):
    assert all(isinstance(word, str) for word in readiness.unpack(block))


def test_last_words_cross_a_fork_and_cost_no_descriptor():
    before = os.listdir("/proc/self/fd")
    words = readiness.LastWords()
    assert os.listdir("/proc/self/fd") == before
    assert words.read() == []
    pid = quietly(os.fork)
    if pid == 0:
        words.write("failed", "reason " * 20_000)
        os._exit(0)
    os.waitpid(pid, 0)
    kind, reason = words.read()
    assert kind == "failed"
    assert reason.startswith("reason reason")


def test_a_forked_child_of_the_daemon_has_no_say():
    words = readiness.LastWords()
    channel = readiness.Channel(-1, words)
    pid = quietly(os.fork)
    if pid == 0:
        channel.failed("the child's own trouble")
        channel.heard("so is this")
        os._exit(0)
    os.waitpid(pid, 0)
    assert words.read() == []


def test_a_gone_listener_does_not_hurt_the_daemon():
    read, write = os.pipe()
    os.close(read)
    channel = readiness.Channel(write, readiness.LastWords())
    channel.entered(aware=True)
    channel.ready("note")
    channel.ready("again")
    assert not channel.listened
