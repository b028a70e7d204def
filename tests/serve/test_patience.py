"""Deadlines, bounds and the end: how long clients may take, how many may come, how a server stops."""

import errno
import os
import signal
import socket
import threading
import time

import pytest

from nbmon.http import Response
from nbmon.serve import Bounds, Timeouts, accepting, listen
from nbmon.serve.loop import NOTHING
from serve.talk import GROSS_HANG, IN_A_THREAD, SERVERS, Client, served_by_a_process, sockets_of_port
from support.proc import Process, wait_until

SMALL = bytes(range(256)) * 16
LONG = 3600.0  # seconds: a deadline that a test must not meet


# Deadlines


def test_a_head_that_drips_is_answered_408_however_it_drips(serve, connect):
    client = connect(serve(timeouts=Timeouts(head=0.5, idle=LONG)))
    began = time.monotonic()
    with pytest.raises(OSError):  # sending on after the answer ends in a reset or a broken pipe
        for byte in b"GET / HTTP/1.1\r\nX: " + b"y" * 10_000:
            client.send(bytes((byte,)))
            if not client.hears_nothing():
                break
            time.sleep(0.02)
        raise OSError
    status, fields, _ = client.answer()
    assert (status, fields["connection"]) == (408, "close")
    assert time.monotonic() - began >= 0.5
    client.half_close()
    assert client.rest() == b""


def test_content_that_does_not_come_is_answered_408(serve, connect):
    client = connect(serve(timeouts=Timeouts(head=0.3, idle=LONG)))
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
    assert client.answer()[0] == 408


def test_an_idle_connection_is_closed_without_a_word(serve, connect):
    client = connect(serve(timeouts=Timeouts(idle=0.3, head=LONG)))
    assert client.get().answer()[2] == SMALL
    assert client.rest() == b""


def test_a_client_that_never_says_anything_is_closed(serve, connect):
    client = connect(serve(timeouts=Timeouts(idle=0.3, head=LONG)))
    assert client.rest() == b""


def test_the_idle_time_begins_anew_after_each_answer(serve, connect):
    client = connect(serve(timeouts=Timeouts(idle=1.5, head=LONG)))
    began = time.monotonic()
    while time.monotonic() - began < 3.0:
        assert client.get().answer()[2] == SMALL
        time.sleep(0.1)


@pytest.mark.parametrize(
    "model", ["coroutine"], indirect=True
)  # the others answer elsewhere than in the loop
def test_a_long_answer_to_one_costs_others_nothing_of_their_patience(serve, connect):
    """What came in time is served even if the server was busy when its deadline passed."""
    busy, release = threading.Event(), threading.Event()

    def app(request):
        if request.path == b"/long":
            busy.set()
            release.wait(GROSS_HANG)
        return Response(200, [], SMALL)

    server = serve(app=app, timeouts=Timeouts(idle=LONG))
    others, one = [connect(server) for _ in range(300)], connect(server)  # more than epoll tells at once
    for other in others:
        assert other.get().answer()[2] == SMALL
    one.get("/long")
    assert busy.wait(GROSS_HANG)
    for other in others:
        other.get()
    for connection in server._connections:  # the server is busy: this is as if it had been for long
        connection.deadline = 0.0
        server._loop.wheel.place(connection)
    release.set()
    assert all(other.answer()[2] == SMALL for other in others)
    assert one.answer()[2] == SMALL
    assert one.get().answer()[2] == SMALL


@pytest.mark.parametrize("name", ["large", "hugefile"])
def test_a_reader_that_takes_nothing_is_cut(serve, connect, app, name):
    server = serve(timeouts=Timeouts(send_window=0.3, send_rate=1000.0))
    client = connect(server, receive_buffer=4096).get("/" + name)
    wait_until(lambda: app.requests)
    wait_until(lambda: not server.connections())
    wait_until(lambda: not server.open_files(app))
    with pytest.raises(ConnectionResetError):  # what the kernel still held for it is gone, too
        while client.sock.recv(1 << 16):
            pass


