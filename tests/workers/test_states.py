"""Every cell of the table by which a child lives."""

from __future__ import annotations

import pytest

from nbmon.workers.states import ALIVE, AT_REST, SHOWN, TABLE, Happening, State

# Rows: states. Columns, in order: START READY GONE STOP OVERDUE CONDEMN WAIT REST FAIL RENEW.
EXPECTED = """
idle starting idle idle idle idle idle backing-off ended failed idle
starting starting running down stopping condemned condemned starting starting starting starting
running running running down stopping condemned condemned running running running running
down starting down down idle down down backing-off ended failed idle
backing-off starting backing-off backing-off idle idle backing-off backing-off ended failed idle
stopping stopping stopping idle stopping killing killing stopping stopping stopping stopping
killing killing killing idle killing killing killing killing killing killing killing
condemned condemned condemned down killing condemned condemned condemned condemned condemned condemned
ended starting ended ended ended ended ended ended ended ended idle
failed starting failed failed failed failed failed failed failed failed idle
"""
HAPPENINGS = list(Happening)


def cells():
    for line in EXPECTED.split("\n"):
        if line:
            before, *after = (State(word.replace("-", " ")) for word in line.split())
            yield from ((before, what, then) for what, then in zip(HAPPENINGS, after, strict=True))


@pytest.mark.parametrize(("before", "what", "after"), list(cells()))
def test_each_cell_is_as_written(before, what, after):
    assert TABLE[before, what] is after


def test_the_table_is_total_and_has_nothing_else():
    assert set(TABLE) == {(state, happening) for state in State for happening in Happening}
    assert len(list(cells())) == len(TABLE)


def test_only_an_end_makes_what_lives_not_live():
    for (before, what), after in TABLE.items():
        if before in ALIVE and after not in ALIVE:
            assert what is Happening.GONE


def test_only_a_start_makes_it_live():
    for (before, what), after in TABLE.items():
        if before not in ALIVE and after in ALIVE:
            assert what is Happening.START
            assert after is State.STARTING


def test_what_was_asked_to_stop_never_runs_again_before_it_is_gone():
    for before in (State.STOPPING, State.KILLING):
        assert all(TABLE[before, what] in (State.STOPPING, State.KILLING, State.IDLE) for what in Happening)


def test_each_state_is_shown_by_one_of_the_six_words():
    words = {"starting", "running", "backing-off", "stopping", "ended", "failed"}
    assert set(SHOWN) == set(State)
    assert set(SHOWN.values()) == words
    assert {SHOWN[state] for state in AT_REST} == {"ended", "failed"}
