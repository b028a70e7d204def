"""Metrics: read with Prometheus's own parser; added up over workers without a counter ever going back."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from nbmon.http import Request, Response
from nbmon.serve.admin import Admin, WithAdmin
from nbmon.serve.board import Board, Shown
from nbmon.serve.ledger import BUCKETS, Ledger, Record
from nbmon.serve.metrics import KINDS, exposition, total

JPEG, HTML = b"image/jpeg", b"text/html; charset=utf-8"


def worked(*answers, **counts):
    """A ledger that has counted (status, kind, content, seconds)."""
    ledger = Ledger()
    for status, kind, content, seconds in answers:
        ledger.answered(Record(0.0, None, None, status, content, seconds), kind)
    for name, value in counts.items():
        setattr(ledger, name, value)
    return ledger


def read(text):
    """All samples of an exposition by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_prometheus_reads_what_is_told():
    ledger = worked((200, JPEG, 4096, 0.0001), (200, JPEG, 1, 3.0), (404, HTML, 70, 99.0), accepted=7, open=2)
    ledger.remembered((200, JPEG), 5, 100)
    ledger.refused('a "reason"\nof \\ two lines')
    seen = read(exposition(ledger.snapshot(), 3))
    jpeg, html = (("kind", "image/jpeg"), ("status", "200")), (("kind", "text/html"), ("status", "404"))
    assert seen["nbmon_requests_total", *jpeg] == 7
    assert seen["nbmon_requests_total", *html] == 1
    assert seen["nbmon_content_bytes_total", *jpeg] == 4597
    assert seen["nbmon_memory_answers_total",] == 5
    assert seen["nbmon_refusals_total", ("reason", 'a "reason"\nof \\ two lines')] == 1
    assert (seen["nbmon_connections_total",], seen["nbmon_connections",], seen["nbmon_workers",]) == (7, 2, 3)
    assert seen["nbmon_answer_seconds_bucket", ("le", "0.0005")] == 6
    assert seen["nbmon_answer_seconds_bucket", ("le", "5.0")] == 7
    assert seen["nbmon_answer_seconds_bucket", ("le", "+Inf")] == 8
    assert seen["nbmon_answer_seconds_count",] == 8
    assert seen["nbmon_answer_seconds_sum",] == pytest.approx(102.0001)


def test_every_family_has_its_type():
    text = exposition(worked((200, JPEG, 1, 0.1)).snapshot()).decode()
    kinds = {family.name: family.type for family in text_string_to_metric_families(text)}
    assert kinds == {
        "nbmon_requests": "counter", "nbmon_content_bytes": "counter", "nbmon_memory_answers": "counter",
        "nbmon_refusals": "counter", "nbmon_connections": "gauge", "nbmon_workers": "gauge",
        "nbmon_answer_seconds": "histogram",
    } | {"nbmon_connections": kinds["nbmon_connections"]}  # fmt: skip


def test_the_number_of_series_is_bounded():
    ledger = worked(*((200, b"a/%d" % number, 1, 0.0) for number in range(10 * KINDS)))
    seen = read(exposition(ledger.snapshot()))
    kinds = {key for key in seen if key[0] == "nbmon_requests_total"}
    assert len(kinds) == KINDS + 1
    assert sum(seen[key] for key in kinds) == 10 * KINDS


answers = st.tuples(
    st.sampled_from([200, 304, 404]),
    st.sampled_from([JPEG, HTML, b""]),
    st.integers(0, 10**9),
    st.sampled_from([*BUCKETS, 0.0, 100.0]),
)


@given(st.lists(st.lists(answers), max_size=4))
def test_workers_add_up_to_what_one_would_have_counted(shares):
    together = worked(*(answer for share in shares for answer in share))
    summed = total(worked(*share).snapshot() for share in shares)
    assert summed._replace(latency_sum=0.0) == together.snapshot()._replace(latency_sum=0.0)
    assert summed.latency_sum == pytest.approx(together.latency_sum)


def test_a_forked_worker_shows_its_counts():
    board = Board(2)
    ledger = worked((200, JPEG, 10, 0.1), accepted=3)
    child = os.fork()
    if child == 0:
        Shown(board, ledger)()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert board.look(0) == ledger.snapshot()
    assert board.all() == [ledger.snapshot()]


