"""Answers from memory: the full path's, bit for bit, never of a file that has changed, and all counted."""

import os
import socket
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbmon.http import FileSlice, Request, Response, Session, imf_date
from nbmon.pictures import Folder, Pictures
from nbmon.serve import Bounds, Timeouts
from nbmon.serve.bodies import FileCut, Mapped, close_files, read_body
from nbmon.serve.ledger import Ledger
from nbmon.serve.memo import HEADS, LARGEST, MAPS, OVERHEAD, SEEN, UNUSED, Memo
from serve import test_tls as tls
from serve.talk import Client, serving
from support.http_cases import CASES
from support.proc import wait_until

DATE = imf_date(784111777)
LATER = imf_date(784111778)
OLD = 1_000_000_000  # seconds since 1970
HEAD = b"GET /a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"
OTHER = b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n"
LAST = b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
RANGE = b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nRange: bytes=1-3\r\n\r\n"


class Shelf:
    """An application of plain values, whose state is what the test says."""

    def __init__(self):
        self.contents = {b"/a.jpg": b"one"}
        self.states = {b"/a.jpg": 1}
        self.asked = self.looked = 0

    def __call__(self, request):
        self.asked += 1
        body = self.contents.get(request.path)
        return Response(404) if body is None else Response(200, [(b"Content-Type", b"image/jpeg")], body)

    def state_of(self, request):
        self.looked += 1
        return self.states.get(request.path)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def memo(shelf, ledger):
    return ticked(Memo(shelf, ledger))


def ticked(memo, date=DATE):
    memo.tick(date, 784111777.0)
    return memo


def known(memo, data, times=3):
    """What the memo says when it is asked so often."""
    return [memo.recall(data) for _ in range(times)][-1]


def by_full_path(app, data, date=DATE):
    """The whole answer as a driver gives it, and whether the connection ends; None for what is no request."""
    session = Session()
    session.receive(data)
    request = session.next_event()
    if not isinstance(request, Request):
        return None
    response = app(request)
    try:
        head = session.respond(response, date)
        whole = head + (read_body(response.body) if session.body_wanted else b"")
    finally:
        close_files(response)
    session.sent()
    return whole, not request.keep_alive, session.idle


def test_what_is_asked_for_again_is_remembered(memo, shelf):
    assert memo.recall(HEAD) is None
    assert memo.recall(HEAD).answer == by_full_path(shelf, HEAD)[0]
    assert memo.recall(HEAD) is memo.fresh[HEAD]


def test_what_is_asked_for_once_leaves_nothing_behind(memo):
    for n in range(100):
        assert memo.recall(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n) is None
    assert memo.size == 0


def test_another_plain_head_gets_the_same_answer_without_the_application(memo, shelf):
    known(memo, HEAD)
    asked = shelf.asked
    assert memo.recall(OTHER).answer == by_full_path(shelf, OTHER)[0]
    assert shelf.asked == asked + 1  # by the line above


def test_a_closing_request_is_remembered_apart(memo, shelf):
    assert known(memo, LAST).closes
    assert known(memo, LAST).answer == by_full_path(shelf, LAST)[0]
    assert not known(memo, HEAD).closes
    assert set(memo.fresh) == {HEAD}
    assert set(memo.fresh_last) == {LAST}


def test_a_field_that_the_application_heeds_keeps_answers_apart(shelf, ledger):
    shelf.heeds = (b"cookie",)
    memo = ticked(Memo(shelf, ledger))
    assert known(memo, HEAD) is not known(memo, OTHER)


@pytest.mark.parametrize("change", [2, None])
def test_a_changed_state_is_seen_with_the_next_second(memo, shelf, change):
    known(memo, HEAD)
    shelf.contents[b"/a.jpg"], shelf.states[b"/a.jpg"] = b"two", change
    ticked(memo)
    assert HEAD not in memo.fresh
    again = memo.recall(HEAD)
    assert again is None or again.answer.endswith(b"two")


def test_within_a_second_the_application_is_not_asked_again(memo, shelf):
    known(memo, HEAD)
    looked = shelf.looked
    known(memo, HEAD, 100)
    assert shelf.looked == looked
    ticked(memo)
    known(memo, HEAD, 100)
    assert shelf.looked == looked + 1


def test_the_date_is_the_present_second_s(memo):
    assert DATE in known(memo, HEAD).answer
    ticked(memo, LATER)
    answer = memo.recall(HEAD).answer
    assert LATER in answer
    assert DATE not in answer


