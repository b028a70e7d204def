"""Answers from memory: the full path's, never of a state that has changed, bounded, and all counted."""

import pytest

from nbmon.http import Response
from nbmon.serve.ledger import Ledger
from nbmon.serve.memo import HEADS, LARGEST, OVERHEAD, SEEN, Memo
from serve.memory import DATE, HEAD, LAST, LATER, OTHER, Shelf, by_full_path, known, ticked


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def memo(shelf, ledger):
    return ticked(Memo(shelf, ledger))


def test_what_is_asked_for_again_is_remembered(memo, shelf):
    assert memo.recall(HEAD) is None
    assert memo.recall(HEAD).answer == by_full_path(shelf, HEAD)[0]
    assert memo.recall(HEAD) is memo.fresh[HEAD]


@pytest.mark.parametrize(
    ("vary", "heeds", "is_remembered"),
    [
        (b"Accept-Encoding", (), False),
        (b"*", (), False),
        (b"Origin, Accept-Encoding", (b"origin",), False),
        (b"Origin", (b"origin",), True),
        (b"", (), True),
    ],
)
def test_an_answer_that_depends_on_more_than_its_target_is_not_given_to_others(
    ledger, vary, heeds, is_remembered
):
    class Varied(Shelf):
        def __call__(self, request):
            response = super().__call__(request)
            response.fields.append((b"Vary", vary))
            return response

    varied = Varied()
    varied.heeds = heeds
    memo = ticked(Memo(varied, ledger))
    assert [memo.recall(HEAD) is not None for _ in range(3)] == [False, is_remembered, is_remembered]


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


def test_a_target_that_varies_keeps_the_answers_to_different_heads_apart(shelf, ledger):
    shelf.varies = lambda target: target == b"/a.jpg"
    shelf.contents[b"/b.jpg"] = b"two"
    shelf.states[b"/b.jpg"] = 1
    memo = ticked(Memo(shelf, ledger))
    assert known(memo, HEAD) is not known(memo, OTHER)
    assert known(memo, HEAD) is known(memo, HEAD)
    of_b = [data.replace(b"a.jpg", b"b.jpg") for data in (HEAD, OTHER)]
    assert known(memo, of_b[0]) is known(memo, of_b[1])


class Slow:
    """A later answer, or a stream, that nobody may keep."""

    length = 3
    closed = 0

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("wrapped", [False, True])
def test_neither_a_later_answer_nor_a_stream_is_remembered(shelf, ledger, wrapped):
    slow = Slow()
    answer = Response(200, [], slow) if wrapped else slow
    shelf.__class__ = type("Slowly", (Shelf,), {"__call__": lambda *_: answer})
    memo = ticked(Memo(shelf, ledger))
    assert known(memo, HEAD, 2) is None
    assert slow.closed == 1


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
