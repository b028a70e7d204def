"""The mind while its tree changes: reloads, upgrades, a strict start; and whatever happens, in any order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbmon.workers import Supervisor, thread
from nbmon.workers.errors import WorkerError
from nbmon.workers.nodes import Death
from nbmon.workers.reloading import Phase, Reload
from nbmon.workers.scaling import scale
from nbmon.workers.states import ALIVE, State
from workers.world import DIED, ENDED, World, nothing, worker


def test_a_reload_starts_the_new_before_the_old_are_asked():
    world = World(worker("a", ready=True, count=2))
    world.start()
    world.say_ready("a-1")
    world.say_ready("a-2")
    reload = Reload(world.core, world.now)
    assert world.steps() == ["start a-1"]
    news = []
    for _ in range(2):
        new = max(world.core.by_key)
        news.append(new)
        world.core.ready(new, world.now)
        reload.ready(new, world.now)
    assert reload.phase is Phase.DONE
    assert world.steps() == ["start a-2", "ask a-1", "ask a-2"]
    assert [slot.key for slot in world.core.root.slots()] == news
    assert set(world.core.by_key) == set(news)


def test_a_reload_whose_new_worker_dies_leaves_the_old():
    world = World(worker("a", ready=True, count=2))
    world.start()
    old = [slot.key for slot in world.core.root.slots()]
    world.say_ready("a-1")
    world.say_ready("a-2")
    reload = Reload(world.core, world.now)
    first = max(world.core.by_key)
    world.core.ready(first, world.now)
    reload.ready(first, world.now)
    second = max(world.core.by_key)
    reload.gone(second, DIED)
    world.core.gone(second, DIED, world.now)
    world.steps()
    assert reload.phase is Phase.REFUSED
    assert reload.reason == "the new a-2 died"
    assert [slot.key for slot in world.core.root.slots()] == old
    assert set(world.core.by_key) == set(old)
    assert set(world.states().values()) == {"running"}


def test_a_stop_during_a_reload_ends_the_new_too():
    world = World(worker("a", ready=True))
    world.start()
    world.say_ready("a")
    Reload(world.core, world.now)
    world.stop()
    assert world.core.finished
    assert len(world.core.by_key) == 1


def test_a_worker_that_was_scaled_to_none_returns_to_its_place():
    world = World(worker("a"), worker("b"), worker("c"))
    world.start()
    scale(world.core, "b", 0, world.now)
    world.steps()
    assert [slot.name for slot in world.core.root.slots()] == ["a", "c"]
    scale(world.core, "b", 2, world.now)
    assert [slot.name for slot in world.core.root.slots()] == ["a", "b", "b-2", "c"]


def test_more_than_a_worker_allows_is_refused_and_changes_nothing():
    world = World(worker("a", count=2, most=3))
    world.start()
    with pytest.raises(WorkerError, match="a may be at most 3"):
        scale(world.core, "a", 4, world.now)
    assert [slot.name for slot in world.core.root.slots()] == ["a-1", "a-2"]


names = st.sampled_from(["a", "b-1", "b-2", "in/x", "in/y", "c"])
happenings = st.lists(
    st.tuples(st.sampled_from(["die", "end", "ready", "time", "condemn", "again"]), names, st.floats(0, 3)),
    max_size=60,
)
strategies = st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"])


# An operator's restart of the first, which takes its time, while one behind it dies: that waits, rightly.
RESTARTED = [
    ("ready", "a", 0.0),
    ("die", "in/x", 0.0),
    ("die", "in/x", 1.0),
    ("again", "a", 0.0),
    ("die", "b-2", 0.0),
]


@settings(max_examples=150)
@example(RESTARTED, "rest_for_one", "one_for_one", False, 1)
@given(happenings, strategies, strategies, st.booleans(), st.integers(0, 4))
def test_whatever_happens_nothing_is_left_running_after_a_stop(events, outer, inner, obedient, intensity):
    world = World(
        worker("a", ready=True, start_timeout=2),
        worker("b", count=2, grace=1),
        Supervisor(worker("x", ready=True), worker("y"), name="in", strategy=inner, intensity=intensity),
        worker("c", restart="transient"),
        strategy=outer,
        obedient=obedient,
        intensity=intensity,
        period=5.0,
    )
    world.start()
    for what, name, seconds in events:
        slot = world.slot(name)
        if what in ("die", "end"):
            world.die(name, DIED if what == "die" else ENDED, after=seconds)
        elif what == "ready":
            world.say_ready(name)
        elif what == "time":
            world.pass_time(seconds)
        elif what == "condemn":
            world.core.condemn(slot.key)
            world.steps()
        elif slot.parent.state in (State.STARTING, State.RUNNING):
            world.core.again(slot, world.now)
            world.steps()
        assert_in_order(world.core.root)
    world.stop()
    for _ in range(30):
        world.pass_time(11.0)
    assert world.core.finished
    assert not [slot for slot in world.core.root.slots() if slot.state in ALIVE]
    assert len(world.core.by_key) == 6


def assert_in_order(node):
    """Whoever is idle in a supervisor that is up waits for one before it that is on its way."""
    if node.state not in (State.STARTING, State.RUNNING) or node.clearing is not None:
        return
    for index, child in enumerate(node.children):
        if child.state is State.IDLE:
            assert any(before.state is not State.RUNNING for before in node.children[:index])
        if hasattr(child, "children"):
            assert_in_order(child)


def test_a_worker_that_only_serves_others_does_not_keep_the_tree_up():
    world = World(worker("web", restart="temporary"), replace(worker("helper"), aside=True))
    world.start()
    assert world.die("web", ENDED) == ["ask helper"]
    assert world.core.finished


@pytest.mark.parametrize("strict", [True, False])
def test_a_strict_start_ends_with_the_first_that_dies_before_it_was_ready(strict):
    world = World(worker("a"), worker("b", ready=True), strict_start=strict)
    world.start()
    world.die("b")
    assert world.core.finished == strict
    assert not strict or world.core.failure.sentence == "b died before it was ready"


def test_what_could_not_be_started_is_not_said_to_have_died_before_it_was_ready():
    world = World(worker("a", ready=True), strict_start=True)
    world.start()
    world.die("a", Death("could not be started: it is not executable; try: chmod +x a", False, 0.0, 0.0))
    assert world.core.failure.sentence == "a could not be started: it is not executable; try: chmod +x a"


def test_nothing_is_started_while_the_tree_is_held_and_everything_afterwards():
    world = World(worker("a"), thread("t", nothing), worker("c"))
    world.start()
    world.core.hold()
    assert world.steps() == ["ask t"]
    assert world.die("a") == []
    world.core.go_on(world.now)
    assert world.steps() == ["start a", "start t"]
