"""Readers that take their time: many of them keep nobody waiting, in any model."""

import contextlib
import os
import signal
import time

import pytest

from nbmon.http import FileSlice, Response
from nbmon.serve import Bounds, Timeouts
from serve.talk import SERVERS, Client, children_of, served_by_a_process, sockets_of_port
from support.proc import Process, wait_until

MANY = 500
LARGE = bytes(range(256)) * 65_536  # 16 MiB
SMALL = b"here"
LONG = 3600.0  # seconds
PATIENT = Timeouts(head=LONG, idle=LONG, send_window=LONG)

in_processes = pytest.mark.parametrize("model", ["process"], indirect=True)


class Remembered:
    """An application whose answers are worth remembering."""

    def __init__(self, folder):
        self.file = folder / "large"
        self.file.write_bytes(LARGE)

    def state_of(self, request):
        return request.path

    def __call__(self, request):
        if request.path == b"/pid":
            return Response(200, [], str(os.getpid()).encode())
        if request.path != b"/large":
            return Response(200, [], SMALL)
        return Response(200, [], FileSlice(Opened(self.file), 0, len(LARGE)))


class Opened:
    """A file that is closed with its last user, without a word: the memory keeps it for a while."""

    def __init__(self, path):
        self._fd = os.open(path, os.O_RDONLY)

    def fileno(self):
        return self._fd

    def close(self):
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close


@pytest.mark.parametrize("model", SERVERS)
def test_hundreds_of_slow_readers_keep_nobody_waiting(model, tmp_path):
    """None of them is cut or done before the others have their answers."""
    (tmp_path / "large").write_bytes(LARGE)
    options = ("nofile=4096", f"idle={LONG}", f"send_window={LONG}")
    with (
        served_by_a_process(model, tmp_path, *options) as (process, address),
        contextlib.ExitStack() as stack,
    ):
        slow = [stack.enter_context(Client(address, receive_buffer=4096)) for _ in range(MANY)]
        for client in slow:
            client.get("/large")
        for client in slow:
            client.head()
        for _ in range(20):
            with Client(address) as honest:
                assert honest.get().answer()[2] == SMALL
        assert all(_still_open(client) for client in slow)
        assert slow[0].body(len(LARGE)) == LARGE
        assert len(children_of(process.pid)) <= Bounds().processes
        assert Process(process.pid).alive


def _still_open(client):
    """Whether there is more of its answer: nobody has ended it. Takes a byte of that."""
    byte = client.sock.recv(1)
    client.buffer += byte
    return byte != b""


def test_a_slow_reader_costs_the_kernel_no_more_than_what_is_on_its_way(serve, connect, app):
    """Else hundreds of them take gigabytes, and the time of all others to copy these."""
    server = serve(timeouts=PATIENT)
    client = connect(server, receive_buffer=4096).get("/large")
    client.head()
    wait_until(lambda: 0 < _unsent(server.address[1]) < 1 << 20)
    assert _unsent(server.address[1]) < 1 << 20


def _unsent(port):
    """Bytes in the send queue of the server's end of its one connection: proc(5), /proc/net/tcp."""
    with open("/proc/net/tcp") as table:
        for line in table.readlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "01":
                return int(fields[4].partition(":")[0], 16)
    return 0


def test_a_remembered_answer_comes_whole_to_a_slow_reader(serve, connect, tmp_path):
    server = serve(app=Remembered(tmp_path), timeouts=Timeouts(send_window=1.0, send_rate=1.0))
    for _ in range(3):  # the third is answered from memory
        assert connect(server).get("/large").answer()[2] == LARGE
    client = connect(server, receive_buffer=65_536).get("/large")
    client.head()
    got, began = client.buffer, time.monotonic()
    while time.monotonic() - began < 2.5:  # more than two windows of time
        got += client.sock.recv(4096)
        time.sleep(0.02)
    client.buffer = b""
    assert got + client.body(len(LARGE) - len(got)) == LARGE
    assert client.get("/large").answer()[2] == LARGE