def in_a_worker(board, ledger, then=lambda: None):
    """Show a ledger in a process of its own, which then does something and ends."""
    child = os.fork()
    if child == 0:
        try:
            Shown(board, ledger)()
            then()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def test_workers_that_live_at_the_same_time_never_share_a_slot():
    """As in a reload, where the old ones end after the new ones have begun."""
    board = Board(3)
    reading, writing = os.pipe()
    shown, done = os.pipe()
    ledger = worked((200, JPEG, 10, 0.1))
    old = in_a_worker(board, ledger, lambda: (os.close(writing), os.write(done, b"x"), os.read(reading, 1)))
    os.read(shown, 1)
    assert board.claimed() == 1
    assert os.waitpid(in_a_worker(board, ledger), 0)[1] == 0
    os.close(writing)
    assert os.waitpid(old, 0)[1] == 0
    assert total(board.all()).answers[200, JPEG].answers == 2
    assert os.waitpid(in_a_worker(board, ledger), 0)[1] == 0
    assert [seen.answers[200, JPEG].answers for seen in board.all()] == [2, 1], "a free slot is used again"
    assert board.claimed() == 0
    for fd in (reading, shown, done):
        os.close(fd)


def test_a_worker_without_a_slot_serves_on_and_says_so(caplog):
    board = Board(0 + 1)
    board.claim = lambda: None
    Shown(board, worked((200, JPEG, 10, 0.1)))()
    assert board.all() == []
    assert "cannot be shown" in caplog.text


def test_a_new_worker_counts_on_from_the_one_before_and_has_no_connections_of_its():
    board = Board(1)
    Shown(board, worked((200, JPEG, 10, 0.1), accepted=3, open=3))()
    Shown(board, worked((200, JPEG, 20, 0.1), accepted=1, open=1))()  # the same process may lock it again
    seen = board.look(0)
    assert (seen.answers[200, JPEG], seen.accepted, seen.open) == ((2, 30), 4, 1)


def test_a_worker_killed_while_it_shows_leaves_what_it_showed_before():
    board = Board(1)
    shown = worked((200, JPEG, 10, 0.1)).snapshot()
    board.show(0, shown)
    board.show(0, worked((200, JPEG, 20, 0.1)).snapshot())
    newest = max((0, 1), key=lambda half: board._number(0, half))
    board._memory[board._at(0, newest) + 20] ^= 0xFF
    assert board.look(0) == shown


def test_counts_that_are_too_many_are_not_shown_and_said(caplog):
    board = Board(2)
    many = worked(*((200, b"%d" % number, 1, 0.0) for number in range(5000)))
    Shown(board, many)()
    assert board.look(0) is None
    assert board.look(1) is None
    assert "cannot be shown" in caplog.text


def ask(app, path, method="GET"):
    return app(Request(method, path, path))


def test_the_admin_answers_its_paths_and_no_others():
    fault = []
    admin = Admin(lambda: [worked().snapshot()], ready=lambda: fault[0] if fault else None)
    assert ask(admin, b"/metrics").body.startswith(b"# HELP nbmon_")
    assert ask(admin, b"/-/metrics").status == 200
    assert (ask(admin, b"/-/health").status, ask(admin, b"/-/ready").status) == (200, 200)
    assert ask(admin, b"/").status == 404
    assert ask(admin, b"/-/ready", "POST").status == 405
    fault.append("It stops.")
    answer = ask(admin, b"/-/ready")
    assert (answer.status, answer.body) == (503, b"It stops.\n")
    assert answer.field(b"cache-control") == b"no-store"


class Resource:
    heeds = (b"origin",)

    def __call__(self, request):
        return Response(200, [], b"resource")

    def state_of(self, request):
        return "state"


def test_on_the_public_socket_only_paths_under_a_dash_are_the_admins():
    app = WithAdmin(Resource(), Admin(list))
    assert ask(app, b"/metrics").body == b"resource"
    assert ask(app, b"/-/other").body == b"resource"
    assert ask(app, b"/-/health").body == b"ok\n"


def test_what_the_admin_tells_is_never_answered_from_memory():
    app = WithAdmin(Resource(), Admin(list))
    assert app.heeds == (b"origin",)
    assert app.state_of(Request("GET", b"/a", b"/a")) == "state"
    assert app.state_of(Request("GET", b"/-/metrics", b"/-/metrics")) is None
    assert not hasattr(WithAdmin(lambda request: None, Admin(list)), "state_of")
