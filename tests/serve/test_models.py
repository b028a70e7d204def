"""What is particular to each model: who holds a thread or a process, and what the death of one costs."""

import os
import signal
import threading
import time

import pytest

from nbmon.serve import Bounds, Timeouts, children
from serve.talk import children_of
from support.proc import Process, wait_until

SMALL = bytes(range(256)) * 16
LONG = 3600.0  # seconds

in_threads = pytest.mark.parametrize("model", ["thread"], indirect=True)
in_processes = pytest.mark.parametrize("model", ["process"], indirect=True)


def test_slow_clients_are_told_and_closed_while_honest_ones_do_not_wait(serve, connect):
    """Heads that drip hold no thread and no process: many more of them than there may be of either."""
    server = serve(bounds=Bounds(threads=2, processes=2), timeouts=Timeouts(head=3.0, idle=LONG))
    slow = [connect(server).send(b"GET / HTTP/1.1\r\nX: y") for _ in range(100)]
    for client in slow:
        client.send(b"y")
    for _ in range(5):
        assert connect(server).get().answer()[2] == SMALL
    assert all(client.hears_nothing() for client in slow)  # so the honest ones did not wait for their end
    for client in slow:
        assert client.answer()[0] == 408
        assert client.half_close().rest() == b""


def test_a_half_sent_head_behind_a_request_holds_nobody(serve, connect):
    server = serve(bounds=Bounds(threads=1, processes=1), timeouts=Timeouts(head=LONG, idle=LONG))
    first = connect(server).send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /file HTTP/1.1\r\nHo")
    assert first.answer()[2] == SMALL
    for _ in range(3):
        assert connect(server).get().answer()[2] == SMALL
    assert first.send(b"st: x\r\n\r\n").answer()[2] == SMALL


def test_content_that_is_on_its_way_holds_nobody(serve, connect):
    server = serve(bounds=Bounds(threads=1, processes=1), timeouts=Timeouts(head=LONG, idle=LONG))
    first = connect(server).send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
    assert connect(server).get().answer()[2] == SMALL
    assert first.send(b"cde").answer()[2] == SMALL


def test_content_behind_another_request_has_its_time(serve, connect):
    server = serve(bounds=Bounds(threads=1, processes=1), timeouts=Timeouts(head=3.0, idle=LONG))
    first = connect(server).get().send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
    assert first.answer()[2] == SMALL
    time.sleep(0.8)  # a child's patience with the silent is over by now
    assert first.send(b"cde").answer()[2] == SMALL
    assert first.get().answer()[2] == SMALL


def test_clients_that_rest_hold_nobody(serve, connect):
    server = serve(bounds=Bounds(threads=1, processes=1), timeouts=Timeouts(idle=LONG))
    clients = [connect(server) for _ in range(5)]
    for _ in range(2):
        for client in clients:
            assert client.get().answer()[2] == SMALL


# Threads


@in_threads
def test_as_many_threads_as_are_needed_and_no_more_than_may_be(serve, connect, app):
    server = serve(bounds=Bounds(threads=3))
    assert _answering() == 0
    clients = [connect(server).get("/long") for _ in range(5)]
    wait_until(lambda: len(app.requests) == 3)
    assert _answering() == 3
    app.release()
    assert all(client.answer()[2] == SMALL for client in clients)
    assert _answering() == 3


def _answering():
    return sum(thread.name.startswith("nbmon-answers") for thread in threading.enumerate())


@in_threads
def test_readers_that_take_their_time_hold_no_thread(serve, connect, app):
    app.slice("hugefile", SMALL * 4096)  # written now, and not by two threads at once
    server = serve(bounds=Bounds(threads=2))
    slow = [connect(server, receive_buffer=4096).get("/hugefile") for _ in range(4)]
    for client in slow:
        client.head()
    assert connect(server).get().answer()[2] == SMALL
    for client in slow:
        assert len(client.body(len(SMALL) * 4096)) == len(SMALL) * 4096


@in_threads
def test_what_threads_answer_is_counted_once_each(serve, connect):
    server = serve()
    for _ in range(20):
        assert connect(server).get("/file").answer()[0] == 200
    wait_until(lambda: sum(c.answers for c in server.ledger.snapshot().answers.values()) == 20)


