"""Beside other instruments: what is missing or fails is a sentence; what was kept is not made again."""

import subprocess
from dataclasses import replace

import pytest
from bench import lab

from nbmon.lab.errors import LabError


def instrument(theirs=lambda: 200.0, needs="sh"):
    return lab.Instrument("a thing", "`theirs`", needs, "Debian's thing", theirs, lambda: 300.0)


def test_figures_and_their_factor_stand_in_the_row():
    assert lab.compared(instrument()) == "| a thing | `theirs` | 200 ns | 300 ns | 1.50 |"


@pytest.mark.parametrize("needs", ["no-such-program", "pyperf"])
def test_what_is_not_installed_is_said_with_where_it_comes_from(needs, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    row = lab.compared(instrument(needs=needs))
    assert f"not measured: {needs} is not installed (Debian's thing)" in row
    assert row.count("|") == 6


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (subprocess.CalledProcessError(1, "perf", "", "usage\nno | permission"), "no / permission"),
        (RuntimeError("it said something else:\nwhat"), "what"),
        (LabError("a helper hung"), "a helper hung"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
    ],
)
def test_an_instrument_that_fails_is_a_sentence_and_no_traceback(error, said):
    def theirs():
        raise error

    row = lab.compared(instrument(theirs))
    assert "not measured: " in row and said in row and "\n" not in row
    assert row.count("|") == 6


def test_every_instrument_says_what_it_needs():
    for one in lab.INSTRUMENTS:
        assert replace(one, needs="no-such-program").missing()


def test_those_asked_least_come_first_until_each_was_asked_so_often():
    counts = {}
    asked = []
    while function := lab.next_of(counts, 2):
        counts[function]["right"] = counts[function].get("right", 0) + 1
        asked.append(function)
    assert asked == [*lab.RIGHT, *lab.RIGHT]


def test_what_was_kept_is_not_made_again(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(lab, "INSTRUMENTS", [instrument()])
    monkeypatch.setattr(lab, "compared", lambda one: made.append(one.command) or "| row |")
    monkeypatch.setattr(lab, "advised", lambda function, _port: made.append(function) or "right")
    monkeypatch.setattr(lab, "LOADS", {"idle": 0})
    monkeypatch.setattr(lab, "slow_server", lambda: 0)
    kept = {"machine": "M.", "instruments": {}, "known": {}}
    for _ in range(2):
        lab.measure(("instruments", "idle"), kept, 1, float("inf"))
    assert made == ["`theirs`", *lab.RIGHT]
    lab.measure(("idle",), kept, 2, 0.0)  # no time is left
    assert len(made) == 1 + len(lab.RIGHT)


def test_the_tables_stand_between_the_marks_and_nothing_else_is_touched(tmp_path):
    document = tmp_path / "page.md"
    document.write_text(f"before\n{lab.BEGIN}\nold\n{lab.END}\nafter\n")
    idle = {"tiny": {"right": 9, "unsure": 1}}
    lab.write(document, lab.page({"machine": "M.", "instruments": {"x": "| row |"}, "known": {"idle": idle}}))
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| row |" in text and "| `tiny` | none | 9 right, 1 unsure |" in text
    assert "| `hashing` | thread | not asked |" in text
