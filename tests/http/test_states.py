"""Every cell of the connection's table, written out once more, and a walk through it by a session."""

import pytest

from nbmon.http import TABLE, Happening, MisuseError, Session, State
from nbmon.http.states import impossible

S, H = State, Happening
READING = (S.LINE, S.FIELDS, S.BODY)

EXPECTED = {
    (S.IDLE, H.BEGUN): S.LINE,
    (S.LINE, H.LINE_READ): S.FIELDS,
    (S.FIELDS, H.HEAD_READ): S.BODY,
    (S.IDLE, H.REQUEST_READ): S.ANSWERING,
    (S.FIELDS, H.REQUEST_READ): S.ANSWERING,
    (S.BODY, H.REQUEST_READ): S.ANSWERING,
    (S.IDLE, H.LAST_READ): S.ANSWERING_LAST,
    (S.FIELDS, H.LAST_READ): S.ANSWERING_LAST,
    (S.BODY, H.LAST_READ): S.ANSWERING_LAST,
    (S.IDLE, H.REFUSED): S.ANSWERING_LAST,
    **{(state, H.REFUSED): S.ANSWERING_LAST for state in READING},
    **{(state, H.TIMED_OUT): S.ANSWERING_LAST for state in READING},
    (S.IDLE, H.ENDED): S.CLOSED,
    (S.IDLE, H.TIMED_OUT): S.CLOSED,
    (S.CLOSED, H.ENDED): S.CLOSED,
    (S.CLOSED, H.TIMED_OUT): S.CLOSED,
    (S.ANSWERING, H.ANSWERED): S.SENDING,
    (S.ANSWERING, H.ANSWERED_LAST): S.SENDING_LAST,
    (S.ANSWERING_LAST, H.ANSWERED): S.SENDING_LAST,
    (S.ANSWERING_LAST, H.ANSWERED_LAST): S.SENDING_LAST,
    (S.SENDING, H.SENT): S.IDLE,
    (S.SENDING_LAST, H.SENT): S.CLOSED,
    **{(state, H.LOST): S.CLOSED for state in State},
}
CELLS = [(state, happening) for state in State for happening in Happening]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell[0].name}-{cell[1].name}")
def test_the_cell_is_as_written(cell):
    assert TABLE[cell] is EXPECTED.get(cell)


def test_the_table_is_total():
    assert set(TABLE) == set(CELLS)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in EXPECTED], ids=str)
def test_what_cannot_happen_is_the_callers_error(cell):
    session = Session()
    session.state = cell[0]
    with pytest.raises(MisuseError, match=f"{cell[1].name} cannot happen .* {cell[0].name}"):
        session._move(cell[1])
    assert session.state is cell[0]


def test_every_state_can_be_reached_and_left_for_closed():
    reached, fresh = set(), {S.IDLE}
    while fresh:
        reached |= fresh
        fresh = {TABLE[state, h] for state in fresh for h in Happening} - reached - {None}
    assert reached == set(State)


def test_the_error_is_a_sentence_of_the_two_names():
    assert str(impossible(S.IDLE, H.SENT)) == "SENT cannot happen to a connection that is IDLE"
