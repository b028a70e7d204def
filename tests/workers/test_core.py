"""The mind alone: a world of plain values that obeys its orders, or not."""

from __future__ import annotations

import pytest

from nbmon.workers import Supervisor
from nbmon.workers.errors import WorkerError
from nbmon.workers.nodes import Death
from nbmon.workers.states import State
from workers.world import ENDED, World, worker


def test_children_start_in_order_and_stop_in_reverse():
    world = World(worker("a"), worker("b"), worker("c"))
    assert world.start() == ["start a", "start b", "start c"]
    assert world.core.root.state is State.RUNNING
    assert world.stop() == ["ask c", "ask b", "ask a"]
    assert world.core.finished
    assert world.core.failure is None


def test_each_is_ready_before_the_next_is_started():
    world = World(worker("a", ready=True), worker("b", ready=True), worker("c"))
    assert world.start() == ["start a"]
    assert world.say_ready("a") == ["start b"]
    assert world.core.root.state is State.STARTING
    assert world.say_ready("b") == ["start c"]
    assert world.core.root.state is State.RUNNING


def test_stopping_waits_for_each_before_it_asks_the_next():
    world = World(worker("a"), worker("b"), obedient=False)
    world.start()
    assert world.stop() == ["ask b"]
    assert world.die("b") == ["ask a"]
    assert world.pass_time(10) == ["kill a"]
    assert world.core.finished


def test_several_of_one_worker_are_asked_together():
    world = World(worker("a"), worker("b", count=3), obedient=False)
    world.start()
    assert world.stop() == ["ask b-3", "ask b-2", "ask b-1"]
    world.die("b-2")
    world.die("b-3")
    assert world.die("b-1") == ["ask a"]


def test_each_has_its_own_grace_time():
    world = World(worker("a", grace=1), worker("b", grace=5), obedient=False)
    world.start()
    world.stop()
    assert world.pass_time(4.9) == []
    assert world.pass_time(0.2) == ["kill b", "ask a"]
    assert world.pass_time(1.1) == ["kill a"]


def test_one_for_one_restarts_the_one():
    world = World(worker("a"), worker("b"), worker("c"))
    world.start()
    assert world.die("b") == ["start b"]


def test_one_for_all_stops_all_and_starts_all():
    world = World(worker("a"), worker("b"), worker("c"), strategy="one_for_all")
    world.start()
    assert world.die("b") == ["ask c", "ask a", "start a", "start b", "start c"]


def test_rest_for_one_stops_and_starts_what_comes_after():
    world = World(worker("a"), worker("b"), worker("c"), strategy="rest_for_one")
    world.start()
    assert world.die("b") == ["ask c", "start b", "start c"]
    assert world.die("a") == ["ask c", "ask b", "start a", "start b", "start c"]


def test_a_second_death_during_the_clearing_widens_it():
    world = World(worker("a"), worker("b"), worker("c"), strategy="rest_for_one", obedient=False)
    world.start()
    assert world.die("b") == ["ask c"]
    assert world.die("a") == []
    assert world.die("c") == ["start a", "start b", "start c"]


def test_what_dies_young_waits_and_those_after_it_wait_with_it():
    world = World(worker("a"), worker("b"), strategy="rest_for_one", backoff=0.1)
    world.start()
    assert world.die("a", after=0.1) == ["ask b"]
    assert world.states() == {"a": "backing off", "b": "idle"}
    assert world.pass_time(0.1) == ["start a", "start b"]


def test_one_that_waits_for_its_time_waits_no_more_after_a_stop():
    world = World(worker("a"), worker("b"), strategy="one_for_all", backoff=10.0, obedient=False)
    world.start()
    assert world.die("a", after=0.1) == ["ask b"]
    assert world.stop() == []
    world.die("b")
    assert world.core.finished
    assert world.states() == {"a": "idle", "b": "idle"}


def test_the_others_of_one_for_one_do_not_wait():
    world = World(worker("a"), worker("b"), backoff=0.1)
    world.start()
    world.die("a", after=0.1)
    assert world.die("b", after=5.0) == ["start b"]
    assert world.pass_time(0.1) == ["start a"]