def test_a_reader_that_takes_little_but_enough_is_kept(serve, connect):
    """Measured by what the client acknowledges, not by when the kernel's large buffer has room again."""
    server = serve(timeouts=Timeouts(send_window=0.5, send_rate=1000.0))
    client = connect(server, receive_buffer=4096).get("/large")
    client.head()
    began, got = time.monotonic(), len(client.buffer)
    while time.monotonic() - began < 2.5:
        got += len(client.sock.recv(2000))
        time.sleep(0.02)
    assert server.connections() == 1
    assert got < len(SMALL) * 4096


def test_nothing_wakes_a_server_whose_clients_have_all_gone(model, tmp_path):
    with served_by_a_process(model, tmp_path) as (process, address):
        with Client(address) as client:
            client.get().answer()
        wait_until(lambda: not sockets_of_port(address[1]))
        wait_until(lambda: Process(process.pid).state == "S")
        before = _switches(process.pid)
        time.sleep(1.5)
        assert _switches(process.pid) - before <= 1  # falling asleep after the last client


def _switches(pid):
    return int(Process(pid).status("voluntary_ctxt_switches"))


# How many


@pytest.mark.parametrize("model", IN_A_THREAD, indirect=True)  # it looks inside
def test_beyond_the_bound_clients_wait_and_are_served_when_one_leaves(serve, connect, monkeypatch):
    monkeypatch.setattr(accepting, "PAUSE", LONG)
    server = serve(bounds=Bounds(connections=2), timeouts=Timeouts(head=LONG, idle=LONG))
    first, second = connect(server), connect(server)
    for busy in (first, second):
        busy.send(b"GET / HTTP/1.1\r\n")
    third = connect(server).get()
    wait_until(lambda: all(a.deadline is not None for a in server._acceptors), what="acceptor pauses")
    assert all(a.wish == NOTHING for a in server._acceptors)  # no spinning on a listener that stays readable
    assert third.hears_nothing()
    assert first.send(b"Host: x\r\nConnection: close\r\n\r\n").answer()[2] == SMALL
    assert third.answer()[2] == SMALL
    assert second.send(b"Host: x\r\n\r\n").answer()[2] == SMALL


def test_at_the_bound_a_connection_that_rests_makes_room_for_a_client_that_waits(serve, connect):
    server = serve(bounds=Bounds(connections=2), timeouts=Timeouts(head=LONG, idle=LONG))
    resting, busy = connect(server), connect(server)
    assert resting.get().answer()[2] == SMALL
    busy.send(b"GET / HTTP/1.1\r\n")
    assert connect(server).get().answer()[2] == SMALL
    assert resting.rest() == b""
    assert busy.send(b"Host: x\r\n\r\n").answer()[2] == SMALL


def test_without_descriptors_a_server_neither_spins_nor_dies_and_recovers(model, tmp_path):
    with served_by_a_process(model, tmp_path, "nofile=80", "idle=3600") as (process, address):
        clients = [Client(address).get() for _ in range(30)]
        before = _cpu(process.pid)
        time.sleep(1.0)
        assert _cpu(process.pid) - before < 0.5  # seconds; one that spins takes all of it
        assert process.poll() is None
        while clients:
            client = clients.pop(0)
            assert client.answer()[2] == b"here"
            client.sock.close()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=GROSS_HANG)
        assert process.returncode == 0
        assert 0 < said.count("no new connections for now") <= 2


@pytest.mark.parametrize("model", IN_A_THREAD, indirect=True)  # it breaks something inside
def test_an_accept_that_fails_for_want_of_descriptors_is_tried_again(serve, connect, monkeypatch, caplog):
    server = serve()
    [acceptor], failures = server._acceptors, [OSError(errno.EMFILE, "Too many open files")] * 3
    accept = acceptor._accept

    def failing():
        if failures:
            raise failures.pop()
        return accept()

    acceptor._accept = failing
    assert connect(server).get().answer()[2] == SMALL
    assert failures == []
    assert caplog.text.count("no new connections for now: Too many open files") == 1


def _cpu(pid):
    fields = Process(pid)._stat
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_large_file_takes_no_memory(model, tmp_path):
    size = 200 * 1024 * 1024
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
    with served_by_a_process(model, tmp_path) as (process, address), Client(address) as client:
        assert client.get("/").answer()[2] == b"here"
        before = int(Process(process.pid).status("VmHWM").split()[0])
        client.get("/large")
        _, fields = client.head()
        got = len(client.buffer)
        while got < int(fields["content-length"]):
            got += len(client.sock.recv(1 << 20))
        assert got == size
        assert int(Process(process.pid).status("VmHWM").split()[0]) - before < 8192  # KiB


