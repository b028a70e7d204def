"""What may be asked of a supervisor from outside, and its answers. Must not know how a request came.

{"do": "status"}, {"do": "history", "worker": NAME}, {"do": "restart", "worker": NAME}, {"do": "scale",
"worker": NAME, "count": N}, {"do": "reload"}, {"do": "upgrade"}, {"do": "stop"}, {"do": "events"},
{"do": "metrics"}. Each is answered by {"ok": true, …} or {"ok": false, "error": SENTENCE}; restart, scale,
reload and upgrade once it is done.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nbmon.workers import report
from nbmon.workers.errors import WorkerError
from nbmon.workers.nodes import Child, Slot, shown_state
from nbmon.workers.scaling import scale
from nbmon.workers.states import State

if TYPE_CHECKING:
    from nbmon.workers.engine import Engine

Answer = dict[str, Any]
Done = Callable[[], Answer | None]  # the answer, once there is one

WELL = frozenset({State.RUNNING, State.ENDED})
ILL = frozenset({State.BACKING_OFF, State.FAILED})


def parsed(line: bytes) -> dict[str, Any]:
    """A request. WorkerError for whatever else the bytes are."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise WorkerError('a request is a JSON object on one line, as in {"do": "status"}')
    return request


def do(engine: Engine, request: dict[str, Any]) -> Done:
    """Do what is asked; the answer comes when it is done. WorkerError if it cannot be."""
    word = request.get("do")
    doing = _DOINGS.get(word) if isinstance(word, str) else None
    if doing is None:
        raise WorkerError(f"{word!r} is nothing to do; accepted are {', '.join(sorted(_DOINGS))}")
    return doing(engine, request)


def _status(engine: Engine, _request: dict[str, Any]) -> Done:
    shown = report.tree(engine.core, engine.lives, time.monotonic())
    return lambda: {"ok": True, "pid": os.getpid(), **shown}


def _history(engine: Engine, request: dict[str, Any]) -> Done:
    found = report.meant(engine.core, str(request.get("worker")))
    deaths = {slot.name: report.history(slot) for slot in found if isinstance(slot, Slot)}
    return lambda: {"ok": True, "deaths": deaths}


def _restart(engine: Engine, request: dict[str, Any]) -> Done:
    found = report.meant(engine.core, str(request.get("worker")))
    for child in found:
        engine.core.again(child, time.monotonic())
    return lambda: _settled(found)


def _scale(engine: Engine, request: dict[str, Any]) -> Done:
    slots = scale(engine.core, str(request.get("worker")), request.get("count"), time.monotonic())
    return lambda: _settled(slots)


def _reload(engine: Engine, _request: dict[str, Any]) -> Done:
    engine.reload_as_by_signal()
    return engine.reloaded


def _upgrade(engine: Engine, _request: dict[str, Any]) -> Done:
    engine.upgrade()
    return engine.upgraded


def _stop(engine: Engine, _request: dict[str, Any]) -> Done:
    engine.stop()
    return lambda: {"ok": True}


def _events(_engine: Engine, _request: dict[str, Any]) -> Done:
    return lambda: {"ok": True}


def _metrics(engine: Engine, _request: dict[str, Any]) -> Done:
    from nbmon.workers import metrics

    text = metrics.exposition(report.seen(engine.core, engine.lives, time.monotonic()))
    return lambda: {"ok": True, "type": metrics.CONTENT_TYPE, "metrics": text}


_DOINGS = {
    "status": _status,
    "history": _history,
    "restart": _restart,
    "scale": _scale,
    "reload": _reload,
    "upgrade": _upgrade,
    "stop": _stop,
    "events": _events,
    "metrics": _metrics,
}


def _settled(children: Sequence[Child]) -> Answer | None:
    """An answer, once none of them is on its way up or down."""
    if not all(child.state in WELL | ILL for child in children):
        return None
    for child in children:
        if child.state in ILL:
            state = shown_state(child) if isinstance(child, Slot) else child.state.value
            why = f": it {child.deaths[-1].sentence}" if child.deaths else ""
            return {"ok": False, "error": f"{child.name} is {state}{why}"}
    return {"ok": True}