@in_threads
def test_a_thread_that_is_stuck_does_not_keep_the_server_from_ending(serve, connect, app):
    server = serve(timeouts=Timeouts(drain=0.3))
    connect(server).get("/long")
    wait_until(app.is_busy)
    server.stop()
    assert server.has_ended()
    app.release()
    wait_until(lambda: not _answering())
    for connection in server._connections:  # the process would end here
        connection.sock.close()


# Processes


@in_processes
def test_a_child_that_dies_costs_one_connection(serve, connect, said):
    server = serve()
    other = connect(server)
    assert other.get().answer()[2] == SMALL
    assert connect(server).get("/dies").is_closed()
    assert other.get().answer()[2] == SMALL
    assert connect(server).get().answer()[2] == SMALL
    wait_until(lambda: "a child process died (SIGKILL)" in said(server))


@in_processes
def test_an_idle_child_that_is_killed_is_replaced(serve, connect):
    server = serve(bounds=Bounds(spare_processes=2))
    before = children_of(server.pid)
    assert len(before) == 2
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(children_of(server.pid)) - set(before)) == 2)
    assert connect(server).get().answer()[2] == SMALL


@in_processes
def test_the_pool_grows_when_requests_wait_and_shrinks_again(serve, connect, app, monkeypatch):
    monkeypatch.setattr(children, "IDLE", 0.3)
    server = serve(bounds=Bounds(processes=4, spare_processes=1))
    clients = [connect(server).get("/long") for _ in range(6)]
    wait_until(lambda: len(app.requests) == 4)
    assert len(children_of(server.pid)) == 4
    app.release()
    assert all(client.answer()[2] == SMALL for client in clients)
    wait_until(lambda: len(children_of(server.pid)) == 1)
    assert connect(server).get().answer()[2] == SMALL


@in_processes
def test_a_client_sees_the_end_though_children_were_forked_while_it_was_here(serve, connect, app):
    server = serve(timeouts=Timeouts(idle=2.0), bounds=Bounds(processes=4, spare_processes=1))
    resting = connect(server)
    assert resting.get().answer()[2] == SMALL
    busy = [connect(server).get("/long") for _ in range(3)]
    wait_until(lambda: len(app.requests) == 4)
    assert resting.rest() == b""
    app.release()
    assert all(client.answer()[2] == SMALL for client in busy)


@in_processes
def test_clients_that_ask_on_and_on_take_turns_with_those_that_wait(serve, connect):
    server, enough = serve(bounds=Bounds(processes=1)), threading.Event()
    greedy = connect(server)

    def ask_on():
        while not enough.is_set():
            assert greedy.get().answer()[2] == SMALL

    asking = threading.Thread(target=ask_on)
    asking.start()
    for _ in range(3):
        assert connect(server).get().answer()[2] == SMALL
    assert asking.is_alive()
    enough.set()
    asking.join()


@in_processes
def test_a_client_that_asks_on_and_on_meets_a_new_child_after_a_reload(serve, connect):
    server = serve()
    client = connect(server)
    before = client.get("/pid").answer()[2]
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: client.get("/pid").answer()[2] != before)
    wait_until(lambda: not Process(int(before)).alive)


@in_processes
def test_children_die_with_their_master(serve, connect, app):
    server = serve()
    connect(server).get("/long")
    wait_until(app.is_busy)
    pids = children_of(server.pid)
    assert pids
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not any(Process(pid).alive for pid in pids))


@in_processes
def test_stop_leaves_no_child_behind(serve, connect):
    server = serve()
    assert connect(server).get().answer()[2] == SMALL
    pids = children_of(server.pid)
    server.stop()
    assert server.has_ended()
    assert not any(Process(pid).alive for pid in pids)


@in_processes
def test_children_that_die_at_once_are_forked_again_with_patience(serve, tmp_path, monkeypatch):
    births = tmp_path / "births"

    def dies(_host, _channel):
        with births.open("ab", buffering=0) as file:
            file.write(b".")
        os._exit(3)

    monkeypatch.setattr("nbmon.serve.guest.Host.serve", dies)
    server = serve(bounds=Bounds(spare_processes=2))
    time.sleep(1.5)
    assert 2 <= births.stat().st_size < 10  # two at first, and two each second
    assert Process(server.pid).alive
