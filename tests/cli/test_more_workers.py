"""Several workers of a picture server are scaled while they serve."""

import socket

import pytest

from support.proc import wait_until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(params=["coroutine", "thread"])
def address(request, nbmon, holiday):
    nbmon("start", "--name", "many", "--port", "0", "--workers", "2", "--model", request.param, holiday)
    yield "127.0.0.1", int(nbmon.view("many")["url"].rstrip("/").rpartition(":")[2])
    nbmon("stop", "many")


def running(nbmon):
    return [worker["name"] for worker in nbmon.view("many")["workers"] if worker["state"] == "running"]


def kept(address):
    """A connection that has had an answer and stays."""
    sock = socket.create_connection(address, 30)
    sock.sendall(GET)
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    return sock


def connections_of(pid):
    from pathlib import Path

    return sum(1 for fd in Path(f"/proc/{pid}/fd").iterdir() if str(fd.readlink()).startswith("socket:"))


def test_new_workers_get_their_part_and_old_ones_leave_without_a_lost_request(nbmon, address):
    nbmon("scale", "many/web", "4")
    wait_until(lambda: running(nbmon) == ["web-1", "web-2", "web-3", "web-4"])
    pids = [worker["pid"] for worker in nbmon.view("many")["workers"]]
    before = [connections_of(pid) for pid in pids]
    socks = [kept(address) for _ in range(40)]
    try:
        gained = [connections_of(pid) - had for pid, had in zip(pids, before, strict=True)]
        assert sum(gained) == 40
        assert min(gained) >= 7
    finally:
        for sock in socks:
            sock.close()
    nbmon("scale", "many/web", "1")
    wait_until(lambda: running(nbmon) == ["web-1"])
    for _ in range(20):
        kept(address).close()


def test_more_than_there_is_room_for_is_refused_with_the_bound(nbmon, address):
    said = nbmon("scale", "many/web", "17", code=1)
    assert "web may be at most 16; start it anew with more" in said.stderr
