"""RFC 9110 section 13: each condition by itself, and their order."""

import pytest

from nbmon.http import Request, imf_date
from nbmon.http.conditions import evaluate, range_applies

TAG = b'"now"'
AT = 784111777
BEFORE, SAME, AFTER = imf_date(AT - 1), imf_date(AT), imf_date(AT + 1)


def request(method="GET", **fields):
    lines = tuple((name.replace("_", "-").encode(), value) for name, value in fields.items())
    return Request(method, b"/", b"/", fields=lines)


def verdict(method="GET", etag=TAG, **fields):
    return evaluate(request(method, **fields), etag, AT)


@pytest.mark.parametrize(
    ("tags", "strong", "weak"),
    [
        (b"*", True, True),
        (b'"now"', True, True),
        (b'W/"now"', False, True),
        (b'"old"', False, False),
        (b'"old", "now"', True, True),
        (b'"old" , W/"now"', False, True),
        (b',, "old",\t"now" ,', True, True),
        (b'"a,b", "now"', True, True),
        (b'"old, "now"', False, False),
        (b"now", False, False),
        (b"", False, False),
        (b",", False, False),
        (b'*, "now"', False, False),
        (b'w/"now"', False, False),
        (b'"now" "old"', False, False),
        (b'"NOW"', False, False),
        (b'"no\xfcw"', False, False),
    ],
)
def test_a_list_of_tags_names_the_tag_strongly_or_weakly(tags, strong, weak):
    assert verdict(if_match=tags) == (200 if strong else 412)
    assert verdict(if_none_match=tags) == (304 if weak else 200)
    assert verdict("HEAD", if_none_match=tags) == (304 if weak else 200)
    assert verdict("PUT", if_none_match=tags) == (412 if weak else 200)


def test_a_weak_tag_of_ours_is_never_strong():
    assert verdict(etag=b'W/"now"', if_match=b'W/"now"') == 412
    assert verdict(etag=b'W/"now"', if_match=b'"now"') == 412
    assert verdict(etag=b'W/"now"', if_none_match=b'"now"') == 304


def test_tags_on_several_lines_are_one_list():
    lines = ((b"if-none-match", b'"old"'), (b"if-none-match", b'"now"'))
    assert evaluate(Request("GET", b"/", b"/", fields=lines), TAG, AT) == 304


@pytest.mark.parametrize(
    ("since", "modified", "unmodified"),
    [(BEFORE, 200, 412), (SAME, 304, 200), (AFTER, 304, 200), (b"yesterday", 200, 200), (b"", 200, 200),
     (SAME + b", " + SAME, 200, 200)],
)  # fmt: skip
def test_dates_are_compared_by_the_second_and_bad_ones_ignored(since, modified, unmodified):
    assert verdict(if_modified_since=since) == modified
    assert verdict("HEAD", if_modified_since=since) == modified
    assert verdict("PUT", if_modified_since=since) == 200
    assert verdict(if_unmodified_since=since) == unmodified


TRUE = {"if_match": TAG, "if_unmodified_since": SAME, "if_none_match": b'"old"', "if_modified_since": BEFORE}
FALSE = {"if_match": b'"old"', "if_unmodified_since": BEFORE, "if_none_match": TAG, "if_modified_since": SAME}
PRESENCE = [{"if_match": m, "if_unmodified_since": u, "if_none_match": n, "if_modified_since": s}
            for m in (None, True, False) for u in (None, True, False)
            for n in (None, True, False) for s in (None, True, False)]  # fmt: skip


@pytest.mark.parametrize(
    "said", PRESENCE, ids=lambda said: "-".join(str(value)[0] for value in said.values())
)
def test_conditions_are_taken_in_the_rfcs_order(said):
    fields = {name: (TRUE if value else FALSE)[name] for name, value in said.items() if value is not None}
    first = said["if_match"] if said["if_match"] is not None else said["if_unmodified_since"]
    second = said["if_none_match"] if said["if_none_match"] is not None else said["if_modified_since"]
    expected = 412 if first is False else 304 if second is False else 200
    assert verdict(**fields) == expected


@pytest.mark.parametrize(
    ("validator", "applies"),
    [(TAG, True), (b'"old"', False), (b'W/"now"', False), (SAME, True), (BEFORE, False), (AFTER, False),
     (b"x", False),
     (b"", False), (b"*", False), (b'"now", "old"', False), (None, True)],
)  # fmt: skip
def test_a_range_applies_if_it_is_of_what_is_here_now(validator, applies):
    asked = request() if validator is None else request(if_range=validator)
    assert range_applies(asked, TAG, AT, date_is_strong=True) is applies


def test_a_date_or_a_tag_that_is_weak_lets_no_range_apply():
    assert not range_applies(request(if_range=SAME), TAG, AT, date_is_strong=False)
    assert not range_applies(request(if_range=b'W/"now"'), b'W/"now"', AT, date_is_strong=True)
