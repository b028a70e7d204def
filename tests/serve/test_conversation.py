"""What a client sees of a healthy server, in every model, over real sockets."""

import socket
import threading

import pytest

from nbmon.http import Limits
from nbmon.serve import Timeouts
from nbmon.serve.ledger import Ledger
from support.proc import wait_until

SMALL = bytes(range(256)) * 16


def test_a_request_is_answered_and_the_connection_lives_on(serve, connect):
    client = connect(serve())
    for _ in range(3):
        status, fields, body = client.get().answer()
        assert (status, body) == (200, SMALL)
        assert fields["content-type"] == "image/jpeg"
        assert fields["date"].endswith(" GMT")
        assert "connection" not in fields


def test_head_gives_gets_head_without_its_body(serve, connect, app):
    server = serve()
    client = connect(server)
    for name in ("/small", "/file", "/bigfile", "/parts"):
        of_get = client.get(name).answer()
        status, of_head = client.get(name, method="HEAD").head()
        assert (status, of_head | {"date": ""}) == (of_get[0], of_get[1] | {"date": ""})
    assert client.get("/small").answer()[2] == SMALL  # nothing of a body came in between
    wait_until(lambda: not server.open_files(app))


def test_a_bodiless_answer_leaves_the_connection_in_step(serve, connect):
    client = connect(serve())
    assert client.get("/empty").answer()[0] == 204
    assert client.get().answer()[2] == SMALL


@pytest.mark.parametrize("name", ["file", "bigfile", "large"])
def test_all_of_a_body_is_sent(serve, connect, app, name):
    expected = {"file": SMALL, "bigfile": SMALL * 512, "large": SMALL * 4096}[name]
    server = serve()
    client = connect(server)
    for _ in range(2):
        assert client.get("/" + name).answer()[2] == expected
    wait_until(lambda: not server.open_files(app))


def test_a_body_of_several_parts_is_sent_in_order(serve, connect, app):
    server = serve()
    client = connect(server)
    expected = b"--x\r\n\r\n" + SMALL + b"\r\n--x\r\n\r\n" + (SMALL * 512)[7:] + b"\r\n--x--"
    assert client.get("/parts").answer()[2] == expected
    wait_until(lambda: not server.open_files(app))


def test_a_thousand_pipelined_requests_are_answered_in_order(serve, connect, app):
    client = connect(serve())
    many = b"".join(b"GET /small?%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(1000))
    sender = threading.Thread(target=client.send, args=(many,))
    sender.start()
    assert all(client.answer()[2] == SMALL for _ in range(1000))
    sender.join()
    assert app.requests == [b"/small?%d" % n for n in range(1000)]


def test_a_pipelining_client_that_does_not_read_is_read_no_further(serve, connect, app):
    client = connect(serve(), receive_buffer=4096)
    client.sock.setblocking(False)
    sent = 0
    with pytest.raises(BlockingIOError):  # the kernel's buffers are full, and stay so
        while sent < 100_000_000:
            sent += client.sock.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
    assert len(app.requests) < 10


def test_one_byte_at_a_time_is_a_request_too(serve, connect):
    client = connect(serve())
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n":
        client.send(bytes((byte,)))
    assert client.answer()[2] == SMALL


def test_a_half_closed_client_gets_all_of_its_answers(serve, connect):
    client = connect(serve())
    client.get().get("/bigfile").half_close()
    assert client.answer()[2] == SMALL
    assert client.answer()[2] == SMALL * 512
    assert client.rest() == b""


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]
)
def test_a_client_that_wants_to_close_sees_the_end(serve, connect, request_):
    client = connect(serve()).send(request_)
    status, fields, body = client.answer()
    assert (status, fields["connection"], body) == (200, "close", SMALL)
    assert client.rest() == b""


def test_a_client_that_reads_slowly_gets_all(serve, connect):
    client = connect(serve(), receive_buffer=4096)
    client.get("/large")
    _, fields = client.head()
    length, got = int(fields["content-length"]), len(client.buffer)
    while got < length:
        got += len(client.sock.recv(9000))
    assert got == length


def test_many_clients_at_once_are_served(serve, connect, model):
    """None of them reads before all have asked: in the process model each holds a process meanwhile."""
    server = serve()
    clients = [connect(server) for _ in range(60 if model == "process" else 200)]
    for client in clients:
        client.get("/bigfile")
    for client in reversed(clients):
        client.get("/small")
    for client in clients:
        assert client.answer()[2] == SMALL * 512
    for client in clients:
        assert client.answer()[2] == SMALL


def test_a_slow_reader_does_not_hold_up_another_client(serve, connect):
    server = serve()
    slow = connect(server, receive_buffer=4096).get("/large")
    quick = connect(server)
    for _ in range(5):
        assert quick.get("/bigfile").answer()[2] == SMALL * 512
    assert len(slow.answer()[2]) == len(SMALL) * 4096