def test_a_state_that_changes_while_the_answer_is_made_is_not_remembered(memo, shelf):
    def change(request):
        shelf.states[b"/a.jpg"] += 1
        return Response(200, [], b"mixed")

    memo._app = change
    assert known(memo, HEAD, 5) is None


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, [], bytes(LARGEST + 1)),
        Response(503, [], b"busy"),
        Response(404),
        Response(200, [(b"X", b"a\r\nb")], b"broken"),
    ],
    ids=lambda r: str(r.status),
)
def test_an_answer_unfit_for_memory_is_asked_for_once_a_second_at_most(memo, shelf, answer):
    memo._app = lambda request: (setattr(shelf, "asked", shelf.asked + 1), answer)[1]
    for second in range(3):
        assert known(memo, HEAD, 10) is None
        assert shelf.asked <= second + 1
        ticked(memo)


def test_what_was_unfit_is_remembered_once_it_is_fit(memo, shelf):
    memo._app = lambda request: Response(503)
    assert known(memo, HEAD) is None
    memo._app = shelf
    assert known(memo, HEAD) is None
    ticked(memo)
    assert known(memo, HEAD) is not None


def test_an_application_that_fails_is_left_to_the_full_path(memo, shelf):
    memo._app = lambda request: 1 / 0
    assert known(memo, HEAD, 5) is None
    memo._app, memo._state_of = shelf, lambda request: 1 / 0
    assert known(memo, OTHER, 5) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /a.jpg HTTP/1.1\r\n",
        HEAD + HEAD,
        HEAD + b"GET",
        b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
        b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
        b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nCookie: " + b"x" * 4096 + b"\r\n\r\n",
        b"POST /a.jpg HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_not_one_usual_request_is_not_remembered(memo, shelf, data):
    shelf.contents[b"/a.jpg"] = b"one"
    memo._app = lambda request: shelf(request) if request.method != "POST" else Response(405)
    assert known(memo, data, 5) is None


def test_without_a_state_there_is_no_memory(ledger):
    memo = ticked(Memo(lambda request: Response(200), ledger))
    assert known(memo, HEAD, 5) is None


def test_memory_is_bounded_and_the_unused_goes_first(shelf, ledger):
    size = 10_000
    memo = ticked(Memo(shelf, ledger, most=20 * size))
    for n in range(50):
        path = b"/%d" % n
        shelf.contents[path], shelf.states[path] = bytes(size), 1
        assert known(memo, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path) is not None
        ticked(memo)
        asked = shelf.asked
        assert memo.recall(b"GET /0 HTTP/1.1\r\nHost: x\r\n\r\n") is not None
        assert shelf.asked == asked  # the first is used all the time, and stays
        assert memo.size <= 20 * size
        assert sum(len(k.answer) for k in memo._known.values()) <= memo.size
    assert len(memo._known) > 10
    memo.forget_all()
    assert (memo.size, memo.fresh, memo._by_head) == (0, {}, {})
    assert known(memo, HEAD, 5) is None


