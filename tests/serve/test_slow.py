"""Answers that are made while clients wait, in every model."""

import os
import signal
import time

import pytest

from nbmon.serve import Bounds, Timeouts
from serve.slowly import SlowApplication
from support.proc import wait_until

ONE = Bounds(threads=1, processes=1)
LONG = 3600.0  # seconds


@pytest.fixture
def app(tmp_path):
    return SlowApplication(tmp_path)


@pytest.fixture
def said_to(app):
    """Say a word to all that listen."""
    held = []
    yield lambda name, word=b".": held.append(app.words.say(name, word))
    for fd in held:
        os.close(fd)


def closed(app):
    return sorted(app.words.closed())


def test_who_waits_for_a_later_answer_keeps_nobody_else_waiting(serve, connect, app, said_to):
    server = serve(bounds=ONE)
    waiting = [connect(server).get("/later") for _ in range(5)]
    assert connect(server).get().answer()[2] == b"here"
    assert all(client.hears_nothing() for client in waiting)
    said_to("later", b".....")
    assert [client.answer()[2] for client in waiting] == [b"at last"] * 5
    wait_until(lambda: closed(app) == ["later"] * 5)
    assert [client.get().answer()[2] for client in waiting] == [b"here"] * 5


def test_a_later_answer_may_be_put_off_again(serve, connect, app, said_to):
    client = connect(serve()).get("/later")
    said_to("later", b"wwn")
    said_to("next")
    assert client.answer()[2] == b"at last"
    wait_until(lambda: closed(app) == ["later", "next"])


def test_what_is_asked_behind_a_later_answer_comes_after_it(serve, connect, app, said_to):
    client = connect(serve()).get("/later").get("/other")
    assert client.hears_nothing()
    said_to("later")
    assert [client.answer()[2] for _ in range(2)] == [b"at last", b"here"]


def test_a_later_answer_that_fails_is_a_500(serve, connect, app, said, said_to):
    server = serve()
    client = connect(server).get("/later")
    said_to("later", b"e")
    status, _, body = client.answer()
    assert status == 500
    assert b"secret" not in body
    wait_until(lambda: closed(app) == ["later"])
    assert "secret" in said(server)
    assert client.get().answer()[2] == b"here"


def test_a_later_answer_may_be_a_stream(serve, connect, app, said_to):
    client = connect(serve()).get("/later_stream")
    said_to("later")
    said_to("spoken", b"word$")
    assert client.head()[1]["transfer-encoding"] == "chunked"
    assert client.chunked() == b"word"
    wait_until(lambda: closed(app) == ["later", "spoken"])


def test_nobody_makes_an_answer_for_a_client_that_has_gone(serve, connect, app):
    server = serve()
    client = connect(server).get("/later")
    wait_until((app.words.folder / "later").exists)
    client.sock.close()
    wait_until(lambda: closed(app) == ["later"])
    wait_until(lambda: server.connections() == 0)


def test_a_half_closed_client_gets_its_later_answer(serve, connect, app, said_to):
    """HTTP/1.1: it is asked by an interim answer whether it is still there."""
    client = connect(serve()).get("/later").half_close()
    assert client.head()[0] == 102
    said_to("later")
    assert client.answer()[2] == b"at last"
    assert client.rest() == b""


def test_a_half_closed_client_of_http_1_0_gets_no_interim_answer(serve, connect, app, said_to):
    client = connect(serve()).send(b"GET /later HTTP/1.0\r\n\r\n").half_close()
    wait_until((app.words.folder / "later").exists)
    said_to("later")
    assert client.answer()[2] == b"at last"
    assert client.rest() == b""


def test_a_server_that_stops_waits_for_later_answers(serve, connect, app, said_to):
    server = serve(timeouts=Timeouts(drain=LONG))
    client = connect(server).get("/later")
    wait_until((app.words.folder / "later").exists)
    server.stop()
    wait_until(server.has_heard_stop)
    said_to("later")
    status, fields, body = client.answer()
    assert (status, body, fields["connection"]) == (200, b"at last", "close")
    assert server.has_ended()


def test_a_later_answer_that_outlasts_the_drain_is_let_go(serve, connect, app):
    server = serve(timeouts=Timeouts(drain=0.3))
    client = connect(server).get("/later")
    wait_until((app.words.folder / "later").exists)
    server.stop()
    assert server.has_ended()
    assert client.is_closed()


# Streams


@pytest.mark.parametrize("path", ["/plain", "/sized"])
def test_a_stream_is_sent_whole_and_the_connection_lives_on(serve, connect, app, path):
    client = connect(serve())
    for _ in range(2):
        status, fields = client.get(path).head()
        assert status == 200
        if path == "/plain":
            assert fields["transfer-encoding"] == "chunked"
            assert "content-length" not in fields
            assert len(client.chunked()) == 3 + 65536
        else:
            assert len(client.body(int(fields["content-length"]))) == 100 * 65536
    wait_until(lambda: closed(app) == ["plain"] * 2)