# The end


def test_stop_closes_idle_connections_at_once(serve, connect):
    server = serve(timeouts=Timeouts(idle=LONG, drain=LONG))
    clients = [connect(server).get() for _ in range(5)]
    assert all(client.answer()[2] == SMALL for client in clients)
    server.stop()
    assert server.has_ended()
    assert all(client.is_closed() for client in clients)


@pytest.mark.parametrize("name", ["large", "hugefile"])
def test_stop_lets_an_answer_in_flight_finish(serve, connect, app, name):
    server = serve(timeouts=Timeouts(drain=LONG, idle=LONG))
    client = connect(server, receive_buffer=4096).get("/" + name)
    _, fields = client.head()
    server.stop()
    wait_until(server.has_heard_stop)
    assert len(client.body(int(fields["content-length"]))) >= len(SMALL) * 4096
    assert client.rest() == b""
    assert server.has_ended()


def test_a_request_that_was_on_its_way_at_stop_is_answered_as_the_last(serve, connect):
    server = serve(timeouts=Timeouts(drain=LONG, idle=LONG))
    client = connect(server).send(b"GET / HTTP/1.1\r\n")
    wait_until(server.connections)
    server.stop()
    wait_until(server.has_heard_stop)
    status, fields, body = client.send(b"Host: x\r\n\r\n").answer()
    assert (status, fields["connection"], body) == (200, "close", SMALL)
    assert client.rest() == b""


def test_requests_that_have_arrived_when_stop_is_heard_are_answered(serve, connect, app):
    """Also those of connections that lie in the backlog, and those in the buffers of resting ones."""
    server = serve(timeouts=Timeouts(drain=LONG, idle=LONG))
    resting = connect(server)
    assert resting.get().answer()[2] == SMALL
    one = connect(server)
    assert one.get().answer()[2] == SMALL
    one.get("/long")
    wait_until(app.is_busy)
    resting.get()
    waiting = [connect(server).get() for _ in range(5)]
    server.stop()
    app.release()
    for client in (one, resting, *waiting):
        status, fields, body = client.answer()
        assert (status, body) == (200, SMALL)
        assert fields.get("connection") == "close" or client.rest() == b""


def test_after_stop_nobody_new_is_taken(serve, connect):
    server = serve()
    slow = connect(server, receive_buffer=4096).get("/large")
    slow.head()
    server.stop()
    wait_until(server.has_heard_stop)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address)


def test_an_answer_that_outlasts_the_drain_is_cut(serve, connect, app, said):
    server = serve(timeouts=Timeouts(drain=0.3))
    client = connect(server, receive_buffer=4096).get("/hugefile")
    client.head()
    server.stop()
    assert server.has_ended()
    assert not server.open_files(app)
    assert "1 unfinished" in said(server)


def test_a_server_that_was_stopped_before_it_served_does_not_serve(model, app):
    server = SERVERS[model](app, listen("127.0.0.1", 0))
    server.stop()
    server.stop()
    server.serve()  # returns
    server.stop()


def test_a_failing_on_serving_leaves_nothing_open(model, app):
    def fail():
        raise RuntimeError("not ready after all")

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(RuntimeError, match="not ready"):
        SERVERS[model](app, listen("127.0.0.1", 0), on_serving=fail).serve()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_sleeping_server_at_once_and_cleanly(model, tmp_path, number):
    with served_by_a_process(model, tmp_path) as (process, address):
        with Client(address) as client:
            client.get().answer()
            process.send_signal(number)
            _, said = process.communicate(timeout=GROSS_HANG)
        assert process.returncode == 0
        assert said == ""


def test_a_storm_of_signals_disturbs_no_answer(model, tmp_path):
    with served_by_a_process(model, tmp_path) as (process, address), Client(address) as client:
        for _ in range(300):
            client.get()
            os.kill(process.pid, signal.SIGWINCH)
            assert client.answer()[2] == b"here"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=GROSS_HANG)
        assert process.returncode == 0