def test_heads_that_are_never_the_same_are_not_kept(memo, shelf):
    known(memo, HEAD)
    size = memo.size
    for n in range(3 * SEEN):
        assert memo.recall(b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nCookie: %d\r\n\r\n" % n)
    assert memo.size == size
    assert len(memo._seen) + len(memo._seen_before) <= 2 * SEEN


def test_one_answer_is_known_by_so_many_heads_at_most(memo):
    for n in range(HEADS * 3):
        known(memo, b"GET /a.jpg HTTP/1.1\r\nHost: x\r\nCookie: %d\r\n\r\n" % n)
    [answer] = memo._known.values()
    assert len(answer.heads) == len(memo._by_head) == len(memo.fresh) == HEADS
    assert memo.size <= len(answer.answer) + (HEADS + 1) * (OVERHEAD + 60)


def test_every_answer_is_counted(memo, ledger):
    for _ in range(5):
        if memo.recall(HEAD) is not None:
            memo.answer_to(HEAD, None)
    memo.fresh[HEAD].hits += 10
    taken = ledger.snapshot()
    assert taken.answers == {(200, b"image/jpeg"): (14, 42)}
    assert taken.from_memory == 14
    memo.forget_all()
    assert ledger.snapshot().answers == taken.answers


def test_every_answer_is_logged_once_there_is_a_log(shelf, ledger):
    records = []
    ledger.sink = records.extend
    memo = ticked(Memo(shelf, ledger))
    for _ in range(5):
        memo.answer_to(HEAD, ("127.0.0.1", 1))
    assert memo.fresh == {}  # who looks there does not log
    ledger.settle()
    assert [(r.client, r.asked, r.status, r.content) for r in records] == [
        (("127.0.0.1", 1), HEAD, 200, 3)
    ] * 4


# Of a real folder


@pytest.fixture
def folder(tmp_path):
    old(tmp_path / "a.jpg", b"\xff\xd8\xff" + bytes(range(256)) * 16)
    return tmp_path


@pytest.fixture
def settled(monkeypatch):
    """Changes count at once: the tests' files are young, and nobody writes to them behind a tick's back."""
    monkeypatch.setattr("nbmon.pictures.pictures.SETTLED_AFTER", -(10**18))


def old(path, content):
    path.write_bytes(content)
    os.utime(path, (OLD, OLD))


VALUES = st.sampled_from([
    b"bytes=0-9", b"bytes=-5", b"bytes=0-1,5-9", b"bytes=9999-", b"close", b"keep-alive", b"*", b'"x"',
    b"Sun, 09 Sep 2001 01:46:40 GMT", b"Sun, 09 Sep 2000 01:46:40 GMT", b"0", b"100-continue", b"chunked",
])  # fmt: skip
FIELDS = st.sampled_from([
    b"Range", b"If-None-Match", b"If-Match", b"If-Modified-Since", b"If-Unmodified-Since", b"If-Range",
    b"Connection", b"Cookie", b"Accept", b"Content-Length", b"Expect", b"Transfer-Encoding", b"Host",
])  # fmt: skip
REQUESTS = st.builds(
    lambda method, target, version, fields: (
        b"%b %b HTTP/1.%d\r\nHost: x\r\n" % (method, target, version)
        + b"".join(b"%b: %b\r\n" % pair for pair in fields)
        + b"\r\n"
    ),
    st.sampled_from([b"GET", b"GET", b"GET", b"HEAD", b"OPTIONS", b"PUT"]),
    st.sampled_from([b"/a.jpg", b"/a.jpg?q", b"/%61.jpg", b"/a.jpg/", b"/no.jpg", b"/", b"http://h/a.jpg"]),
    st.sampled_from([1, 1, 0]),
    st.lists(st.tuples(FIELDS, VALUES), max_size=3),
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")
    old(folder / "a.jpg", b"\xff\xd8\xff" + bytes(range(256)) * 16)
    with Folder(folder) as opened:
        yield Pictures(opened)


@settings(max_examples=150)
@given(data=st.one_of(REQUESTS, st.sampled_from(CASES).map(lambda case: case.raw)))
def test_an_answer_from_memory_is_the_full_path_s_bit_for_bit(pictures, data):
    memo = Memo(pictures, Ledger())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nbmon.pictures.pictures.SETTLED_AFTER", -(10**18))
        ticked(memo)
        remembered = known(memo, data)
        ticked(memo, LATER)
        assert (memo.recall(data) is None) == (remembered is None)
    if remembered is not None:
        whole, closes, at_rest = by_full_path(pictures, data, LATER)
        assert (remembered.answer, remembered.closes) == (whole, closes)
        assert at_rest or closes


def test_the_usual_requests_are_remembered(pictures, settled):
    """Else the property above would say nothing."""
    for data in (HEAD, OTHER, LAST, RANGE, HEAD.replace(b"GET", b"HEAD"), HEAD.replace(b"1.1", b"1.0")):
        assert known(ticked(Memo(pictures, Ledger())), data) is not None


def _in_place(path):
    path.write_bytes(b"\xff\xd8\xffnew")


def _replaced(path):
    old(path.with_suffix(".tmp"), b"\xff\xd8\xff" + bytes(4096))
    path.with_suffix(".tmp").rename(path)


def _with_its_times_set_back(path):
    before = path.stat()
    path.write_bytes(b"\xff\xd8\xff" + b"n" * 4096)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _linked(path):
    old(path.with_name("other.jpg"), b"\xff\xd8\xffother")
    path.unlink()
    path.symlink_to("other.jpg")


def _removed(path):
    path.unlink()


def _a_folder_instead(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "change", [_in_place, _replaced, _with_its_times_set_back, _linked, _removed, _a_folder_instead]
)
@pytest.mark.usefixtures("settled")
def test_a_changed_file_is_never_answered_from_memory(folder, change):
    with Folder(folder) as opened:
        app = Pictures(opened)
        memo = ticked(Memo(app, Ledger()))
        before = known(memo, HEAD).answer
        change(folder / "a.jpg")
        ticked(memo)
        after = known(memo, HEAD)
        now = by_full_path(app, HEAD)[0]
        assert now != before
        assert after is None or after.answer == now


def test_a_file_that_has_just_changed_is_not_remembered(folder):
    """Its times might stay the same if it changed again at once."""
    with Folder(folder) as opened:
        assert known(ticked(Memo(Pictures(opened), Ledger())), HEAD, 5) is None


# Over sockets


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
    with Folder(tmp_path) as opened, tls.serving("coroutine", certificates, Pictures(opened)) as address:
        for asked in (HEAD, HEAD, HEAD, HEAD, LAST, LAST, LAST):
            with Client(address) as client:
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
        _replaced(tmp_path / "a.jpg")
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
