"""The picture server in each of its models and with several workers, from the command line, under load."""

import os
import signal
import socket
import threading
from time import monotonic

import pytest

from support.proc import GROSS_HANG, Process, wait_until

SHAPES = {
    "alone": [],
    "thread": ["--model", "thread"],
    "process": ["--model", "process"],
    "two workers": ["--workers", "2"],
    "two workers of threads": ["--workers", "2", "--model", "thread"],
}
NAMES = {
    "alone": ["web"],
    "thread": ["web"],
    "process": ["web", "web/1", "web/2"],
    "two workers": ["web-1", "web-2"],
    "two workers of threads": ["web-1", "web-2"],
}

OWED = 1.0  # seconds after a request for which its client may ask on; see `LEAST_REST` of the servers


@pytest.fixture(params=SHAPES)
def started(request, nbmon, holiday):
    """A running picture server; its name, and its address."""
    nbmon("start", "--name", "many", "--port", "0", *SHAPES[request.param], holiday)
    view = nbmon.view("many")
    yield request.param, nbmon, ("127.0.0.1", int(view["url"].rstrip("/").rpartition(":")[2]))
    nbmon("stop", "many")


class Visitor(threading.Thread):
    """Asks again and again, over connections that the server may end with an answer, and counts."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address = address
        self.answers = 0
        self.lost = []
        self.stopping = False
        self.may_be_refused = False

    def run(self):
        while not self.stopping:
            try:
                self._visit()
            except (OSError, AssertionError) as error:
                if self.may_be_refused and not self.known:
                    return
                if not self.late:
                    self.lost.append(error)

    def _visit(self):
        self.known = False  # nobody is there yet who would owe an answer
        self.late = False  # a busy machine let it ask on when that was owed no more
        with socket.create_connection(self.address, GROSS_HANG) as sock:
            stays = True
            before = None  # when the request before this one was sent
            while stays and not self.stopping:
                begun = monotonic()
                sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                self.late = before is not None and monotonic() - before >= OWED
                stays = self._answer(sock)
                before, self.known = begun, True
                self.answers += 1

    def _answer(self, sock):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more(sock)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._more(sock)
        return b"connection: close" not in head.lower()

    def _more(self, sock):
        data = sock.recv(65536)
        assert data, "closed without an answer"
        return data


@pytest.fixture
def visitors(started):
    """Four visitors, who have all been answered."""
    made = [Visitor(started[2]) for _ in range(4)]
    for visitor in made:
        visitor.start()
    wait_until(lambda: all(visitor.answers for visitor in made))
    yield made
    for visitor in made:
        visitor.stopping = True
    for visitor in made:
        visitor.join(GROSS_HANG)


def test_status_tells_each_worker_with_its_model(started):
    shape, nbmon, _ = started
    view = nbmon.view("many")
    names = [worker["name"] for worker in view["workers"]]
    kinds = {worker["kind"] for worker in view["workers"] if worker["name"].startswith("web")}
    assert [name for name in names if name.startswith("web")] == NAMES[shape]
    assert kinds == {"process" if shape == "process" else "thread" if "thread" in shape else "coroutine"}
    assert all(Process(worker["pid"]).alive for worker in view["workers"])


def test_a_reload_under_load_loses_no_request(started, visitors):
    _, nbmon, _ = started
    before = {worker["pid"] for worker in nbmon.view("many")["workers"]}
    nbmon("reload", "many")
    wait_until(lambda: not before & {worker["pid"] for worker in nbmon.view("many")["workers"]})
    wait_until(lambda: not any(Process(pid).alive for pid in before))
    count = sum(visitor.answers for visitor in visitors)
    wait_until(lambda: sum(visitor.answers for visitor in visitors) > count + 100)
    assert [visitor.lost for visitor in visitors] == [[], [], [], []]


def test_a_killed_worker_comes_back_and_the_others_go_on(started, visitors):
    _, nbmon, _ = started
    before = nbmon.view("many")
    victim = before["workers"][0]["pid"]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not Process(victim).alive)
    wait_until(
        lambda: [w["state"] for w in nbmon.view("many")["workers"]] == ["running"] * len(before["workers"])
    )
    after = nbmon.view("many")
    assert (after["pid"], after["restarts"]) == (before["pid"], 1)
    assert after["workers"][0]["last_death"].startswith("was killed by SIGKILL")
    count = sum(visitor.answers for visitor in visitors)
    wait_until(lambda: sum(visitor.answers for visitor in visitors) > count + 100)
    assert sum(len(visitor.lost) for visitor in visitors) <= len(visitors)  # those that the victim had


def test_a_killed_child_of_the_process_model_takes_its_own_connections_alone(nbmon, holiday):
    nbmon("start", "--name", "many", "--port", "0", "--model", "process", holiday)
    view = nbmon.view("many")
    visitors = [Visitor(("127.0.0.1", int(view["url"].rstrip("/").rpartition(":")[2]))) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    wait_until(lambda: all(visitor.answers for visitor in visitors))
    os.kill(view["workers"][1]["pid"], signal.SIGKILL)
    count = sum(visitor.answers for visitor in visitors)
    wait_until(lambda: sum(visitor.answers for visitor in visitors) > count + 100)
    for visitor in visitors:
        visitor.stopping = True
        visitor.join(GROSS_HANG)
    assert nbmon.view("many")["workers"][0]["pid"] == view["workers"][0]["pid"]
    assert sum(len(visitor.lost) for visitor in visitors) <= 1
    nbmon("stop", "many")


def test_stop_answers_all_that_is_asked_of_it_and_leaves_no_process(started, visitors):
    """Visitors go on asking; only whom nobody has taken any more may be refused."""
    _, nbmon, _ = started
    view = nbmon.view("many")
    for visitor in visitors:
        visitor.may_be_refused = True
    nbmon("stop", "many")
    for visitor in visitors:
        visitor.join(GROSS_HANG)
    assert [visitor.lost for visitor in visitors] == [[], [], [], []]
    assert not any(Process(pid).alive for pid in [view["pid"], *(w["pid"] for w in view["workers"])])
