"""Workers that share their sockets have equally many connections, and none is lost between them."""

import threading

import pytest

from nbmon.serve import Bounds, close_all, listen
from nbmon.serve.spread import Spread
from serve.talk import GROSS_HANG, IN_A_THREAD, SERVERS, Client
from support.proc import wait_until

SMALL = bytes(range(256)) * 16


class Worker:
    """A server that shares its listeners with others."""

    def __init__(self, model, app, sockets, spread, number, **options):
        ready = threading.Event()
        self.server = SERVERS[model](
            app, [sock.dup() for sock in sockets], on_serving=ready.set, spread=(spread, number), **options
        )
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()
        assert ready.wait(GROSS_HANG)

    def count(self):
        return len(self.server._connections)

    def stop(self):
        self.server.stop()
        self.thread.join(GROSS_HANG)
        assert not self.thread.is_alive()


def assert_even(counts, total):
    """Each has its part, but for the one or two that several were just deciding about at the same moment."""
    assert sum(counts) == total
    assert max(counts) - min(counts) <= 3


@pytest.fixture
def shared():
    sockets, spread = listen("127.0.0.1", 0), Spread(3)
    yield sockets, spread
    close_all(sockets)
    spread.close()


@pytest.fixture
def start(request, app, shared):
    workers = []

    def start_one(model, number, **options):
        workers.append(Worker(model, app, *shared, number, **options))
        return workers[-1]

    yield start_one
    for worker in workers:
        worker.stop()


@pytest.fixture
def clients(shared):
    made = []

    def come(count):
        made.extend(Client(shared[0][0].getsockname()) for _ in range(count))
        return made[-count:]

    yield come
    for client in made:
        client.sock.close()


@pytest.mark.parametrize("model", IN_A_THREAD)
def test_each_worker_has_equally_many_connections(model, start, clients):
    workers = [start(model, number) for number in range(3)]
    here = [client.get() for client in clients(60)]
    assert all(client.answer()[2] == SMALL for client in here)
    assert_even([worker.count() for worker in workers], 60)
    assert all(client.get().answer()[2] == SMALL for client in here)


@pytest.mark.parametrize("model", IN_A_THREAD)
def test_those_that_leave_make_room_for_those_that_come(model, start, clients, shared):
    workers = [start(model, number) for number in range(3)]
    here = [client.get() for client in clients(30)]
    assert all(client.answer()[2] == SMALL for client in here)
    for client in here[:15]:
        client.sock.close()
    wait_until(lambda: sum(worker.count() for worker in workers) == 15)
    assert all(client.get().answer()[2] == SMALL for client in clients(15))
    assert_even([worker.count() for worker in workers], 30)
    wait_until(lambda: [shared[1].load(number) for number in range(3)] == [one.count() for one in workers])


@pytest.mark.parametrize("model", IN_A_THREAD)
def test_what_lies_in_the_inbox_of_one_that_is_not_there_is_its_successors(model, start, clients):
    start(model, 0)
    start(model, 1)
    here = [client.get() for client in clients(9)]
    late = start(model, 2)
    assert all(client.answer()[2] == SMALL for client in here)
    assert late.count() >= 2


@pytest.mark.parametrize("model", IN_A_THREAD)
def test_one_that_has_ended_gets_no_more(model, start, clients):
    workers = [start(model, number) for number in range(3)]
    here = [client.get() for client in clients(9)]
    assert all(client.answer()[2] == SMALL for client in here)
    workers[2].stop()
    later = [client.get() for client in clients(6)]
    assert all(client.answer()[2] == SMALL for client in later)
    assert_even([worker.count() for worker in workers[:2]], 12)


def test_an_address_may_have_so_many_connections_with_all_workers_together(start, clients):
    for number in range(3):
        start("coroutine", number, bounds=Bounds(per_address=6))
    came = clients(7)
    statuses = [client.get().answer()[0] for client in came]
    assert sorted(statuses) == [200] * 6 + [503]
