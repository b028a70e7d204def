"""Rows become what people read: units, intervals, a table for each part."""

import doctest
import importlib

import pytest

from nbmon.lab.tables import heading, quantity, tables

EXAMPLES = (
    *("nbmon.lab.tables", "nbmon.lab.sampling", "nbmon.lab.errors", "nbmon.lab.machine", "nbmon.lab.usage"),
    *("nbmon.lab.drawing", "nbmon.lab.report.scales", "nbmon.cli.labshow"),
    "nbmon.lab.experiments.memory.frames",
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_in_docstrings_are_right(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted and not done.failed


def test_a_median_stands_with_its_interval_in_one_cell():
    (table,) = tables([{"means": "pipe", "median_ns": 1500.0, "low_ns": 1400.0, "high_ns": 1700.0}])
    assert table.headings == ("means", "median")
    assert table.rows == (("pipe", "1.5 µs (1.4 µs – 1.7 µs)"),)


def test_bounds_of_any_figure_stand_in_its_cell():
    (table,) = tables(
        [{"per_second": 1500, "low_per_second": 1400, "high_per_second": 1700}, {"per_second": 5}]
    )
    assert table.headings == ("per second",)
    assert table.rows == (("1,500 (1,400 – 1,700)",), ("5",))


def test_bounds_without_a_median_stand_alone():
    (table,) = tables([{"low_ns": 1.0, "high_ns": 2.0}])
    assert table.headings == ("low", "high")


def test_rows_with_a_part_stand_in_a_table_for_each():
    made = tables([{"part": "a", "x": 1}, {"part": "b", "y": 2}, {"part": "a", "x": 3}])
    assert [(one.title, one.headings, one.rows) for one in made] == [
        ("a", ("x",), (("1",), ("3",))),
        ("b", ("y",), (("2",),)),
    ]


def test_what_a_row_does_not_have_is_a_dash():
    (table,) = tables([{"x": 1}, {"y": None}])
    assert table.rows == (("1", "–"), ("–", "–"))


def test_columns_can_be_chosen_and_events_are_for_timelines():
    rows = [{"a": 1, "b": 2, "events": [1, 2, 3]}]
    assert tables(rows)[0].headings == ("a", "b")
    assert tables(rows, ("b", "missing"))[0].headings == ("b",)


def test_numbers_are_set_to_the_right_and_sentences_get_room():
    (table,) = tables([{"n": 1, "yes": True, "words": "x" * 50}, {"n": None, "yes": False, "words": ""}])
    assert table.numeric == (True, False, False)
    assert table.wordy == (False, False, True)


def test_no_rows_are_no_table():
    assert tables([]) == []


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0, "ns", "0 ns"),
        (999.4, "ns", "999 ns"),
        (3.2, "us", "3.2 µs"),
        (61, "s", "61 s"),
        (-2_000_000, "bytes", "-2 MB"),
        ({"L1": 32_000, "L2": 1_000_000}, "bytes", "L1 32 kB, L2 1 MB"),
        ([0, 1], "", "0, 1"),
        ("shared", "", "shared"),
        (False, "", "no"),
    ],
)
def test_values_are_said_with_their_unit(value, unit, words):
    assert quantity(value, unit) == words


def test_numbers_that_are_names_have_no_thousands():
    (table,) = tables([{"pid": 12345, "count": 12345}])
    assert table.rows == (("12345", "12,345"),)


def test_a_heading_is_the_key_without_its_unit():
    assert [heading(key) for key in ("median_us", "per_second", "us", "copied_share")] == [
        "median",
        "per second",
        "us",
        "copied",
    ]