def test_a_slow_reader_is_heard_again_once_it_has_its_answer(serve, connect, app):
    app.slice("hugefile", LARGE).file.close()
    server = serve(timeouts=PATIENT, bounds=Bounds(threads=1, processes=1))
    slow = [connect(server, receive_buffer=4096).get("/hugefile").get() for _ in range(3)]
    for client in slow:
        client.head()
    assert connect(server).get().answer()[0] == 200
    for client in slow:
        assert client.body(len(LARGE)) == LARGE
        assert client.answer()[0] == 200  # the second, which was here already
        assert client.get().answer()[0] == 200


@in_processes
def test_while_there_may_be_more_children_each_slow_reader_has_its_own(serve, connect, app):
    app.slice("hugefile", LARGE).file.close()
    server = serve(timeouts=PATIENT, bounds=Bounds(processes=3, spare_processes=1))
    slow = []
    for number in (1, 2, 3):
        slow.append(connect(server, receive_buffer=4096).get("/hugefile"))
        slow[-1].head()
        wait_until(lambda number=number: len(children_of(server.pid)) == number)
    assert connect(server).get().answer()[0] == 200
    assert len(children_of(server.pid)) == 3


@in_processes
def test_a_child_that_dies_takes_its_slow_readers_with_it_and_no_others(serve, connect, app, said):
    app.slice("hugefile", LARGE).file.close()
    server = serve(timeouts=PATIENT, bounds=Bounds(processes=1))
    slow = [connect(server, receive_buffer=4096).get("/hugefile") for _ in range(2)]
    for client in slow:
        client.head()
    resting = connect(server)
    assert resting.get().answer()[0] == 200
    [pid] = children_of(server.pid)
    wait_until(lambda: clients_in(pid, server) == 2)  # the third is the master's again
    os.kill(pid, signal.SIGKILL)
    for client in slow:
        with pytest.raises((AssertionError, ConnectionResetError)):  # the rest of the answer never comes
            client.body(len(LARGE))
    assert resting.get().answer()[0] == 200
    wait_until(lambda: "took 2 connections with it" in said(server))


def clients_in(pid, server):
    """How many of the server's connections this process has."""
    theirs = {f"socket:[{inode}]" for inode in sockets_of_port(server.address[1])}
    return sum(target in theirs for target in Process(pid).descriptors.values())


@in_processes
def test_after_a_reload_an_old_child_ends_when_its_slow_readers_are_done(serve, connect, app):
    app.slice("hugefile", LARGE).file.close()
    server = serve(timeouts=PATIENT, bounds=Bounds(processes=2, spare_processes=1))
    slow = connect(server, receive_buffer=4096).get("/hugefile")
    slow.head()
    [old] = children_of(server.pid)
    os.kill(server.pid, signal.SIGHUP)
    other = connect(server)
    wait_until(lambda: int(other.get("/pid").answer()[2]) != old)
    assert Process(old).alive
    assert slow.body(len(LARGE)) == LARGE
    wait_until(lambda: not Process(old).alive)
    assert slow.get().answer()[0] == 200


@in_processes
def test_children_without_connections_end_beside_one_with_a_slow_reader(serve, connect, app, monkeypatch):
    monkeypatch.setattr("nbmon.serve.children.IDLE", 0.2)
    app.slice("hugefile", LARGE).file.close()
    server = serve(timeouts=PATIENT, bounds=Bounds(processes=4, spare_processes=1))
    slow = connect(server, receive_buffer=4096).get("/hugefile")
    slow.head()
    [busy] = children_of(server.pid)
    others = [connect(server).get("/long") for _ in range(3)]
    wait_until(lambda: len(children_of(server.pid)) == 4)
    app.release()
    assert all(client.answer()[0] == 200 for client in others)
    wait_until(lambda: children_of(server.pid) == [busy])
    assert slow.body(len(LARGE)) == LARGE
