"""Questions about the order of a supervisor's children: pure, over the tree as it stands."""

from __future__ import annotations

from nbmon.workers.nodes import Child, Death, Node, Slot
from nbmon.workers.states import State

NOT_STARTED = "could not be started: "  # how the sentence of such a death begins


def too_often(node: Node, child: Child, death: Death) -> str:
    """Why a supervisor gives up."""
    plan = node.plan
    called = f"supervisor {node.name}" if node.name else "the supervisor"
    return (
        f"{called} gave up: more than {plan.intensity} restarts within {plan.period:g} seconds; "
        f"the last was {child.name}, which {death.sentence}"
    )


def too_early(child: Child, death: Death) -> str:
    """Why a strict start ends. What could not be started says enough, and may end in a command to type."""
    when = "" if death.sentence.startswith(NOT_STARTED) else " before it was ready"
    return f"{child.name} {death.sentence}{when}"


def holds_up(child: Child, node: Node) -> bool:
    """Whether what comes after `child` has to wait for it."""
    if child.state not in (State.STARTING, State.BACKING_OFF, State.STOPPING, State.KILLING, State.CONDEMNED):
        return False
    return node.plan.strategy != "one_for_one" or not child.ready_once


def together(child: Child, other: Child) -> bool:
    """Whether the two are stopped side by side: they are several of one worker."""
    return isinstance(child, Slot) and isinstance(other, Slot) and child.spec is other.spec