def test_a_worker_that_dies_at_once_for_ever_backs_off_and_escalates():
    world = World(worker("a"), worker("b"), intensity=5, period=60.0, backoff=0.1)
    world.start()
    waits = []
    while not world.core.finished:
        world.die("b", after=0.0)
        before = world.now
        while not world.core.finished and world.slot("b").state is not State.RUNNING:
            world.pass_time(0.05)
        waits.append(round(world.now - before, 1))
    assert waits[:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert "more than 5 restarts within 60 seconds" in world.core.failure.sentence
    assert world.states() == {"a": "idle", "b": "failed"}


def test_restarts_that_lie_long_back_do_not_count():
    world = World(worker("a"), intensity=2, period=60.0)
    world.start()
    for _ in range(20):
        assert world.die("a", after=31.0) == ["start a"]


def test_an_inner_supervisor_that_gives_up_is_restarted_whole():
    inner = Supervisor(worker("x"), worker("y"), name="in", intensity=0)
    world = World(worker("a"), inner, worker("z"), intensity=1)
    assert world.start() == ["start a", "start in/x", "start in/y", "start z"]
    assert world.die("in/y") == ["ask in/x", "start in/x", "start in/y"]
    assert world.core.root.children[1].restarts == 1
    done = world.die("in/x")
    assert done == ["ask in/y", "ask z", "ask a"]
    assert world.core.finished
    assert "in gave up" in world.core.failure.sentence or "in" in world.core.failure.sentence


def test_an_inner_supervisor_has_its_own_strategy():
    inner = Supervisor(worker("x"), worker("y"), name="in", strategy="one_for_all")
    world = World(worker("a"), inner)
    world.start()
    assert world.die("in/x") == ["ask in/y", "start in/x", "start in/y"]
    assert world.die("a") == ["start a"]


def test_the_death_of_an_inner_supervisor_follows_the_outer_strategy():
    inner = Supervisor(worker("x"), name="in", intensity=0)
    world = World(worker("a"), inner, worker("z"), strategy="rest_for_one")
    world.start()
    assert world.die("in/x") == ["ask z", "start in/x", "start z"]


def test_a_transient_worker_that_ended_stays_ended_and_one_that_died_comes_back():
    world = World(worker("a", restart="transient"), worker("b"))
    world.start()
    assert world.die("a") == ["start a"]
    assert world.die("a", ENDED) == []
    assert world.states()["a"] == "ended"


def test_a_temporary_worker_never_comes_back():
    world = World(worker("a", restart="temporary"), worker("b"))
    world.start()
    assert world.die("a") == []
    assert world.states()["a"] == "failed"


def test_the_tree_is_done_when_nobody_is_to_come_back():
    inner = Supervisor(worker("x", restart="transient"), name="in")
    world = World(inner, worker("a", restart="temporary"))
    world.start()
    world.die("a")
    assert not world.core.finished
    world.die("in/x", ENDED)
    assert world.core.finished
    assert world.core.failure is None


def test_one_that_is_not_ready_in_time_is_killed_and_counts_as_dead():
    world = World(worker("a", ready=True, start_timeout=3), healthy=0.0)
    world.start()
    assert world.pass_time(3.1) == ["kill a", "start a"]
    assert world.slot("a").restarts == 1


def test_a_timer_of_a_former_life_does_nothing():
    world = World(worker("a", ready=True, start_timeout=3), healthy=0.0)
    world.start()
    world.now += 2.0
    assert world.die("a", after=0.0) == ["start a"]
    assert world.pass_time(1.5) == []


def test_one_that_is_condemned_is_killed_and_comes_back():
    world = World(worker("a"), worker("b"))
    world.start()
    world.now += 10
    world.core.condemn(world.slot("a").key)
    assert world.steps() == ["kill a", "start a"]


def test_what_was_lost_with_its_host_comes_back_without_being_counted():
    world = World(worker("a"), worker("b"), worker("c", restart="temporary"), intensity=0)
    world.start()
    keys = [slot.key for slot in world.core.root.slots()]
    world.core.lost(keys, Death("was lost", False), world.now)
    assert world.steps() == ["start a", "start b"]
    assert world.states()["c"] == "failed"


def test_the_operators_restart_is_gentle_and_uncounted():
    world = World(worker("a"), worker("b"), intensity=0)
    world.start()
    world.core.again(world.slot("a"), world.now)
    assert world.steps() == ["ask a", "start a"]


def test_an_inner_supervisor_is_restarted_on_demand():
    world = World(Supervisor(worker("x"), worker("y"), name="in"), worker("a"))
    world.start()
    world.core.again(world.core.root.children[0], world.now)
    assert world.steps() == ["ask in/y", "ask in/x", "start in/x", "start in/y"]


def test_one_that_waits_for_its_time_is_restarted_at_once_on_demand():
    world = World(worker("a"), backoff=10.0)
    world.start()
    world.die("a", after=0.0)
    world.core.again(world.slot("a"), world.now)
    assert world.steps() == ["start a"]


def test_nothing_is_restarted_on_demand_while_all_goes_down():
    world = World(worker("a"), worker("b"), obedient=False)
    world.start()
    world.stop()
    with pytest.raises(WorkerError, match="cannot be restarted"):
        world.core.again(world.slot("a"), world.now)
