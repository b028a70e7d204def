"""A server that stops, while its clients go on asking, loses none of what they ask."""

import contextlib
import threading
import time

import pytest

from nbmon.serve import Timeouts
from serve.talk import Client
from support.proc import GROSS_HANG, wait_until

LONG = 3600.0  # seconds
SMALL = bytes(range(256)) * 16


def test_one_whose_answer_did_not_say_that_it_was_the_last_may_ask_once_more(serve, connect):
    """The server was stopped between its head and its end."""
    server = serve(timeouts=Timeouts(drain=LONG, idle=LONG))
    client = connect(server, receive_buffer=4096).get("/hugefile")
    _, fields = client.head()
    assert "connection" not in fields
    server.stop()
    wait_until(server.has_heard_stop)
    client.body(int(fields["content-length"]))
    time.sleep(0.5)  # as a busy machine may take until it asks on; a whole second is granted
    status, fields, _ = client.get().answer()
    assert (status, fields["connection"]) == (200, "close")
    assert client.rest() == b""
    assert server.has_ended()


class Asker(threading.Thread):
    """Asks again and again until an answer says that it was the last; `fault` is what went wrong."""

    def __init__(self, address, paths):
        super().__init__(daemon=True)
        self.address = address
        self.answers = 0
        self.fault = None
        self._paths = paths
        self.start()

    def run(self):
        try:
            with Client(self.address) as client:
                while not self._ask(client):
                    pass
        except (OSError, AssertionError) as error:
            self.fault = error

    def _ask(self, client):
        status, fields, _ = client.get(self._paths[self.answers % len(self._paths)]).answer()
        assert status in (200, 206)
        self.answers += 1
        return fields.get("connection") == "close"


@pytest.mark.parametrize("paths", [["/small"], ["/file", "/bigfile", "/parts", "/small"]])
def test_a_server_that_stops_under_load_answers_all_that_was_asked(serve, app, paths):
    for path in paths:
        getattr(app, "_" + path[1:])(None)  # its files are there now
    server = serve(timeouts=Timeouts(drain=LONG))
    askers = [Asker(server.address, paths) for _ in range(8)]
    wait_until(lambda: all(asker.fault or asker.answers > len(paths) for asker in askers))
    server.stop()
    for asker in askers:
        asker.join(GROSS_HANG)
    assert [asker.fault for asker in askers] == [None] * 8
    assert server.has_ended()


def test_a_client_that_pipelines_on_and_on_gets_all_of_its_last_answers(serve, connect):
    """Closing with its further requests unread would reset the connection, and lose what is on its way."""
    server = serve(timeouts=Timeouts(drain=GROSS_HANG, linger=GROSS_HANG))
    client = connect(server, receive_buffer=4096).get("/large")
    _, fields = client.head()
    client.sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:  # far more than is read ahead
            client.sock.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
    client.sock.settimeout(GROSS_HANG)
    server.stop()
    wait_until(server.has_heard_stop)
    client.body(int(fields["content-length"]))
    status, fields, body = client.answer()
    assert (status, fields["connection"], body) == (200, "close", SMALL)
    assert client.half_close().rest() == b""
