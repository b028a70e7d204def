"""Memory: copied page by page, and only where it must be."""

import os

import pytest

from nbmon.lab.experiments import memory
from nbmon.lab.experiments.memory import copying, forking, frames, objects
from nbmon.lab.experiments.memory.frames import EXCLUSIVE, PAGE, PRESENT, Area, Page
from support.kit import quietly


def test_one_address_holds_two_values_unless_it_is_shared():
    private, shared = quietly(copying.address_rows)
    assert private["same_address"] and shared["same_address"]
    assert (private["child_after_its_write"], private["parent_after_it"]) == (2, 1)
    assert (shared["child_after_its_write"], shared["parent_after_it"]) == (2, 2)
    assert (private["one_memory"], shared["one_memory"]) == (False, True)


def test_a_write_copies_its_page_and_no_other():
    rows = quietly(copying.page_rows)
    assert [row["page"] for row in rows] == list(range(copying.PAGES))
    assert all(row["common_before"] for row in rows)
    assert [row["common_after"] for row in rows] == [not row["child_wrote"] for row in rows]


def test_a_shared_mapping_is_never_copied():
    rows = quietly(lambda: copying.page_rows(shared=True))
    assert all(row["common_before"] and row["common_after"] for row in rows)
    assert any(row["child_wrote"] for row in rows)


@pytest.mark.skipif(os.geteuid() != 0, reason="frames are shown to root alone")
def test_root_sees_the_frames():
    rows = quietly(copying.page_rows)
    assert all((row["frame_parent"] == row["frame_child"]) is not row["child_wrote"] for row in rows)


def test_where_the_page_map_is_refused_there_are_no_pages(monkeypatch):
    def refuse(_address, _count):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(frames, "pages", refuse)
    assert quietly(copying.page_rows) == []


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (Page(True, False, 7), Page(True, False, 7), True),
        (Page(True, True, 7), Page(True, True, 8), False),
        (Page(True, False, 0), Page(True, False, 0), True),  # hidden, and neither is alone
        (Page(True, True, 0), Page(True, False, 0), False),
        (Page(False, False, 0), Page(True, False, 0), False),
    ],
)
def test_whether_a_frame_is_common(one, other, common):
    assert copying.common(one, other) is common


def test_an_entry_of_the_page_map_is_decoded():
    assert Page.of(PRESENT | 42) == Page(True, False, 42)
    assert Page.of(PRESENT | EXCLUSIVE) == Page(True, True, 0)
    assert Page.of(42) == Page(False, False, 0)  # a swapped page's number is no frame


def test_an_area_is_there_page_by_page():
    area = Area(3)
    area.touch(range(1, 2), 9)
    assert [area.value(at) for at in range(3)] == [1, 9, 1]
    assert all(page.present for page in area.pages())
    assert area.address % PAGE == 0


def test_what_is_written_becomes_private_by_smaps_rollup():
    row = quietly(lambda: copying.rollup_row(megabytes=8))
    assert row["written_bytes"] <= row["became_private_bytes"] < 1.5 * row["written_bytes"]


def test_reading_objects_copies_pages_and_freezing_spares_them():
    rows = {row["child"]: row["copied_bytes"] for row in quietly(lambda: objects.object_rows(quick=True))}
    nothing = rows["nothing"]
    assert rows["one large bytes object is read"] < nothing + 1_000_000
    assert rows["every object is read once"] > nothing + 2_000_000
    assert rows["the garbage collector runs"] > nothing + 2_000_000
    assert rows["the same after gc.freeze()"] < rows["the garbage collector runs"] / 4


def test_sizes_keep_to_the_share_of_memory_that_may_be_taken(monkeypatch):
    monkeypatch.setattr(forking.machine, "memory_budget", lambda: 100 * forking.MEGABYTE)
    assert forking.sizes(quick=False) == (
        [0, 16],
        "[64, 256, 1024] MB were left out: 50 MB may be taken here",
    )


def test_fork_rows_have_an_interval_and_grow_with_memory(monkeypatch):
    monkeypatch.setattr(forking, "SIZES", {True: (0, 64)})
    small, large = quietly(lambda: list(forking.fork_rows(quick=True)))
    assert small["low_us"] <= small["median_us"] <= small["high_us"]
    assert large["page_tables_bytes"] > small["page_tables_bytes"]


def test_the_slope_is_per_gigabyte():
    gigabyte = 1024 * forking.MEGABYTE
    rows = [{"memory_bytes": 0, "median_us": 100.0}, {"memory_bytes": gigabyte // 2, "median_us": 3100.0}]
    assert forking.per_gigabyte(rows) == 6.0
    assert forking.per_gigabyte(rows[:1]) is None


def page(wrote, before, after):
    return {
        "part": "page by page, private memory",
        "page": 0,
        "child_wrote": wrote,
        "common_before": before,
        "common_after": after,
    }


def test_a_verdict_tells_what_was_seen_even_if_it_is_odd():
    row = {
        "part": "one address, two processes",
        "memory": "private",
        "address": "0x1",
        "one_memory": True,
        "child_after_its_write": 2,
        "parent_after_it": 2,
    }
    assert memory.conclude([row]).startswith("No: one memory.")
    said = memory.conclude([page(True, True, True), page(False, True, False)])
    assert "of the 1 that the child wrote 0 were copied, of the others 0 of 1 stayed common" in said


def test_odd_pages_are_no_sure_finding():
    forks = [
        {"part": "what fork costs", "low_us": 1, "high_us": 2, "memory_bytes": 0},
        {"part": "what fork costs", "low_us": 3, "high_us": 4, "memory_bytes": 9},
    ]
    assert memory._sure([page(True, True, False), *forks])
    assert not memory._sure([page(True, True, True), *forks])
    assert not memory._sure([page(True, True, False), forks[0]])
