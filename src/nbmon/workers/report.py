"""What lists of workers show, and which workers a name means. Must not change anything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from nbmon.workers import costs
from nbmon.workers.core import Core
from nbmon.workers.errors import WorkerError
from nbmon.workers.lives import Life
from nbmon.workers.nodes import Child, Node, Slot, shown_state
from nbmon.workers.spec import Worker
from nbmon.workers.states import ALIVE, State

if TYPE_CHECKING:
    from nbmon.workers.metrics import Seen


def tree(core: Core, lives: Mapping[int, Life], now: float) -> dict[str, Any]:
    """The whole tree; times in seconds."""
    root = core.root
    return {
        "state": "running" if root.state is State.RUNNING else root.state.value,
        "restarts": sum(slot.restarts for slot in root.slots()),
        "workers": [row(slot, lives.get(slot.key), now) for slot in root.slots()],
        "supervisors": [_supervisor(node) for node in root.nodes()],
    }


def row(slot: Slot, life: Life | None, now: float) -> dict[str, Any]:
    """One worker."""
    death = slot.deaths[-1] if slot.deaths else None
    return {
        "name": slot.name,
        "of": spec_name(slot),
        "kind": slot.spec.kind,
        "pid": life.pid if life else None,
        "tid": life.tid if life else None,
        "host_pid": life.host_pid if life else None,
        "state": shown_state(slot),
        "restarts": slot.restarts,
        "uptime": round(now - life.since, 3) if life and slot.state in ALIVE else 0.0,
        "last_death": f"{death.sentence} after {death.life:.1f} seconds" if death else None,
        "aside": slot.spec.aside,
    }


def history(slot: Slot) -> list[dict[str, Any]]:
    """The last deaths of a worker, the latest last."""
    return [{**asdict(death), "life": round(death.life, 3)} for death in slot.deaths]


def _supervisor(node: Node) -> dict[str, Any]:
    death = node.deaths[-1] if node.deaths else None
    return {
        "name": node.name,
        "strategy": node.plan.strategy,
        "state": node.state.value,
        "restarts": node.restarts,
        "last_death": death.sentence if death else None,
    }


def seen(core: Core, lives: Mapping[int, Life], now: float) -> Seen:
    """What `metrics` tells of: the tree, and what /proc says of those that are told one by one."""
    from nbmon.workers.metrics import MOST_WORKERS, Seen

    slots = list(islice(core.root.slots(), MOST_WORKERS))
    found = {slot.name: _cost(lives[slot.key]) for slot in slots if slot.key in lives}
    return Seen(
        tree(core, lives, now),
        costs.of(os.getpid()),
        now - core.root.started,
        {name: cost for name, cost in found.items() if cost is not None},
        {slot.name: slot.deaths[-1].when for slot in slots if slot.deaths},
    )


def _cost(life: Life) -> costs.Cost | None:
    if life.pid is None or (life.host_pid is not None and life.tid is None):
        return None  # a coroutine has nothing of its own
    return costs.of(life.pid, life.tid)


def meant(core: Core, name: str) -> list[Child]:
    """The workers, or the supervisor, that `name` means: web-1, web (all of them), front. WorkerError."""
    for node in core.root.nodes():
        if node.name == name and node is not core.root:
            return [node]
    found: list[Child] = [slot for slot in core.root.slots() if name in (slot.name, spec_name(slot))]
    if not found:
        raise _unknown(core, name)
    return found


def place(core: Core, name: str) -> tuple[Node, Worker]:
    """The supervisor and the spec of what can be several. WorkerError."""
    for node in core.root.nodes():
        if name and name == node.name:
            raise WorkerError(f"{name!r} is a supervisor, of which there is one; name a worker of it")
        for child in node.plan.children:
            if isinstance(child, Worker) and name == _whole(node, child):
                return node, child
    raise _unknown(core, name)


def spec_name(slot: Slot) -> str:
    """The name by which it and its like are called: front/web of front/web-2."""
    prefix = f"{slot.parent.name}/" if slot.parent and slot.parent.name else ""
    return prefix + slot.spec.name


def _whole(node: Node, spec: Worker) -> str:
    return f"{node.name}/{spec.name}" if node.name else spec.name


def _unknown(core: Core, name: str) -> WorkerError:
    from difflib import get_close_matches

    known = {spec_name(slot) for slot in islice(core.root.slots(), 1000)}
    known |= {node.name for node in core.root.nodes()}
    near = get_close_matches(name, sorted(known - {""}), n=1)
    return WorkerError(f"there is no worker {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
