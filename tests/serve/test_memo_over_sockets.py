"""Answers from memory as clients see them: small ones beside conversations, large ones from mapped files."""

import fcntl
import os
import socket
import ssl
import sys
import termios

import pytest

from nbmon.http import FileSlice, Limits
from nbmon.pictures import Folder, Pictures
from nbmon.serve import Bounds, Timeouts
from nbmon.serve.bodies import FileCut, Mapped
from nbmon.serve.ledger import Ledger
from nbmon.serve.memo import LARGEST, MAPS, UNUSED, Memo
from serve import test_tls as tls
from serve.memory import HEAD, LAST, OTHER, Shelf, known, old, replaced, ticked
from serve.talk import IN_A_THREAD, Client, serving
from support.proc import wait_until


class Busy(Shelf):
    """As Shelf, with as much content as is remembered, and something that is not."""

    def __init__(self):
        super().__init__()
        self.contents = {b"/a.jpg": bytes(LARGEST), b"/other": b"parsed"}


@pytest.fixture(params=["coroutine"])
def server(request):
    with serving(request.param, Busy()) as server:
        yield server


def test_known_requests_that_are_pipelined_with_others_are_answered_in_order(server):
    with Client(server.address, receive_buffer=4096) as client:
        client.send((HEAD + b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n") * 50)
        assert [len(client.answer()[2]) for _ in range(100)] == [LARGEST, len(b"parsed")] * 50


def test_known_requests_find_a_full_buffer_and_lose_nothing(server):
    """The kernel may take all of one answer and nothing of the next."""
    with Client(server.address, receive_buffer=4096) as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(3):
            client.send(HEAD).answer()
        for _ in range(200):  # 25 MiB, a request a segment, nothing read
            client.send(HEAD)
        assert all(client.answer()[2] == bytes(LARGEST) for _ in range(200))
    assert server.ledger.snapshot().from_memory >= 2


def test_a_known_last_request_ends_its_connection_after_its_answer(server):
    for _ in range(4):
        with Client(server.address, receive_buffer=4096) as client:
            assert client.send(LAST).answer()[2] == bytes(LARGEST)
            assert client.rest() == b""
    wait_until(lambda: not server._connections)
    taken = server.ledger.snapshot()
    assert taken.answers[200, b"image/jpeg"].answers == 4
    assert taken.from_memory >= 2
    assert (taken.accepted, taken.open) == (4, 0)


def test_a_known_last_request_ends_a_conversation_too(server):
    for _ in range(4):
        with Client(server.address) as client:
            client.send(b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n").answer()
            assert client.send(LAST).answer()[2] == bytes(LARGEST)
            assert client.rest() == b""


def test_a_connection_that_only_memory_has_answered_ends_when_it_has_rested(server):
    with serving("coroutine", server._app, timeouts=Timeouts(idle=0.3)) as impatient:
        for _ in range(3):
            with Client(impatient.address) as client:
                assert client.send(HEAD).answer()[2] == bytes(LARGEST)
                assert client.send(HEAD).answer()[2] == bytes(LARGEST)
                assert client.is_closed()


def test_a_known_request_that_comes_in_pieces_is_answered_as_ever(server):
    with Client(server.address) as client:
        for _ in range(4):
            client.send(HEAD).answer()
        client.send(HEAD[:10])
        wait_until(lambda: not any(c.resting for c in server._connections))
        assert client.send(HEAD[10:]).answer()[2] == bytes(LARGEST)
        assert client.send(HEAD).half_close().answer()[2] == bytes(LARGEST)
        assert client.rest() == b""


@pytest.mark.parametrize("model", IN_A_THREAD)
def test_empty_lines_between_known_requests_are_not_counted_together(model):
    with serving(model, Busy()) as server, Client(server.address) as client:
        for _ in range(2 * Limits().leading_lines):
            client.send(HEAD)
            assert client.answer()[0] == 200
            client.send(b"\r\n")
            wait_until(lambda: all(unread(c.fd) == 0 for c in server._connections))
        assert server.ledger.snapshot().from_memory > Limits().leading_lines


def unread(fd):
    """Bytes that have come and were not received (tcp(7), SIOCINQ)."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


# Large files, which are mapped


LARGE = LARGEST * 64  # bytes: more than the kernel takes of one answer


@pytest.fixture
def large(tmp_path, settled):
    """A folder with a large picture, and its server."""
    old(tmp_path / "a.jpg", b"\xff\xd8\xff" + os.urandom(LARGE - 3))
    with Folder(tmp_path) as opened, serving("coroutine", Pictures(opened)) as server:
        yield server


def remembered(server, times=3):
    """What is in the memory after so many requests."""
    with Client(server.address) as client:
        for _ in range(times):
            client.send(HEAD).answer()
    return list(server._memo._known.values())


def test_a_large_file_is_sent_from_the_kernels_memory(large, tmp_path):
    [answer] = remembered(large)
    assert answer.mapped is not None
    assert len(answer.answer) < 1000  # the head alone is ours
    content = (tmp_path / "a.jpg").read_bytes()
    for asked in (HEAD, OTHER, LAST, LAST, LAST):
        with Client(large.address, receive_buffer=4096) as client:
            assert client.send(asked).answer()[2] == content
            assert asked is not LAST or client.rest() == b""
    assert large.ledger.snapshot().answers[200, b"image/jpeg"].content == 8 * LARGE


@pytest.mark.skipif(tls.OPENSSL is None, reason="certificates are made by the openssl program")
def test_a_large_file_goes_from_memory_through_tls_too(tmp_path, settled):
    certificates = tls.Certificates(*tls.make(tmp_path, "here"))
    content = b"\xff\xd8\xff" + os.urandom(LARGE - 3)
    old(tmp_path / "a.jpg", content)
    context = ssl.create_default_context(cafile=str(tmp_path / "here.pem"))
    options = {"certificates": certificates}
    with Folder(tmp_path) as opened, serving("coroutine", Pictures(opened), **options) as server:
        for asked in (HEAD, HEAD, HEAD, HEAD, LAST, LAST, LAST):
            with Client(server.address) as client:
                client.sock = context.wrap_socket(client.sock, server_hostname="127.0.0.1")
                assert client.send(asked).answer()[2] == content


@pytest.mark.parametrize("change", ["truncate", "write"])
def test_a_large_file_that_changes_while_it_is_sent_ends_its_connection(large, tmp_path, change):
    """Neither SIGBUS nor a mixture: send(2) fails where the mapped file has become shorter."""
    assert remembered(large)[0].mapped is not None
    with Client(large.address, receive_buffer=4096) as client:
        client.send(HEAD).head()
        with (tmp_path / "a.jpg").open("r+b") as file:
            file.truncate(LARGEST) if change == "truncate" else file.write(b"\xff\xd8\xffother")
        with pytest.raises(AssertionError, match="closed with"):
            client.body(LARGE)


def test_a_file_that_changes_under_sendfile_ends_its_connection(large, tmp_path):
    bounds = Bounds(mapped_bytes=1)
    with serving("coroutine", large._app, bounds=bounds) as server:
        assert remembered(server) == []
        with Client(server.address, receive_buffer=4096) as client:
            client.send(HEAD).head()
            with (tmp_path / "a.jpg").open("r+b") as file:
                file.write(b"\xff\xd8\xffother")
            with pytest.raises(AssertionError, match="closed with"):
                client.body(LARGE)


def test_a_large_file_whose_name_goes_to_another_is_sent_to_its_end(large, tmp_path):
    content = (tmp_path / "a.jpg").read_bytes()
    assert remembered(large)[0].mapped is not None
    with Client(large.address, receive_buffer=4096) as client:
        client.send(HEAD).head()
        replaced(tmp_path / "a.jpg")
        assert client.body(LARGE) == content


def test_the_kernel_fails_a_send_from_what_a_file_has_lost(tmp_path):
    """What sending from a mapping rests on: an error, not a signal."""
    (tmp_path / "file").write_bytes(bytes(LARGE))
    with (tmp_path / "file").open("r+b") as file:
        mapped = Mapped(FileSlice(file, 0, LARGE))
        file.truncate(0)
        one, other = socket.socketpair()
        with one, other, pytest.raises(OSError, match="Bad address"):
            one.send(mapped.view)
        with pytest.raises(FileCut):
            mapped.check()


def test_mapped_files_are_few_and_let_go_when_nobody_asks(tmp_path, settled):
    with Folder(tmp_path) as opened:
        memo = ticked(Memo(Pictures(opened), Ledger()))
        for n in range(MAPS + 5):
            old(tmp_path / f"{n}.jpg", bytes(LARGEST + 1))
            assert known(memo, b"GET /%d.jpg HTTP/1.1\r\nHost: x\r\n\r\n" % n).mapped is not None
        assert MAPS - 2 <= len(memo._maps) <= MAPS
        for _ in range(UNUSED + 1):
            ticked(memo)
        assert (len(memo._maps), memo.size) == (0, 0)
