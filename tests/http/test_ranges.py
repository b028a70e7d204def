"""Ranges against a naive model over actual bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http.ranges import MOST_RANGES, select

WHOLE = None


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"bytes=0-0", [(0, 1)]),
        (b"bytes=0-9", [(0, 10)]),
        (b"bytes=0-10", [(0, 10)]),
        (b"bytes=3-", [(3, 10)]),
        (b"bytes=-3", [(7, 10)]),
        (b"bytes=-30", [(0, 10)]),
        (b"bytes=9-9", [(9, 10)]),
        (b"bytes=10-", []),
        (b"bytes=10-20", []),
        (b"bytes=-0", []),
        (b"bytes=-0,10-", []),
        (b"bytes=0-0,10-", [(0, 1)]),
        (b"bytes=0-0,-2", [(0, 1), (8, 10)]),
        (b"bytes=-2,0-0", [(8, 10), (0, 1)]),
        (b"bytes=0-3,2-5", [(0, 6)]),
        (b"bytes=0-3,4-5", [(0, 6)]),
        (b"bytes=0-3,5-6", [(0, 4), (5, 7)]),
        (b"bytes=8-9,0-1,4-4,0-2", [(8, 10), (0, 3), (4, 5)]),
        (b"bytes=0-,1-,2-,3-", [(0, 10)]),
        (b"BYTES=0-0", [(0, 1)]),
        (b"bytes=,, 0-0 ,\t,2-2 ,", [(0, 1), (2, 3)]),
        (b"bytes=00-0000001", [(0, 2)]),
        (b"bytes=0-" + b"9" * 6000, [(0, 10)]),
        (b"bytes=" + b"0" * 6000 + b"1-1", [(1, 2)]),
        (b"bytes=" + b"9" * 6000 + b"-", []),
        (b"bytes=-" + b"9" * 6000, [(0, 10)]),
        (b"bytes=" + b"9" * 6000 + b"-" + b"9" * 5999 + b"8", WHOLE),
        (b"bytes=" + b"9" * 6000 + b"-" + b"9" * 6000, []),
        (b"bytes=" + b",".join([b"0-0"] * MOST_RANGES), [(0, 1)]),
        (b"bytes=" + b",".join([b"0-0"] * (MOST_RANGES + 1)), WHOLE),
        *((wrong, WHOLE) for wrong in (
            b"", b"bytes", b"bytes=", b"bytes=-", b"bytes=,", b"bytes=5-3", b"bytes=0-0,5-3",
            b"bytes=a-b", b"bytes=0-0,x",
            b"bytes =0-0", b"bytes= 0 - 0", b"bytes=0--1", b"bytes=--1", b"bytes=+1-2", b"bytes=0x1-2",
            b"bytes=1-2-3",
            b"lines=0-0", b"0-0", b"bytes:0-0", b"bytes=0-0;1-1", b"bytes=0-0 1-1", b"bytes=0-0\n",
            b"bytes=\xb2-",
        )),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_ten_bytes_are_cut(field, expected):
    assert select(field, 10) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [(b"bytes=0-", []), (b"bytes=0-0", []), (b"bytes=-1", WHOLE), (b"bytes=-0", []), (b"bytes=5-,-1", WHOLE)],
)
def test_nothing_has_no_ranges_but_its_last_bytes_are_all_of_it(field, expected):
    assert select(field, 0) == expected


SPECS = st.one_of(
    st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted).map(lambda pair: tuple(pair)),
    st.tuples(st.integers(0, 40), st.none()),
    st.tuples(st.none(), st.integers(0, 40)),
)


def naive(specs, length):
    """The set of positions that each spec names."""
    chosen = []
    for first, last in specs:
        if first is None:
            chosen.append(set(range(max(0, length - last), length)))
        else:
            chosen.append({at for at in range(length) if at >= first and (last is None or at <= last)})
    return chosen


@given(st.lists(SPECS, min_size=1, max_size=8), st.integers(1, 30))
def test_the_spans_are_just_the_bytes_asked_for_each_once(specs, length):
    text = ",".join(f"{'' if a is None else a}-{'' if b is None else b}" for a, b in specs)
    spans = select(b"bytes=" + text.encode(), length)
    assert spans is not None
    positions = [at for span in spans for at in range(span.start, span.stop)]
    assert len(positions) == len(set(positions)) <= length
    assert set(positions) == set().union(*naive(specs, length))
    ordered = sorted(spans)
    assert all(left.stop < right.start for left, right in pairwise(ordered))


@given(st.binary(max_size=60), st.integers(0, 30))
def test_anything_else_is_the_whole_or_spans_within(field, length):
    for spans in (select(field, length), select(b"bytes=" + field, length)):
        assert spans is None or all(0 <= start < stop <= length for start, stop in spans)
