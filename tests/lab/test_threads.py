"""What threads do: each case is observed, and the verdict follows from the observation."""

import pytest

from nbmon.lab.errors import LabError
from nbmon.lab.experiment import Finding
from nbmon.lab.experiments import threads
from nbmon.lab.experiments.threads import named, observe, spans, told
from nbmon.lab.experiments.threads.cases import CASES, LONG_NAME
from nbmon.lab.experiments.threads.verdict import DOCUMENTED, SENTENCES, conclude, expected


@pytest.fixture(scope="module")
def seen():
    return {row["case"]: row for row in map(observe, CASES)}


@pytest.mark.parametrize("case", [named(case) for case in CASES])
def test_it_is_as_documented(seen, case):
    assert expected(seen[case]), seen[case]


def test_every_case_has_its_documentation():
    assert [named(case) for case in CASES] == list(DOCUMENTED)
    assert set(SENTENCES) <= set(DOCUMENTED)


def test_a_thread_that_is_not_joined_ends_before_the_atexit_functions(seen):
    events = seen["not joined"]["events"]
    (end,) = [event["start_ms"] for event in events if event["what"] == "ended" and event["lane"] == "thread"]
    (atexit,) = [event["start_ms"] for event in events if event["what"] == "atexit functions"]
    assert end <= atexit


def test_a_daemon_thread_is_cut_off_and_no_other(seen):
    cut = {case for case, row in seen.items() if any(event["what"] == "cut off" for event in row["events"])}
    assert cut == {"daemon", "low level"}


def test_an_exception_is_told_on_stderr_and_nothing_else_is(seen):
    assert {case: row["error"] for case, row in seen.items() if row["error"]} == {
        "exception": "ValueError: of the thread's own"
    }


def test_the_kernel_keeps_fifteen_letters_of_a_name(seen):
    found = seen["names"]["seen"]
    assert (found["python"], found["kernel_when_set"]) == (LONG_NAME, LONG_NAME[:15])


def test_what_makes_no_sense_is_refused_by_name(seen):
    assert all(said.startswith("RuntimeError") for said in seen["wrong calls"]["seen"].values())


def test_a_child_of_fork_has_one_thread(seen):
    assert seen["fork"]["seen"]["threads_in_parent"] == 2
    assert seen["fork"]["seen"]["threads_in_child"] == 1


def test_a_timeline_shows_every_lane(seen):
    plots = threads.plots(Finding(list(seen.values()), "", True))
    assert len(plots) == len(CASES)
    assert [lane.label for lane in plots[-1].lanes] == ["main thread", "thread", "forked child"]


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("not joined", {"thread_finished": False}, "nobody joined was cut off"),
        ("daemon", {"thread_finished": True, "waited_for_at_exit": True}, "a daemon thread was waited for"),
        ("exception", {"exit_code": 1}, "exit 1"),
        (
            "fork",
            {"seen": {"threads_in_child": 2, "child_got_the_lock": True, "python_warns": True}},
            "fork took 2",
        ),
        ("run called", {"seen": {"in_main_thread": False}}, "made a thread"),
    ],
)
def test_a_verdict_tells_what_was_seen_even_if_it_is_odd(seen, case, change, words):
    row = {**seen[case], **change}
    assert words in conclude([row])
    assert not expected(row)


def test_spans_end_where_the_next_begins_and_what_did_not_end_is_cut_off():
    marks = [
        (0, "main thread", "works"),
        (1_000_000, "thread", "works"),
        (2_000_000, "main thread", "at exit"),
    ]
    assert [(s["lane"], s["what"], s["start_ms"], s["end_ms"]) for s in spans(marks, 5_000_000)] == [
        ("main thread", "works", 0.0, 2.0),
        ("main thread", "at exit", 2.0, 5.0),
        ("main thread", "ended", 5.0, 5.0),
        ("thread", "works", 1.0, 5.0),
        ("thread", "cut off", 5.0, 5.0),
    ]


def test_what_is_told_is_put_together():
    lines = [
        b'{"saw": {"a": 1}}\n',
        b'{"mark": [2, "x", "b"]}\n',
        b'{"mark": [1, "x", "a"]}\n',
        b'{"saw": {"b": 2}}',
    ]
    assert told(lines) == ([(1, "x", "a"), (2, "x", "b")], {"a": 1, "b": 2})


def test_a_case_that_dies_is_named():
    def missing():
        """No case of the program's."""

    with pytest.raises(LabError, match="the case missing died: StopIteration"):
        observe(missing)
