"""What a master leaves to its next image: its workers and their histories, as plain values, and descriptors.

The process stays, and with it its children, when it executes new code (execve(2)): nothing is inherited but
what is written down here. Threads and coroutines are stopped before, so there are none. The next plan may
differ: who has no place in it any more is asked to end.
"""

from __future__ import annotations

import os
import time
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from nbmon.workers import commonlog
from nbmon.workers.child import Child
from nbmon.workers.core import Do
from nbmon.workers.lives import ProcessLife
from nbmon.workers.nodes import Death, Node, Slot
from nbmon.workers.processes import Running
from nbmon.workers.scaling import scale_to
from nbmon.workers.spec import Worker
from nbmon.workers.states import ALIVE, AT_REST, State

if TYPE_CHECKING:
    from nbmon.workers.engine import Engine

VERSION = 1
_KEPT = frozenset({State.RUNNING, State.STOPPING, State.KILLING, *AT_REST})  # other states begin anew
_DYING = frozenset({State.STOPPING, State.KILLING})


def written(engine: Engine) -> dict[str, Any]:
    """All of it, for `settle`."""
    high = engine.processes.ground.high
    nodes = {node.name: _node(node) for node in engine.core.root.nodes()}
    return {
        "version": VERSION,
        "high": [high.base, *high.limits],
        "notices": engine.processes.notices(),
        "keeper": engine.processes.keeper(),
        "nodes": nodes,
        "slots": [_slot(engine, slot) for slot in engine.core.by_key.values()],
        "logs": engine.logs.written(),
        "common_log": engine.common_log.written(),
    }


def descriptors(estate: dict[str, Any]) -> list[int]:
    """Those that `estate` names."""
    found = [*estate["notices"][:3], estate["keeper"][0]]
    found += [slot["life"][1] for slot in estate["slots"] if slot["life"]]
    for reading, writing, _pid, pidfd, *_ in estate["logs"].values():
        found += [reading, writing, pidfd]
    found += commonlog.descriptors(estate["common_log"])
    return [fd for fd in found if fd >= 0]


def _node(node: Node) -> dict[str, Any]:
    return {
        **_child(node),
        "window": node.window.times(),
        "specs": {one.name: one.count for one in node.plan.children if isinstance(one, Worker)},
    }


def _child(child: Slot | Node) -> dict[str, Any]:
    return {
        "state": child.state.name,
        "restarts": child.restarts,
        "young": child.young,
        "ready_once": child.ready_once,
        "started": child.started,
        "deaths": [astuple(death) for death in child.deaths],
    }


def _slot(engine: Engine, slot: Slot) -> dict[str, Any]:
    assert slot.parent is not None
    life = engine.lives.get(slot.key)
    return {
        **_child(slot),
        "node": slot.parent.name,
        "spec": slot.spec.name,
        "name": slot.name,
        "number": slot.number,
        "grace": slot.spec.grace,
        "placed": not engine.core.leaves(slot),
        "life": [life.pid, life.running.child.pidfd, life.since] if isinstance(life, ProcessLife) else None,
    }


# --- in the next image ---


def settle(engine: Engine, estate: dict[str, Any]) -> None:
    """Take it over: `engine` has a plan, and nothing has been started."""
    nodes = {node.name: node for node in engine.core.root.nodes()}
    for name, told in estate["nodes"].items():
        if (node := nodes.get(name)) is not None:
            _restore(node, told)
            node.window.restore(told["window"])
            _make_places(engine, node, told["specs"], estate["slots"])
    for told in estate["slots"]:
        _take(engine, nodes, told)
    engine.logs.take_over(estate["logs"])
    if "common_log" in estate:  # an older image had none
        engine.common_log.take_over(estate["common_log"])
    engine.core.go_on(time.monotonic())


def _restore(child: Slot | Node, told: dict[str, Any]) -> None:
    state = State[told["state"]]
    child.state = state if state in _KEPT else State.IDLE
    child.restarts, child.young = told["restarts"], told["young"]
    child.ready_once, child.started = told["ready_once"], told["started"]
    child.deaths.extend(Death(*death) for death in told["deaths"])


def _make_places(engine: Engine, node: Node, counts: dict[str, int], slots: list[dict[str, Any]]) -> None:
    """As many places of each worker as it had been scaled to; of the others, as the plan says now."""
    for spec in (one for one in node.plan.children if isinstance(one, Worker) and one.name in counts):
        numbers = {
            s["number"] for s in slots if s["placed"] and (s["node"], s["spec"]) == (node.name, spec.name)
        }
        if len(numbers) != counts[spec.name]:
            scale_to(engine.core, node, spec, numbers)


def _take(engine: Engine, nodes: dict[str, Node], told: dict[str, Any]) -> None:
    slot = _place(nodes, told) if told["placed"] else None
    if slot is not None and (slot.spec.kind == "process" or not told["life"]):
        _restore(slot, told)
    elif told["life"]:
        slot = _leaver(nodes, told)
        engine.core.let_leave(slot)
    if slot is None or not told["life"]:
        return
    _live_on(engine, slot, *told["life"])
    if slot.state in _DYING:
        engine.core.orders.append((Do.ASK, slot, 0.0, slot.stamp))
        engine.core.orders.append((Do.TIMER, slot, slot.spec.grace, slot.stamp))


def _place(nodes: dict[str, Node], told: dict[str, Any]) -> Slot | None:
    node = nodes.get(told["node"])
    for child in node.children if node is not None else ():
        if isinstance(child, Slot) and (child.spec.name, child.number) == (told["spec"], told["number"]):
            return child
    return None


def _leaver(nodes: dict[str, Node], told: dict[str, Any]) -> Slot:
    """One that was leaving, or has no place any more."""
    parent = nodes.get(told["node"]) or nodes[""]
    spec = Worker("process", told["spec"], argv=("?",), grace=told["grace"])
    slot = Slot(spec, told["name"], told["number"], parent, -1)
    _restore(slot, told)
    slot.state = State.STOPPING
    return slot


def _live_on(engine: Engine, slot: Slot, pid: int, pidfd: int, since: float) -> None:
    os.set_inheritable(pidfd, False)
    running = Running(engine.job(slot), Child(pid, pidfd), since)
    life = ProcessLife(slot, engine.processes, running)
    life.since = since
    engine.processes.go_on(running)
    engine.lives[slot.key] = life
    if slot.state in ALIVE:
        engine.health.watch_over(life)
