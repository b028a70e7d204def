"""How far spawn goes: to ten thousand, or to the bound that is met first, which is named."""

import pytest

from nbmon.lab.errors import LabMisuseError
from nbmon.lab.experiment import Progress, Settings
from nbmon.lab.experiments import spawn
from nbmon.lab.experiments.spawn import Way, climb

GIGABYTE = 1 << 30


@pytest.fixture(autouse=True)
def no_limits(monkeypatch):
    monkeypatch.setattr(spawn, "limits", lambda: {"kernel.pid_max": None})


def way(kind="process", budget=1000 * GIGABYTE):
    return Way("made", kind, False, budget)


def climbed(way, us=1.0, memory=1, refused_at=None):
    """The counts that were made, the rows and the notes, for workers of that cost."""
    made, notes = [], []

    def measured(_way, count, runs):
        made.append((count, runs))
        refused = "the machine said no" if refused_at is not None and count > refused_at else ""
        count = refused_at if refused else count
        row = {"means": "made", "kind": way.kind, "count": count, "median_us": us, "memory_bytes": memory}
        return row if count else None, refused

    return made, list(climb(way, notes, measured)), notes


def test_without_a_bound_it_goes_to_ten_thousand():
    made, rows, notes = climbed(way())
    assert [count for count, _ in made] == [1, 10, 100, 1000, 10_000]
    assert {row["limit"] for row in rows} == {None}
    assert notes == []


@pytest.mark.parametrize(
    ("cost", "most", "name", "why"),
    [
        ({"us": 1780.0}, 3600, "time", "3,600: a row may take 6.5 s"),
        ({"us": 30_000.0}, 210, "time", "210: a row may take 6.5 s"),
        ({"memory": 300 << 20}, 3400, "memory", "3,400: no more than 1,000 GiB of memory"),
    ],
)
def test_it_goes_as_far_as_time_and_memory_allow_and_names_which(cost, most, name, why):
    made, rows, notes = climbed(way(), **cost)
    assert made[-1][0] == rows[-1]["count"] == most
    assert rows[-1]["limit"] == name
    assert why in notes[-1]
    assert {row["limit"] for row in rows[:-1]} == {None}


def test_half_of_the_kernels_limit_is_left_to_others(monkeypatch):
    monkeypatch.setattr(spawn, "limits", lambda: {"kernel.pid_max": 4000, "RLIMIT_NPROC": None})
    assert climbed(way())[1][-1]["limit"] == "kernel.pid_max"
    assert climbed(way())[0][-1][0] == 2000
    assert "kernel.pid_max is 4,000" in climbed(way())[2][-1]
    assert climbed(way("coroutine"))[0][-1][0] == 10_000


def test_a_few_more_than_before_are_not_worth_another_row():
    made, rows, notes = climbed(way(), us=6000.0)
    assert [count for count, _ in made] == [1, 10, 100, 1000]
    assert rows[-1]["limit"] == "time"
    assert "no more than 1,000" in notes[-1]


def test_what_the_machine_refuses_ends_it_with_what_there_was():
    made, rows, notes = climbed(way(), refused_at=70)
    assert [count for count, _ in made] == [1, 10, 100]
    assert (rows[-1]["count"], rows[-1]["limit"]) == (70, "the machine said no")
    assert "the machine said no" in notes[-1]
    assert climbed(way(), refused_at=0)[1] == []


def test_many_that_take_long_are_made_but_once():
    runs = [runs for _, runs in climbed(way(), us=600.0)[0]]
    assert runs == [7, 7, 7, 3, 1]


@pytest.mark.parametrize("word", ["soon", "0", "-1", "nan", "1000"])
def test_other_than_seconds_is_said(word):
    with pytest.raises(LabMisuseError, match=r"give a number of seconds up to 120, as in seconds=60"):
        spawn.run(Settings(False, {"seconds": word}), Progress())


def test_with_more_time_it_goes_further():
    longer = Way("made", "process", False, 1000 * GIGABYTE, 60.0)
    assert climbed(longer, us=1780.0)[0][-1][0] == 10_000


def test_what_was_made_once_does_not_make_it_sure():
    once = {"kind": "process", "means": "fork", "count": 10, "median_us": 1.0, "low_us": 1.0, "high_us": 1.0}
    assert not spawn.confident([once | {"runs": 1}])
    assert spawn.confident([once | {"runs": 2}])


def test_the_verdict_names_where_it_ended():
    row = {"kind": "process", "means": "fork", "count": 4400, "median_us": 1800.0, "memory_bytes": 1 << 20}
    row |= {"low_us": 1790.0, "high_us": 1810.0, "limit": "memory", "runs": 3}
    assert "no more than 4,400 by fork (memory)" in spawn.verdict([row])
    assert "no more than" not in spawn.verdict([row | {"limit": None}])
