"""The live table as lines: never wider than the screen, whatever stands in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.services.watching import drawing
from nbmon.services.watching.arranging import Action, Choice, arranged
from nbmon.services.watching.drawing import (
    Screen,
    Style,
    fitted,
    frame,
    lasted,
    percent,
    plainly,
    size,
    width_of,
)
from nbmon.services.watching.seen import Row

PLAIN = Style(plain=True)
WEB = {"pid": 11, "cpu": 3.0, "memory": 4_000_000, "threads": 1, "restarts": 2, "uptime": 9.0}
TREE = {"pid": 10, "cpu": 12.34, "memory": 85_100_000, "threads": 4, "restarts": 2, "uptime": 187.0}
KILLED = "was killed by SIGKILL after 3.0 seconds"
ROWS = [
    Row("demo", "", "demo", "demo", "", "tree", "running", note="app:tree", **TREE),
    Row(
        "demo/web-1", "demo", "web-1", "demo", "web-1", "process", "running", "web", last_death=KILLED, **WEB
    ),
    Row("demo/front", "demo", "front", "demo", "front", "supervisor", "running", note="one_for_all"),
    Row("demo/front/feed", "demo/front", "feed", "demo", "front/feed", "coroutine", "backing-off", "feed"),
]


def drawn(width=80, height=12, choice=None, style=PLAIN, rows=None):
    choice = choice or Choice()
    lines = arranged(ROWS if rows is None else rows, choice)
    return frame(lines, choice, "12:34:56", Screen(width, height, style))


def bare(line):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)


def test_at_eighty_columns_it_looks_like_this():
    assert [line.rstrip() for line in drawn()] == [
        "nbmon  1 service  cpu 12.3%  mem 85.1M  1 in trouble                    12:34:56",
        "NAME           KIND       STATE           PID   CPU%    MEM  THR  RST  UPTIME",
        "▾ demo         tree       running          10   12.3  85.1M    4    2   3m07s",
        "├ web-1        process    running          11    3.0   4.0M    1    2      9s",
        "└ ▾ front      supervisor running",
        "  └ feed       coroutine  backing-off",
        "", "", "", "",
        "demo  pid 10  app:tree",
        "q quit  ? help  / filter  k restart  + - scale  space fold  c m n r u sort",
    ]  # fmt: skip


@pytest.mark.parametrize("style", [PLAIN, Style(), Style(colour=False), Style(unicode=False)])
@pytest.mark.parametrize("mode", ["table", "filter", "confirm", "help"])
def test_no_line_is_wider_than_the_screen_and_there_are_as_many_as_it_has(style, mode):
    choice = Choice(mode=mode, pending=Action("scale", "demo", "web", 3), sort="c", filter="e")
    for width in (1, 7, 20, 40, 60, 79, 80, 81, 160, 300):
        for height in (1, 2, 3, 5, 12, 60):
            lines = drawn(width, height, choice, style)
            assert len(lines) == height
            assert {width_of(bare(line)) for line in lines} == {width}


@given(st.text(max_size=30), st.integers(0, 40), st.booleans())
def test_a_text_is_fitted_to_its_columns_whatever_it_holds(text, width, left):
    cell = fitted(text, width, left=left)
    assert width_of(cell) == width
    assert cell.isprintable()


def test_a_narrow_screen_has_fewer_columns():
    def headings(width):
        return " ".join(drawn(width)[1].split())

    assert headings(200) == "NAME KIND STATE PID CPU% MEM THR RST UPTIME LAST DEATH"
    assert headings(80) == "NAME KIND STATE PID CPU% MEM THR RST UPTIME"
    assert headings(60) == "NAME STATE CPU% MEM RST UPTIME"
    assert headings(40) == "NAME STATE CPU% MEM"
    assert headings(20) == "NAME"


def test_without_colours_there_are_none_and_plainly_there_is_no_escape_at_all():
    assert "\x1b[32m" in "".join(drawn(style=Style()))
    assert not re.search(r"\x1b\[3[0-8]", "".join(drawn(style=Style(colour=False))))
    assert "\x1b" not in "".join(drawn())


def test_only_the_colours_that_every_terminal_has_are_used():
    used = set(re.findall(r"\x1b\[([0-9;]*)m", "".join(drawn(200, style=Style()))))
    assert used <= {"0", "1", "2", "7", "39", *map(str, range(30, 38))}


def test_what_a_terminal_would_obey_is_shown_and_not_sent():
    nasty = ROWS[1]._replace(last_death="\x1b]0;owned\x07\x1b[2J\r\n", name="w\x1b[31m")
    assert not any(bare(line) != line for line in drawn(200, rows=[ROWS[0], nasty]))
    assert "\x1b" not in plainly(arranged([nasty], Choice()), PLAIN)


def test_without_unicode_the_tree_is_drawn_in_ascii():
    assert "".join(drawn(style=PLAIN._replace(unicode=False))).isascii()
    assert plainly(arranged(ROWS, Choice()), Style(unicode=False)).isascii()


def test_the_chosen_row_is_in_view_and_told_of_below():
    many = [ROWS[0], *(ROWS[1]._replace(key=f"demo/w-{n}", name=f"w-{n}", of="w") for n in range(100))]
    for at in (0, 50, 99):
        lines = drawn(rows=many, choice=Choice(selected=f"demo/w-{at}"))
        assert any(f" w-{at} " in line for line in lines[2:-2])
        assert f"demo/w-{at}" in lines[-2]
        assert "was killed by SIGKILL" in lines[-2]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice(mode="filter", filter="ab"), "/ab_"),
        (Choice(mode="confirm", pending=Action("restart", "demo", "web-1")), "restart demo/web-1? (y/n)"),
        (Choice(mode="confirm", pending=Action("restart", "demo")), "restart demo, the whole service? (y/n)"),
        (Choice(mode="confirm", pending=Action("scale", "demo", "w", 3)), "demo/w: let there be 3? (y/n)"),
        (Choice(message="restart demo/web-1: done"), "restart demo/web-1: done"),
        (Choice(filter="e"), "only what has 'e'; escape shows all"),
    ],
)
def test_the_last_line_says_what_is_under_way(choice, words):
    assert drawn(choice=choice)[-1].strip() == words


def test_the_arrow_shows_what_is_sorted_by():
    assert "CPU%▼" in drawn(choice=Choice(sort="c"))[1]
    assert "CPU%▲" in drawn(choice=Choice(sort="c", reverse=True))[1]
    assert "NAMEv" in drawn(choice=Choice(sort="n"), style=PLAIN._replace(unicode=False))[1]


def test_an_empty_table_says_what_to_do():
    assert "nbmon start" in "".join(drawn(rows=[]))
    assert "nothing has these letters" in "".join(drawn(choice=Choice(filter="zzz")))
    assert "nbmon start" in plainly([], PLAIN)


def test_every_state_that_is_bad_news_has_a_colour():
    for state in ("backing-off", "failed", "dead", "silent"):
        assert drawing.COLOURS[state] in ("31", "33")


def test_the_table_once_is_as_wide_as_it_must_be_or_as_it_may_be():
    lines = arranged(ROWS, Choice())
    assert "was killed by SIGKILL after 3.0 seconds" in plainly(lines, PLAIN)
    assert max(map(len, plainly(lines, PLAIN, 50).splitlines())) <= 50
    long = [ROWS[0]._replace(name="x" * 60)]
    assert "x" * 60 in plainly(arranged(long, Choice()), PLAIN)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (0.0, "0.0"), (0.04, "0.0"), (99.94, "99.9"), (99.96, "100"), (1600.0, "1600")],
)
def test_percents(value, expected):
    assert percent(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (0, "0K"),
        (123_456, "123K"),
        (999_960, "1.0M"),
        (85_100_000, "85.1M"),
        (1_250_000_000, "1.25G"),
    ],
)
def test_sizes(value, expected):
    assert size(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (-1, "0s"), (59.9, "59s"), (60, "1m00s"), (187, "3m07s"), (3600, "1h00m"), (7500, "2h05m"),
     (86400, "1d00h"), (1_047_600, "12d03h")],
)  # fmt: skip
def test_durations(value, expected):
    assert lasted(value) == expected
