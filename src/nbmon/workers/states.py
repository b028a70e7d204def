"""The life of a child of a supervisor, as one table: (state, happening) -> state.

A worker and an inner supervisor live by the same table. Must not know what a happening leads to
beside the next state: `core` does.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a child is."""

    IDLE = "idle"  # down, to be started when its turn comes
    STARTING = "starting"  # it runs and is not ready yet
    RUNNING = "running"
    DOWN = "down"  # it is gone by itself, and the policy is asked; no longer than that
    BACKING_OFF = "backing off"  # down, to be started when its time has come
    STOPPING = "stopping"  # it was asked to end
    KILLING = "killing"  # it was asked, did not end in time, and is forced
    CONDEMNED = "condemned"  # found faulty, and forced to end; then the policy is asked
    ENDED = "ended"  # down, and not to come back
    FAILED = "failed"  # as ENDED, but it died


class Happening(Enum):
    """What a child lives through."""

    START = "it is started"
    READY = "it is ready"
    GONE = "it has ended, of whatever"
    STOP = "it shall end"
    OVERDUE = "what had its time has not come: readiness, a heartbeat, the end; or a pause is over"
    CONDEMN = "it is at fault: it, or what it hosts, or what it supervises, has to be ended"
    WAIT = "it shall come back, later"
    REST = "it shall not come back"
    FAIL = "it shall not come back, having died"
    RENEW = "its supervisor begins anew"


def _row(**row: State) -> dict[Happening, State]:
    return {Happening[name]: state for name, state in row.items()}


S = State
ROWS: dict[State, dict[Happening, State]] = {
    S.IDLE: _row(
        START=S.STARTING, READY=S.IDLE, GONE=S.IDLE, STOP=S.IDLE, OVERDUE=S.IDLE,
        CONDEMN=S.IDLE, WAIT=S.BACKING_OFF, REST=S.ENDED, FAIL=S.FAILED, RENEW=S.IDLE,
    ),
    S.STARTING: _row(
        START=S.STARTING, READY=S.RUNNING, GONE=S.DOWN, STOP=S.STOPPING, OVERDUE=S.CONDEMNED,
        CONDEMN=S.CONDEMNED, WAIT=S.STARTING, REST=S.STARTING, FAIL=S.STARTING, RENEW=S.STARTING,
    ),
    S.RUNNING: _row(
        START=S.RUNNING, READY=S.RUNNING, GONE=S.DOWN, STOP=S.STOPPING, OVERDUE=S.CONDEMNED,
        CONDEMN=S.CONDEMNED, WAIT=S.RUNNING, REST=S.RUNNING, FAIL=S.RUNNING, RENEW=S.RUNNING,
    ),
    S.DOWN: _row(
        START=S.STARTING, READY=S.DOWN, GONE=S.DOWN, STOP=S.IDLE, OVERDUE=S.DOWN,
        CONDEMN=S.DOWN, WAIT=S.BACKING_OFF, REST=S.ENDED, FAIL=S.FAILED, RENEW=S.IDLE,
    ),
    S.BACKING_OFF: _row(
        START=S.STARTING, READY=S.BACKING_OFF, GONE=S.BACKING_OFF, STOP=S.IDLE, OVERDUE=S.IDLE,
        CONDEMN=S.BACKING_OFF, WAIT=S.BACKING_OFF, REST=S.ENDED, FAIL=S.FAILED, RENEW=S.IDLE,
    ),
    S.STOPPING: _row(
        START=S.STOPPING, READY=S.STOPPING, GONE=S.IDLE, STOP=S.STOPPING, OVERDUE=S.KILLING,
        CONDEMN=S.KILLING, WAIT=S.STOPPING, REST=S.STOPPING, FAIL=S.STOPPING, RENEW=S.STOPPING,
    ),
    S.KILLING: _row(
        START=S.KILLING, READY=S.KILLING, GONE=S.IDLE, STOP=S.KILLING, OVERDUE=S.KILLING,
        CONDEMN=S.KILLING, WAIT=S.KILLING, REST=S.KILLING, FAIL=S.KILLING, RENEW=S.KILLING,
    ),
    S.CONDEMNED: _row(
        START=S.CONDEMNED, READY=S.CONDEMNED, GONE=S.DOWN, STOP=S.KILLING, OVERDUE=S.CONDEMNED,
        CONDEMN=S.CONDEMNED, WAIT=S.CONDEMNED, REST=S.CONDEMNED, FAIL=S.CONDEMNED, RENEW=S.CONDEMNED,
    ),
    S.ENDED: _row(
        START=S.STARTING, READY=S.ENDED, GONE=S.ENDED, STOP=S.ENDED, OVERDUE=S.ENDED,
        CONDEMN=S.ENDED, WAIT=S.ENDED, REST=S.ENDED, FAIL=S.ENDED, RENEW=S.IDLE,
    ),
    S.FAILED: _row(
        START=S.STARTING, READY=S.FAILED, GONE=S.FAILED, STOP=S.FAILED, OVERDUE=S.FAILED,
        CONDEMN=S.FAILED, WAIT=S.FAILED, REST=S.FAILED, FAIL=S.FAILED, RENEW=S.IDLE,
    ),
}  # fmt: skip
TABLE = {(state, happening): after for state, row in ROWS.items() for happening, after in row.items()}

ALIVE = frozenset({S.STARTING, S.RUNNING, S.STOPPING, S.KILLING, S.CONDEMNED})  # something of it runs
UP = frozenset({S.STARTING, S.RUNNING})  # it does its work, or is about to
AT_REST = frozenset({S.ENDED, S.FAILED})

# What lists of workers call the states.
SHOWN = {
    S.IDLE: "starting",
    S.STARTING: "starting",
    S.RUNNING: "running",
    S.DOWN: "backing-off",
    S.BACKING_OFF: "backing-off",
    S.STOPPING: "stopping",
    S.KILLING: "stopping",
    S.CONDEMNED: "stopping",
    S.ENDED: "ended",
    S.FAILED: "failed",
}
