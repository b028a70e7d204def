"""Counts that processes share: each writes its own, all see the sum, and the dead leave nothing behind."""

import os
import signal

import pytest

from nbmon.serve.peraddress import PerAddress
from nbmon.serve.sharedcounts import SharedCounts

HOST = ("192.0.2.1", 5)
OTHER = ("192.0.2.2", 5)


@pytest.fixture
def counts():
    made = SharedCounts(3)
    yield made
    made.close()


class Worker:
    """A process that claims a row, and counts whoever the test tells it to."""

    def __init__(self, counts, most):
        self._orders, theirs = os.pipe(), os.pipe()
        self._answers = theirs[0]
        self.pid = os.fork()
        if not self.pid:
            try:
                self._work(PerAddress(most, counts.claim()), theirs[1])
            finally:
                os._exit(1)
        os.close(theirs[1])
        os.close(self._orders[0])

    def _work(self, counted, answers):
        os.close(self._orders[1])
        while order := os.read(self._orders[0], 1):
            client = HOST if order in b"hH" else OTHER
            os.write(
                answers,
                b"y" if (counted.enter(client) if order in b"ho" else counted.leave(client)) else b"n",
            )
        os._exit(0)

    def tell(self, order):
        """h, o: one more of HOST or of OTHER, whether it may come; H: one less."""
        os.write(self._orders[1], order)
        return os.read(self._answers, 1) == b"y"

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self._orders[1])
        os.close(self._answers)
        os.waitpid(self.pid, 0)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_what_one_worker_has_counts_for_all(counts):
    first, second = Worker(counts, 3), Worker(counts, 3)
    assert [first.tell(b"h"), first.tell(b"h"), second.tell(b"h")] == [True] * 3
    assert [first.tell(b"h"), second.tell(b"h")] == [False] * 2
    assert second.tell(b"o")
    first.tell(b"H")
    assert [second.tell(b"h"), first.tell(b"h")] == [True, False]
    first.end()
    second.end()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_what_a_worker_had_that_died_counts_no_more_once_another_is_in_its_place(counts):
    first, second = Worker(counts, 3), Worker(counts, 3)
    assert [first.tell(b"h") for _ in range(3)] == [True] * 3
    assert not second.tell(b"h")
    first.end()
    third = Worker(counts, 3)
    assert third.tell(b"h")
    assert second.tell(b"h")
    second.end()
    third.end()


def test_two_workers_in_one_process_have_a_row_each_and_a_fourth_has_none(counts):
    rows = [counts.claim() for _ in range(4)]
    assert rows[3] is None
    rows[0].add("a", 1)
    assert [row.elsewhere("a") for row in rows[:3]] == [0, 1, 1]


def test_an_address_by_itself_is_counted_without_a_row():
    counted = PerAddress(1, None)
    assert counted.enter(HOST)
    assert not counted.enter(HOST)
    counted.leave(HOST)
    assert counted.enter(HOST)
