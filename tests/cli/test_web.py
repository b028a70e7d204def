"""`nbmon web` as a process of its own, asked as a browser asks."""

from __future__ import annotations

import http.client
import re
import signal
import socket
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from cli.test_top import TREES
from support.proc import GROSS_HANG, wait_until


class Web:
    def __init__(self, process):
        self.process = process
        self.address = process.stdout.readline().strip()
        parts = urlsplit(self.address)
        self.port, self.path = parts.port, parts.path
        self.cookie = None

    def ask(self, path="", method="GET", **fields):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GROSS_HANG)
        own = {"Cookie": self.cookie} if self.cookie else {}
        connection.request(method, self.path + path, headers={**own, **fields})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def log_in(self):
        answer, _ = self.ask("?" + urlsplit(self.address).query)
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]


@contextmanager
def web(nbmon, *words):
    process = nbmon.background("web", *words)
    try:
        yield Web(process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def demo(nbmon):
    (nbmon.cwd / "trees.py").write_text(TREES)
    nbmon("start", "trees:tree", "--name", "demo")
    return nbmon


def test_who_has_the_address_sees_the_table_and_nobody_else_does(demo):
    with web(demo) as page:
        assert page.ask()[0].status == 403
        assert page.ask("?token=wrong")[0].status == 403
        page.log_in()
        answer, text = page.ask()
        assert answer.status == 200
        assert {"demo/web-1", "demo/watch", "demo/feed"} <= set(re.findall(r'data-key="([^"]+)"', text))
        assert page.ask(Host="evil.example")[0].status == 421


def test_it_listens_on_this_machine_alone(nbmon):
    with web(nbmon) as page:
        with open("/proc/net/tcp") as file:
            local = [line.split()[1] for line in file if line.split()[3] == "0A"]
        assert f"0100007F:{page.port:04X}" in local
        assert f"00000000:{page.port:04X}" not in local


def test_a_worker_is_restarted_by_a_form_without_any_script(demo):
    with web(demo) as page:
        page.log_in()
        pid = demo.view("demo")["workers"][0]["pid"]
        what = "do=restart&service=demo&worker=web-1"
        _, text = page.ask(f"ask?{what}")
        action = re.search(r'action="([^"]+)"', text)[1].replace("&amp;", "&")
        assert page.ask(f"do?{what}&csrf=wrong", "POST")[0].status == 403
        assert page.ask(action, "POST", Origin="http://evil.example")[0].status == 403
        answer, _ = page.ask(action, "POST", Origin=f"http://127.0.0.1:{page.port}")
        assert (answer.status, answer.headers["Location"]) == (303, "./")
        wait_until(lambda: "restart demo/web-1: done" in page.ask("rows")[1], what="it is restarted")
        assert demo.view("demo")["workers"][0]["pid"] != pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_when_it_is_asked_to(nbmon, number):
    with web(nbmon) as page:
        page.log_in()
        page.process.send_signal(number)
        assert page.process.wait(GROSS_HANG) == 0
        assert page.process.stderr.read() == ""


def test_a_taken_port_is_said_and_another_proposed(nbmon):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = nbmon("web", "--port", port, code=1)
        assert f"{port}" in done.stderr
        assert "--port" in done.stderr
        assert "Traceback" not in done.stderr
