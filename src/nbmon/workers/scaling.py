"""More of a worker, or fewer. Must not know processes: it speaks to the core only."""

from __future__ import annotations

from nbmon.workers import report
from nbmon.workers.core import Core
from nbmon.workers.errors import WorkerError
from nbmon.workers.nodes import Node, Slot
from nbmon.workers.spec import Worker
from nbmon.workers.states import UP

LARGEST = 100_000  # of one worker


def scale(core: Core, name: str, count: object, now: float) -> list[Slot]:
    """Let there be `count` of the worker `name`: those that are there afterwards. WorkerError.

    New ones get the lowest free numbers; the highest numbers leave.
    """
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= LARGEST:
        raise WorkerError(f"{name}: {count!r} is no number of workers; accepted are 0 to {LARGEST}")
    node, spec = report.place(core, name)
    if spec.most is not None and count > spec.most:
        raise WorkerError(f"{name} may be at most {spec.most}; start it anew with more")
    if node.state not in UP:
        raise WorkerError(f"{name} cannot be scaled: its supervisor is not running")
    there = _those(node, spec)
    for slot in sorted(there, key=lambda slot: -slot.number)[: max(0, len(there) - count)]:
        core.retire(slot, now)
    numbers = _free_numbers({slot.number for slot in there}, count - len(there))
    for number in numbers:
        slot = Slot(spec, _name(node, spec, number), number, node, _place(node, spec))
        core.add(slot, now)
    return _those(node, spec)


def scale_to(core: Core, node: Node, spec: Worker, numbers: set[int]) -> None:
    """Let there be places with these numbers, before anything has been started."""
    for slot in _those(node, spec):
        if slot.number not in numbers:
            del core.by_key[slot.key]
            node.children.remove(slot)
    node.renumber()
    for number in sorted(numbers - {slot.number for slot in _those(node, spec)}):
        slot = Slot(spec, _name(node, spec, number), number, node, _place(node, spec))
        core.by_key[slot.key] = slot
        node.children.insert(slot.index, slot)
        node.renumber()


def _those(node: Node, spec: Worker) -> list[Slot]:
    return [child for child in node.children if isinstance(child, Slot) and child.spec is spec]


def _free_numbers(taken: set[int], wanted: int) -> list[int]:
    """The lowest numbers that are not taken."""
    free: list[int] = []
    number = 1
    while len(free) < wanted:
        if number not in taken:
            free.append(number)
        number += 1
    return free


def _name(node: Node, spec: Worker, number: int) -> str:
    prefix = f"{node.name}/" if node.name else ""
    own = spec.name if spec.count == 1 and number == 1 else f"{spec.name}-{number}"
    return prefix + own


def _place(node: Node, spec: Worker) -> int:
    """After the last of its like; where there is none, before what follows it in the plan."""
    there = _those(node, spec)
    if there:
        return there[-1].index + 1
    later = node.plan.children[node.plan.children.index(spec) + 1 :]
    for child in node.children:
        plan = child.spec if isinstance(child, Slot) else getattr(child, "plan", None)
        if any(plan is one for one in later):
            return child.index
    return len(node.children)