@pytest.mark.parametrize("host", ["::1", "unix:"])
def test_other_transports_carry_the_same(serve, host, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        server = serve(host="unix:s.sock" if host == "unix:" else host)
    except Exception as error:
        pytest.skip(f"this machine has no such transport: {error}")
    family = socket.AF_UNIX if host == "unix:" else socket.AF_INET6
    with socket.socket(family) as client:
        client.settimeout(30)
        client.connect(server.address)
        client.sendall(b"GET /bigfile HTTP/1.0\r\n\r\n")
        got = b"".join(iter(lambda: client.recv(65536), b""))
    assert got.endswith(SMALL * 512)


# What is no acceptable request


def test_a_refused_client_is_told_and_then_closed(serve, connect):
    client = connect(serve()).send(b"GET / HTTP/1.1\r\n\r\n")
    status, fields, _ = client.answer()
    assert (status, fields["connection"]) == (400, "close")
    assert client.rest() == b""


class Noting(Ledger):
    """Writes down what it is told in whichever process it is."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def refused(self, reason):
        with self.path.open("a") as file:
            file.write(reason + "\n")

    def answered(self, record, kind):
        with self.path.open("a") as file:
            file.write(f"{record.status}\n")


def test_a_refusal_is_counted_with_its_reason_once(serve, connect, tmp_path):
    server = serve(ledger=Noting(tmp_path / "told"))
    connect(server).send(b"GET / HTTP/1.1\r\n\r\n").half_close().rest()
    wait_until(lambda: not server.connections())
    told = (tmp_path / "told").read_text().splitlines()
    assert sorted(told) == ["400", "HTTP/1.1 asks for a Host field; there is none."]


def test_a_refusal_reaches_a_client_that_goes_on_sending(serve, connect):
    """Closing with bytes unread would have TCP reset the connection, and the client lose the answer."""
    client = connect(serve(limits=Limits(head_bytes=1000)))
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 20_000)
    status, _, _ = client.answer()
    assert status == 431
    client.send(b"a: b\r\n" * 20_000).half_close()
    assert client.rest() == b""


def test_a_request_whose_content_is_too_long_is_answered_then_closed(serve, connect):
    client = connect(serve(limits=Limits(body_bytes=10)))
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + b"y" * 500_000)
    status, fields, body = client.answer()
    assert (status, fields["connection"], body) == (200, "close", SMALL)
    client.half_close()
    assert client.rest() == b""


def test_a_refused_client_that_never_stops_sending_is_cut(serve, connect):
    client = connect(serve(timeouts=Timeouts(linger=0.3)))
    client.send(b"nonsense\r\n\r\n")
    with pytest.raises(OSError):
        while True:
            client.send(b"x" * 65536)


def test_a_refused_client_that_neither_sends_nor_closes_is_closed(serve, connect):
    server = serve(timeouts=Timeouts(linger=0.3))
    client = connect(server).send(b"nonsense\r\n\r\n")
    assert client.answer()[0] == 400
    wait_until(lambda: not server.connections())


# An application that fails


def test_an_application_that_raises_gives_500_and_the_connection_lives_on(serve, connect):
    client = connect(serve())
    status, _, body = client.get("/fails").answer()
    assert status == 500
    assert b"secret" not in body
    assert client.get().answer()[2] == SMALL


def test_an_application_without_descriptors_gives_503_and_says_when_to_come_again(serve, connect):
    client = connect(serve())
    status, fields, _ = client.get("/busy").answer()
    assert (status, fields["retry-after"]) == (503, "2")
    assert client.get().answer()[2] == SMALL


def test_the_failure_is_logged_with_its_traceback_in_lines_that_cannot_be_forged(serve, connect, said):
    server = serve()
    connect(server).get("/fails").answer()
    _, *others = said(server).split("\n")
    assert "GET /fails" in said(server).split("\n")[0]
    assert any("RuntimeError" in line for line in others)
    assert all(line.startswith("  | ") for line in others if line)
    assert "\x1b" not in said(server)


def test_an_answer_that_cannot_be_sent_gives_500_and_closes_its_file(serve, connect, app):
    server = serve()
    client = connect(server).get("/broken")
    status, fields, _ = client.answer()
    assert (status, fields["connection"]) == (500, "close")
    assert "set-cookie" not in fields
    assert client.rest() == b""
    wait_until(lambda: not server.open_files(app))


@pytest.mark.parametrize("name", ["cut", "smallcut"])
def test_a_file_that_became_shorter_ends_its_connection_alone(serve, connect, app, said, name):
    server = serve()
    other = connect(server).get()
    client = connect(server).get("/" + name)
    got = client.rest()
    assert len(got) < 300 + len(SMALL) * 512
    assert other.answer()[2] == SMALL
    assert other.get().answer()[2] == SMALL
    wait_until(lambda: not server.open_files(app))
    assert "became shorter" in said(server)


def test_a_client_that_goes_away_in_the_middle_is_no_matter(serve, connect, app, said):
    server = serve()
    for name in ("/bigfile", "/large", "/parts"):
        connect(server, receive_buffer=4096).get(name).sock.close()
    wait_until(lambda: not server.connections())
    assert connect(server).get().answer()[2] == SMALL
    wait_until(lambda: not server.open_files(app))
    assert said(server) == ""
