"""What a key changes in the live table, and in which order rows stand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbmon.services.watching.arranging import SORTS, Action, Choice, Table, after, arranged, question
from nbmon.services.watching.keys import keys
from nbmon.services.watching.seen import Row


def row(key, parent="", **more):
    service, _, worker = key.partition("/")
    own = {"name": key.rpartition("/")[2], "service": service, "worker": worker, "kind": "process"}
    return Row(key, parent, **own | {"state": "running"} | more)


ROWS = [
    row("a", kind="tree", cpu=1.0, memory=5),
    row("a/w-1", "a", cpu=3.0, of="w", restarts=1, uptime=5.0),
    row("a/w-2", "a", cpu=9.0, of="w", state="backing-off"),
    row("a/front", "a", kind="supervisor"),
    row("a/front/x", "a/front", cpu=7.0, of="front/x"),
    row("b", kind="daemon", cpu=50.0, memory=1),
]


def order(choice):
    return [line.row.key for line in arranged(ROWS, choice)]


def press(choice, *pressed, rows=ROWS, page=3):
    action = None
    for key in pressed:
        choice, action = after(choice, key, Table(rows, arranged(rows, choice), page))
    return choice, action


def test_without_a_choice_the_tree_stands_as_it_is():
    assert order(Choice()) == [one.key for one in ROWS]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("c", ["b", "a", "a/w-2", "a/w-1", "a/front", "a/front/x"]),
        ("m", ["a", "a/w-1", "a/w-2", "a/front", "a/front/x", "b"]),
        ("n", ["a", "a/front", "a/front/x", "a/w-1", "a/w-2", "b"]),
        ("r", ["a", "a/w-1", "a/w-2", "a/front", "a/front/x", "b"]),
        ("u", ["a", "a/w-1", "a/w-2", "a/front", "a/front/x", "b"]),
    ],
)
def test_sorting_keeps_children_below_their_parents(sort, expected):
    assert order(Choice(sort=sort)) == expected
    assert set(order(Choice(sort=sort, reverse=True))) == set(expected)
    assert order(Choice(sort="c", reverse=True))[:2] == ["a", "a/front"]


def test_stems_say_where_a_tree_goes_on():
    stems = {line.row.key: line.stems for line in arranged(ROWS, Choice())}
    assert stems["a/w-1"] == (True, True)
    assert stems["a/front"] == (True, False)
    assert stems["a/front/x"] == (True, False, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w-2", ["a", "a/w-2"]),
        ("X", ["a", "a/front", "a/front/x"]),
        ("back", ["a", "a/w-2"]),
        ("daemon", ["b"]),
        ("nothing like it", []),
    ],
)
def test_a_filter_keeps_what_it_finds_and_what_stands_above(text, expected):
    assert order(Choice(filter=text)) == expected


def test_folding_hides_what_stands_below():
    choice, _ = press(Choice(selected="a"), " ")
    assert order(choice) == ["a", "b"]
    assert [line.folded for line in arranged(ROWS, choice)] == [True, False]
    assert order(press(choice, " ")[0]) == [one.key for one in ROWS]
    assert order(press(choice, "right")[0]) == [one.key for one in ROWS]
    assert press(choice, "left")[0].folded == {"a"}


def test_left_goes_up_to_the_parent_and_then_folds_it():
    choice, _ = press(Choice(selected="a/front/x"), "left")
    assert choice.selected == "a/front"
    assert press(choice, "left")[0].folded == {"a/front"}


@pytest.mark.parametrize(
    ("pressed", "selected"),
    [
        (["down"], "a/w-1"),
        (["up"], "a"),
        (["end"], "b"),
        (["end", "down"], "b"),
        (["end", "home"], "a"),
        (["pagedown"], "a/front"),
        (["end", "pageup"], "a/w-2"),
    ],
)
def test_moving_stays_within_the_table(pressed, selected):
    assert press(Choice(), *pressed)[0].selected == selected


@pytest.mark.parametrize("key", [*SORTS, "t"])
def test_each_sort_has_its_key_and_the_same_key_turns_it_round(key):
    once, _ = press(Choice(), key)
    twice, _ = press(once, key)
    assert once.sort == ("" if key == "t" else key)
    assert twice.reverse is (key != "t")
    assert press(twice, key)[0].reverse is False


def test_a_filter_is_typed_letter_by_letter():
    choice, _ = press(Choice(), "/", "q", "ä", "x", "backspace", "up")
    assert (choice.mode, choice.filter) == ("filter", "qä")
    assert press(choice, "enter")[0] == replace(choice, mode="table")
    assert press(choice, "escape")[0].filter == ""
    assert press(replace(choice, mode="table"), "escape")[0].filter == ""
    assert len(press(Choice(), "/", *"a" * 100)[0].filter) == 64


@pytest.mark.parametrize(
    ("selected", "key", "action"),
    [
        ("a", "k", Action("restart", "a", "")),
        ("a/w-1", "R", Action("restart", "a", "w-1")),
        ("a/front", "k", Action("restart", "a", "front")),
        ("a/w-1", "+", Action("scale", "a", "w", 3)),
        ("a/w-2", "-", Action("scale", "a", "w", 1)),
        ("a/front/x", "=", Action("scale", "a", "front/x", 2)),
    ],
)
def test_steering_is_done_when_it_is_confirmed_and_not_otherwise(selected, key, action):
    asked, nothing = press(Choice(selected=selected), key)
    assert (asked.mode, asked.pending, nothing) == ("confirm", action, None)
    assert action.service in question(action)
    for yes in ("y", "Y", "enter"):
        assert press(asked, yes) == (replace(asked, mode="table", pending=None), action)
    for no in ("n", "escape", "q", "x", "k"):
        after_no, done = press(asked, no)
        assert (after_no.mode, after_no.pending, after_no.message, done) == ("table", None, "not done", None)


@pytest.mark.parametrize(
    ("rows", "key", "words"),
    [
        ([row("a", kind="tree")], "+", "only workers can be scaled"),
        ([row("a/x", "", of="x")], "-", "the last one of x stays"),
        ([row("a", state="dead")], "k", "does not run"),
        ([row("a/(7)", "a", kind="host"), row("a")], "k", "restarted with its workers"),
    ],
)
def test_what_cannot_be_done_is_said_and_not_asked(rows, key, words):
    choice, action = press(Choice(selected=rows[0].key), key, rows=rows)
    assert words in choice.message
    assert (choice.mode, action) == ("table", None)


def test_what_is_hidden_counts_when_it_is_scaled():
    choice, _ = press(Choice(selected="a/w-1", filter="w-1"), "+")
    assert choice.pending.count == 3


def test_help_is_left_by_any_key():
    choice, _ = press(Choice(), "?")
    assert choice.mode == "help"
    assert press(choice, "q") == (Choice(), None)


@pytest.mark.parametrize("key", ["q", "Q"])
def test_q_is_the_end(key):
    assert press(Choice(), key)[1] == Action("quit")


@pytest.mark.parametrize("key", ["up", "k", "+", " ", "left", "end", "é", "F1"])
@pytest.mark.parametrize("mode", ["table", "filter", "confirm", "help"])
def test_no_key_does_harm_to_an_empty_table(key, mode):
    choice, action = press(Choice(mode=mode), key, rows=[])
    assert action is None
    assert choice.mode in ("table", "filter")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1b[Bk", ["up", "down", "k"]),
        (b"\x1bOC\x1bOD", ["right", "left"]),
        (b"\x1b[5~\x1b[6~\x1b[H\x1b[4~", ["pageup", "pagedown", "home", "end"]),
        (b"\x1b", ["escape"]),
        (b"\x1bq", ["escape", "q"]),
        (b"\x1b[15~x", ["x"]),
        (b"\x1b[1;5A", []),
        (b"\x1b[", []),
        (b"\r\n\x7f\x08\x0c\x01", ["enter", "enter", "backspace", "backspace", "redraw"]),
        ("é€😀".encode(), ["é", "€", "😀"]),
        (b"\xff\xfe", []),
        (b"\xc3", []),
    ],
)
def test_bytes_become_keys(data, expected):
    assert keys(data) == expected