def test_a_stream_of_unknown_length_ends_with_the_connection_for_http_1_0(serve, connect, app):
    client = connect(serve()).send(b"GET /plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    _, fields = client.head()
    assert fields["connection"] == "close"
    assert "transfer-encoding" not in fields
    assert len(client.rest()) == 3 + 65536


@pytest.mark.parametrize("path", ["/plain", "/sized", "/spoken5"])
def test_head_of_a_stream_is_gets_head(serve, connect, app, said_to, path):
    client = connect(serve())
    _, of_head = client.get(path, method="HEAD").head()
    _, of_get = client.get(path).head()
    assert of_head | {"date": ""} == of_get | {"date": ""}
    said_to("spoken", b"words$")


def test_a_bodiless_answer_sends_nothing_of_its_stream(serve, connect, app):
    client = connect(serve()).get("/bodiless")
    status, fields = client.head()
    assert (status, "transfer-encoding" in fields) == (304, False)
    assert client.get().answer()[2] == b"here"
    wait_until(lambda: closed(app) == ["plain"])


def test_a_stream_sends_its_pieces_as_they_come(serve, connect, app, said_to):
    server = serve(bounds=ONE)
    client = connect(server).get("/spoken")
    client.head()
    for word in (b"one", b"another"):
        said_to("spoken", word)
        assert client.chunk() == word
        assert connect(server).get().answer()[2] == b"here"
    said_to("spoken", b"$")
    assert client.chunk() == b""
    assert client.get().answer()[2] == b"here"


def test_an_idle_stream_is_no_slow_reader(serve, connect, app, said_to):
    server = serve(timeouts=Timeouts(send_window=0.2, send_rate=1e9, idle=0.2, head=0.2))
    client = connect(server).get("/spoken")
    client.head()
    other = connect(server)
    assert other.is_closed()  # by the idle time: the stream's connection has lived through it, too
    said_to("spoken", b"word$")
    assert client.chunked() == b"word"


def test_a_reader_that_takes_nothing_of_a_stream_is_cut(serve, connect, app):
    server = serve(timeouts=Timeouts(send_window=0.3))
    client = connect(server, receive_buffer=4096).get("/endless")
    wait_until(lambda: closed(app) == ["plain"])
    wait_until(lambda: server.connections() == 0)
    del client


def test_a_reader_of_an_endless_stream_that_goes_is_noticed(serve, connect, app, said_to):
    server = serve()
    client = connect(server).get("/spoken")
    client.head()
    said_to("spoken", b"word")
    assert client.chunk() == b"word"
    time.sleep(0.15)  # whoever ends its side sooner may be half-closed, and is waited for
    client.sock.close()
    wait_until(lambda: closed(app) == ["spoken"])


def test_one_that_half_closes_behind_its_request_gets_its_stream(serve, connect, app, said_to):
    client = connect(serve()).get("/spoken").half_close()
    client.head()
    said_to("spoken", b"word$")
    assert client.chunked() == b"word"
    assert client.rest() == b""


def test_a_server_that_stops_ends_streams_that_have_no_end(serve, connect, app, said_to):
    server = serve(timeouts=Timeouts(drain=LONG))
    client = connect(server).get("/spoken")
    client.head()
    said_to("spoken", b"word")
    assert client.chunk() == b"word"
    server.stop()
    assert client.chunk() == b""
    assert server.has_ended()
    assert closed(app) == ["spoken"]


@pytest.mark.parametrize("model", ["process"], indirect=True)
def test_a_reload_ends_the_streams_of_old_children(serve, connect, app, said_to):
    server = serve()
    client = connect(server)
    client.get("/spoken").head()
    os.kill(server.pid, signal.SIGHUP)
    assert client.chunk() == b""
    assert client.get().answer()[2] == b"here"


def test_a_server_that_stops_sends_streams_of_known_length_whole(serve, connect, app, said_to):
    server = serve(timeouts=Timeouts(drain=LONG))
    client = connect(server).get("/spoken5")
    client.head()
    server.stop()
    wait_until(server.has_heard_stop)
    said_to("spoken", b"words$")
    assert client.body(5) == b"words"
    assert server.has_ended()


@pytest.mark.parametrize("path", ["/long", "/short"])
def test_a_stream_that_breaks_its_promise_ends_its_connection(serve, connect, app, said, path):
    server = serve()
    client = connect(server).get(path)
    client.head()
    assert client.rest() in (b"", b"abc")
    wait_until(lambda: "a stream of 5 bytes gave" in said(server))
    assert closed(app) == ["plain"]


def test_a_stream_that_neither_gives_nor_waits_ends_its_connection(serve, connect, app, said):
    server = serve()
    client = connect(server).get("/idle")
    client.head()
    assert client.rest() == b"3\r\nabc\r\n"
    wait_until(lambda: "neither a piece nor a descriptor" in said(server))


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_nobody_takes_a_stream_that_failed_for_whole(serve, connect, app, said_to, version):
    client = connect(serve()).send(f"GET /spoken HTTP/{version}\r\nHost: x\r\n\r\n".encode())
    client.head()
    said_to("spoken", b"word")
    assert client.chunk() == b"word" if version == "1.1" else client.body(4) == b"word"
    said_to("spoken", b"!")
    if version == "1.1":
        assert client.rest() == b""  # and no last chunk
    else:
        with pytest.raises(ConnectionResetError):
            client.rest()
    wait_until(lambda: closed(app) == ["spoken"])


def test_what_a_stream_sent_is_counted(serve, connect, app, model):
    if model == "process":
        pytest.skip("its counts are another process's; see test_metrics")
    server = serve()
    client = connect(server).get("/plain")
    client.head()
    client.chunked()
    wait_until(lambda: [c.content for c in server.ledger.snapshot().answers.values()] == [3 + 65536])
