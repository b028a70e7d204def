"""Who waits for what: the darkroom's decisions, without a process."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from nbmon.pictures.darkroom.desk import FAILURE_TIME, FAILURES, Desk, Taken
from nbmon.pictures.darkroom.job import Reply

BROKEN = Reply(422, "broken")


def desk(at_once: int = 1, queue: int = 2) -> Desk[str]:
    return Desk(at_once, queue)


def test_one_job_is_made_for_many() -> None:
    one = desk()
    assert one.ask(1, "a", "first", 0.0) == (Taken.WAITS, True)
    assert one.ask(2, "a", "second", 0.0) == (Taken.WAITS, False)
    assert one.next(3.0) == ("a", "first", 3.0)
    assert one.ask(3, "a", "third", 0.0) == (Taken.WAITS, False)
    assert one.next(3.0) is None
    assert one.done("a") == [1, 2, 3]


def test_they_are_made_in_order_and_so_many_at_once() -> None:
    one = desk(at_once=2, queue=9)
    for client, key in enumerate("abc"):
        one.ask(client, key, key, 0.0)
    assert [one.next(0.0), one.next(0.0), one.next(0.0)] == [("a", "a", 0.0), ("b", "b", 0.0), None]
    one.done("a")
    assert one.next(0.0) == ("c", "c", 0.0)


def test_a_full_queue_takes_only_who_wants_what_is_in_it() -> None:
    one = desk(queue=1)
    one.ask(1, "a", "a", 0.0)
    assert one.ask(2, "b", "b", 0.0) == (Taken.FULL, False)
    assert one.ask(3, "a", "a", 0.0) == (Taken.WAITS, False)


def test_what_nobody_waits_for_is_dropped_or_stopped() -> None:
    one = desk()
    one.ask(1, "a", "a", 0.0)
    one.ask(2, "b", "b", 0.0)
    one.next(0.0)
    assert one.leave(2).dropped == ("b",)
    assert one.leave(1).stop == ("a",)
    assert one.leave(1) == one.leave(99)


def test_one_that_is_being_stopped_takes_its_place_until_it_has_ended() -> None:
    one = desk()
    one.ask(1, "a", "a", 0.0)
    one.next(0.0)
    one.leave(1)
    assert one.ask(2, "a", "anew", 0.0) == (Taken.WAITS, True)
    assert one.next(0.0) is None
    one.stopped()
    assert one.next(0.0) == ("a", "anew", 0.0)


def test_a_failure_is_remembered_for_a_while() -> None:
    one = desk()
    one.failed("a", BROKEN, 10.0)
    assert one.known_failure("a", 10.0 + FAILURE_TIME - 1) == BROKEN
    assert one.known_failure("a", 10.0 + FAILURE_TIME) is None
    assert one.known_failure("b", 10.0) is None


def test_so_many_failures_are_remembered() -> None:
    one = desk()
    for number in range(FAILURES + 1):
        one.failed(str(number), BROKEN, 0.0)
    assert one.known_failure("0", 0.0) is None
    assert one.known_failure("1", 0.0) == BROKEN


class Anything(RuleBasedStateMachine):
    """Whatever happens in whatever order: nobody is forgotten, nothing is made twice, bounds hold."""

    clients = Bundle("clients")
    running = Bundle("running")

    def __init__(self) -> None:
        super().__init__()
        self.desk: Desk[str] = Desk(2, 3)
        self.number = 0
        self.wants: dict[int, str] = {}
        self.works: list[str] = []
        self.stopping = 0

    @rule(target=clients, key=st.sampled_from("abcdef"))
    def ask(self, key: str) -> int:
        self.number += 1
        taken, _ = self.desk.ask(self.number, key, key, 0.0)
        if taken is Taken.WAITS:
            self.wants[self.number] = key
        return self.number

    @rule()
    def begin(self) -> None:
        found = self.desk.next(0.0)
        if found is not None:
            assert found[0] not in self.works
            self.works.append(found[0])

    @rule(client=consumes(clients))
    def leave(self, client: int) -> None:
        left = self.desk.leave(client)
        self.wants.pop(client, None)
        for key in left.stop:
            self.works.remove(key)
            self.stopping += 1

    @rule()
    def end(self) -> None:
        if self.works:
            key = self.works.pop(0)
            told = self.desk.done(key)
            assert sorted(told) == sorted(c for c, wanted in self.wants.items() if wanted == key)
            assert told
            for client in told:
                del self.wants[client]

    @rule()
    def stopped(self) -> None:
        if self.stopping:
            self.stopping -= 1
            self.desk.stopped()

    @invariant()
    def bounds(self) -> None:
        assert self.desk.running == len(self.works) + self.stopping <= 2
        assert self.desk.waiting <= 3
        assert all(self.desk.knows(client) for client in self.wants)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=40, deadline=None)
