"""The life of a connection as one table. Must not know what the bytes were.

Reading goes IDLE, LINE, FIELDS, BODY; a request or a refusal is owed an ANSWER, which is then SENDING.
The two `_LAST` states are those after which the connection closes.
"""

from __future__ import annotations

from enum import IntEnum

from nbmon.http.messages import MisuseError


class State(IntEnum):
    """Where a connection stands."""

    IDLE = 0  # between requests, nothing of the next one is here
    LINE = 1  # inside a request line
    FIELDS = 2  # the request line was good, the fields are incomplete
    BODY = 3  # the head was good, its content is being read past
    ANSWERING = 4  # a request was given out, its answer is owed
    ANSWERING_LAST = 5  # the same, or a refusal; the connection closes afterwards
    SENDING = 6  # the answer's head was rendered, the answer is going out
    SENDING_LAST = 7
    CLOSED = 8


class Happening(IntEnum):
    """What moves a connection from one state to another."""

    BEGUN = 0  # a first byte of a request line
    LINE_READ = 1  # a good request line
    HEAD_READ = 2  # a good head, whose content must be read past
    REQUEST_READ = 3  # a whole request, more may follow
    LAST_READ = 4  # a whole request, none may follow
    REFUSED = 5  # not a request, or too much of one
    ENDED = 6  # the client will send no more, and nothing of a request is here
    TIMED_OUT = 7  # the caller's patience ended
    ANSWERED = 8  # the answer's head was rendered
    ANSWERED_LAST = 9  # the same, and the answerer wants to close
    SENT = 10  # the whole answer is out
    LOST = 11  # the connection broke


_I, _L, _F, _B, _A, _Z, _S, _T, _C = State
__ = None  # cannot happen: the caller is in error

# fmt: off
_ROWS: dict[State, tuple[State | None, ...]] = {
    #                       begun line head read last refused ended timeout answered last sent lost
    State.IDLE:            (_L,   __,  __,  _A,  _Z,  _Z,     _C,   _C,     __,      __,  __,  _C),
    State.LINE:            (__,   _F,  __,  __,  __,  _Z,     __,   _Z,     __,      __,  __,  _C),
    State.FIELDS:          (__,   __,  _B,  _A,  _Z,  _Z,     __,   _Z,     __,      __,  __,  _C),
    State.BODY:            (__,   __,  __,  _A,  _Z,  _Z,     __,   _Z,     __,      __,  __,  _C),
    State.ANSWERING:       (__,   __,  __,  __,  __,  __,     __,   __,     _S,      _T,  __,  _C),
    State.ANSWERING_LAST:  (__,   __,  __,  __,  __,  __,     __,   __,     _T,      _T,  __,  _C),
    State.SENDING:         (__,   __,  __,  __,  __,  __,     __,   __,     __,      __,  _I,  _C),
    State.SENDING_LAST:    (__,   __,  __,  __,  __,  __,     __,   __,     __,      __,  _C,  _C),
    State.CLOSED:          (__,   __,  __,  __,  __,  __,     _C,   _C,     __,      __,  __,  _C),
}
# fmt: on

TABLE: dict[tuple[State, Happening], State | None] = {
    (state, happening): target
    for state, row in _ROWS.items()
    for happening, target in zip(Happening, row, strict=True)
}


def impossible(state: State, happening: Happening) -> MisuseError:
    """The caller's error of making `happening` happen in `state`."""
    return MisuseError(f"{happening.name} cannot happen to a connection that is {state.name}")
