"""The case table of HTTP/1.1 over real sockets, in every model."""

import re

import pytest

from nbmon.http import Representation, answer
from serve.talk import SERVERS, Client, serving
from support.http_cases import CASES, HALF_CLOSED

HELLO = Representation(5, b"text/plain", b'"tag"', 0)
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module", params=SERVERS)
def address(request):
    with serving(request.param, lambda asked: answer(asked, HELLO, lambda: b"hello")) as server:
        yield server.address


def statuses(received):
    return tuple(int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case(address, case):
    with Client(address) as client:
        client.send(case.raw)
        if not case.closed:
            client.send(LAST)  # the connection lives: this is answered too
        assert statuses(client.rest()) == (case.statuses if case.closed else (*case.statuses, 200))


@pytest.mark.parametrize("case", HALF_CLOSED, ids=lambda case: case.name)
def test_the_half_closed_case(address, case):
    with Client(address) as client:
        client.send(case.raw).half_close()
        assert statuses(client.rest()) == case.statuses
