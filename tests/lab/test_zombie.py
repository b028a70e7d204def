"""Zombies: made, seen, reaped; and none left."""

import os
import signal

import pytest

from nbmon.lab import forked, proc, system
from nbmon.lab.errors import LabError
from nbmon.lab.experiments import zombie
from nbmon.lab.forked import Forked
from support.kit import quietly


@pytest.fixture(autouse=True)
def none_left():
    before = system.children(os.getpid())
    yield
    assert system.children(os.getpid()) - before == set()


def test_a_dead_child_is_a_zombie_until_it_is_waited_for():
    row = quietly(zombie.kept)
    assert row["state"] == "Z (zombie)" and row["memory"] == "none"
    assert row["descriptors"] in (0, "refused") and row["command_line"] is False
    assert (row["peeked_code"], row["after_peek"]) == (7, "Z")
    assert (row["waited_code"], row["after_wait"]) == (7, "gone")
    assert "ECHILD" in row["evidence"]
    if os.geteuid() == 0:
        assert os.waitstatus_to_exitcode(row["kept_status"]) == 7


def test_sigkill_does_not_end_a_zombie():
    row = quietly(zombie.killed_again)
    assert (row["then"], row["waited_code"]) == ("Z", 7)


def test_a_killed_child_keeps_the_signal():
    assert quietly(zombie.by_signal)["waited_code"] == -signal.SIGKILL


def test_with_sigchld_ignored_the_code_is_lost():
    before = signal.getsignal(signal.SIGCHLD)
    row = quietly(zombie.ignored)
    assert row["then"] == "gone" and "ECHILD" in row["evidence"]
    assert signal.getsignal(signal.SIGCHLD) == before


def test_a_dead_parents_zombie_goes_to_the_subreaper():
    row = quietly(zombie.parents_death)
    assert (row["then"], row["waited_code"], row["after_wait"]) == ("Z", 7, "gone")
    assert row["reaped_by"] == "the subreaper"


def test_many_cost_a_number_each_and_all_are_reaped():
    row = quietly(lambda: zombie.herd(50))
    assert row["count"] == row["numbers"] == 50
    if os.geteuid() == 0:
        assert row["memory_bytes"] >= 0


def test_where_the_kernels_caches_are_hidden_their_share_is_unknown(monkeypatch):
    monkeypatch.setattr(zombie, "_kernel_bytes", lambda: None)
    row = quietly(lambda: zombie.herd(5))
    assert (row["count"], row["memory_bytes"]) == (5, None)
    assert "5 of them took a number each" in zombie.conclude([{"part": "cost", **row}])


def case(name, then, **more):
    return {"part": "cases", "case": name, "then": then, "reaped_by": "X", **more}


def test_the_verdict_is_made_of_what_was_seen():
    odd = [
        case("killed again", "gone"),
        case("ignored", "Z"),
        case("parents death", "Z"),
        case("double fork", "Z"),
    ]
    said = zombie.conclude(odd)
    assert "(state gone after it)" in said and "With SIGCHLD ignored it was Z at once" in said
    assert "When its parent died, X reaped it. After a double fork, X did." in said
    assert not zombie._as_expected(odd)


def test_a_helper_that_hangs_or_dies_is_named_and_reaped(monkeypatch):
    monkeypatch.setattr(forked, "PATIENCE", 0.05)
    with (
        quietly(lambda: Forked(lambda _talk: signal.pause())) as stuck,
        pytest.raises(LabError, match="ended, or hung"),
    ):
        stuck.talk.hear()
    with quietly(lambda: Forked(lambda _talk: 3)) as dying:
        assert dying.wait() == 3
        with pytest.raises(LabError, match="ended, or hung"):
            dying.talk.hear()


def test_a_helper_that_raises_never_comes_back(capfd):
    with quietly(lambda: Forked(lambda _talk: 1 / 0)) as helper:
        assert helper.wait() == 1
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_what_one_says_the_other_hears():
    with quietly(lambda: Forked(lambda talk: talk.say([talk.hear(), os.getpid()]))) as helper:
        assert helper.talk.ask({"a": None}) == [{"a": None}, helper.pid]


def test_a_process_that_is_gone_has_no_state():
    with quietly(lambda: Forked(lambda _talk: None)) as helper:
        proc.await_end(helper.pid)
        assert proc.state(helper.pid) == "Z"
        helper.wait()
    assert proc.state(helper.pid) == "gone"
    assert proc.await_end(helper.pid) is True
