"""When a worker that runs is looked at again, and when no more: with times that the test lets come."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from nbmon.workers.health import MEMORY_LOOK, Health
from nbmon.workers.states import State
from workers.world import worker


class Engine:
    """As much of the engine as Health speaks to; `due`: the times asked for, with their calls."""

    def __init__(self) -> None:
        self.due = []
        self.renewed = []
        self.lives = {}
        self.loop = SimpleNamespace(after=lambda seconds, call: self.due.append((seconds, call)))
        self.core = SimpleNamespace(again=lambda slot, _now: self.renewed.append(slot.name))

    def life(self, **options):
        spec = worker("a", **options)
        slot = SimpleNamespace(spec=spec, key=1, name="a", state=State.RUNNING)
        life = SimpleNamespace(slot=slot, pid=os.getpid(), since=0.0, beat=0.0)
        self.lives[1] = life
        return life

    def pass_time(self) -> None:
        due, self.due = self.due, []
        for _, call in due:
            call()


@pytest.fixture
def engine():
    return Engine()


def test_a_worker_that_uses_too_much_is_renewed_and_looked_at_on(engine):
    Health(engine).watch_over(engine.life(memory_limit=1))
    assert [seconds for seconds, _ in engine.due] == [MEMORY_LOOK]
    engine.pass_time()
    assert engine.renewed == ["a"]
    assert [seconds for seconds, _ in engine.due] == [MEMORY_LOOK]


@pytest.mark.parametrize("options", [{"memory_limit": 1}, {"max_age": 1.0}, {"heartbeat": 1.0}])
def test_one_that_is_gone_is_looked_at_no_more_and_its_successor_is_not_taken_for_it(engine, options):
    Health(engine).watch_over(engine.life(**options))
    engine.life()  # its place is another's by now
    engine.pass_time()
    assert engine.due == []
    assert engine.renewed == []
