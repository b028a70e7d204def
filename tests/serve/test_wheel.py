"""The timer wheel against the plainest model: look at every item at every moment."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from nbmon.serve.wheel import SLOT, Wheel


@dataclass(eq=False)
class Item:
    deadline: float | None
    slot: int | None = None


times = st.floats(min_value=0, max_value=60, allow_nan=False)


@given(st.lists(times), st.lists(times))
def test_an_item_is_due_never_early_and_at_most_a_slot_late(deadlines, looks):
    wheel, items = Wheel(), [Item(d) for d in deadlines]
    for item in items:
        wheel.place(item)
    waiting = set(items)
    for now in sorted(looks):
        due = set(wheel.due(now))
        assert all(i.deadline <= now for i in due)
        assert {i for i in waiting if i.deadline <= now - SLOT} <= due
        waiting -= due
    assert len(wheel) == len(waiting)


@given(times, times)
def test_a_deadline_that_moved_on_is_kept_without_a_word_to_the_wheel(first, second):
    wheel, item = Wheel(), Item(first)
    wheel.place(item)
    item.deadline = first + second + SLOT
    assert wheel.due(first + SLOT / 2) == []
    assert wheel.due(item.deadline + SLOT) == [item]


@given(times, times)
def test_a_nearer_deadline_is_placed_nearer(later, sooner):
    sooner, later = sorted((later, sooner))
    wheel, item = Wheel(), Item(later)
    wheel.place(item)
    item.deadline = sooner
    wheel.place(item)
    assert wheel.due(sooner + SLOT) == [item]
    assert len(wheel) == 0


@given(st.lists(times, min_size=1))
def test_next_is_no_later_than_a_slot_after_the_first_deadline_and_none_when_empty(deadlines):
    wheel, items = Wheel(), [Item(d) for d in deadlines]
    for item in items:
        wheel.place(item)
    assert min(deadlines) <= wheel.next <= min(deadlines) + SLOT
    for item in items:
        wheel.remove(item)
    assert wheel.next is None


def test_an_item_without_a_deadline_is_not_kept():
    wheel = Wheel()
    wheel.place(Item(None))
    assert len(wheel) == 0
    assert wheel.next is None


def test_an_item_whose_deadline_was_taken_back_is_dropped_when_its_slot_comes():
    wheel, item = Wheel(), Item(1.0)
    wheel.place(item)
    item.deadline = None
    assert wheel.due(5.0) == []
    assert len(wheel) == 0


def test_removing_twice_is_harmless():
    wheel, item = Wheel(), Item(1.0)
    wheel.place(item)
    wheel.remove(item)
    wheel.remove(item)
    assert wheel.due(9.0) == []
