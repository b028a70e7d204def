"""The tree that is supervised, as it stands now: workers and supervisors, each with its state and history.

Must not know how a state comes about: `core` moves them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from nbmon.workers.policy import Window
from nbmon.workers.spec import Plan, Worker
from nbmon.workers.states import AT_REST, SHOWN, TABLE, Happening, State

DEATHS_KEPT = 16  # of each worker

_keys = count(1)


@dataclass(frozen=True, slots=True)
class Death:
    """An end: of what, whether it was a normal one, after how many seconds, and when (time.time)."""

    sentence: str
    normal: bool
    life: float = 0.0
    when: float = 0.0
    frames: str = ""  # the last ones of an exception


class Child:
    """What a worker and a supervisor have in common."""

    __slots__ = (
        "deaths",
        "index",
        "name",
        "parent",
        "ready_once",
        "restarts",
        "stamp",
        "started",
        "state",
        "young",
    )

    def __init__(self, name: str, parent: Node | None, index: int) -> None:
        self.name = name  # the whole of it: front/web-1
        self.parent = parent
        self.index = index
        self.state = State.IDLE
        self.stamp = 0  # grows with every change of state: a timer of before is none of ours
        self.restarts = 0
        self.young = 0
        self.ready_once = False  # since its supervisor began: what comes after it need not wait again
        self.started = 0.0  # monotonic seconds
        self.deaths: deque[Death] = deque(maxlen=DEATHS_KEPT)

    def move(self, happening: Happening) -> State:
        """The table's next state, entered."""
        after = TABLE[self.state, happening]
        if after is not self.state:
            self.state = after
            self.stamp += 1
        return after

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.state.value})"


class Slot(Child):
    """The place of one worker; who fills it changes."""

    __slots__ = ("key", "number", "spec")

    def __init__(self, spec: Worker, name: str, number: int, parent: Node, index: int) -> None:
        super().__init__(name, parent, index)
        self.spec = spec
        self.number = number  # 1… among those of the same spec
        self.key = next(_keys)


class Node(Child):
    """A supervisor and its children, in order."""

    __slots__ = ("children", "clearing", "cursor", "key", "pending", "plan", "reason", "window")

    def __init__(self, plan: Plan, name: str = "", parent: Node | None = None, index: int = 0) -> None:
        super().__init__(name, parent, index)
        self.key = next(_keys)
        self.plan = plan
        self.window = Window(plan.period)
        self.children: list[Child] = []
        self.cursor = 0  # the children before it have been started
        self.clearing: int | None = None  # the children from here on go down, before any is started
        self.pending = 0  # those that were asked to end and are waited for; then it is looked again
        self.reason: Death | None = None  # why it gave up
        for child in plan.children:
            self._add(child)

    def _add(self, child: Worker | Plan) -> None:
        prefix = f"{self.name}/" if self.name else ""
        if isinstance(child, Plan):
            self.children.append(Node(child, prefix + child.name, self, len(self.children)))
            return
        for number, name in enumerate(child.names(), 1):
            self.children.append(Slot(child, prefix + name, number, self, len(self.children)))

    def renumber(self) -> None:
        """After a change of the list: each knows its place again."""
        for index, child in enumerate(self.children):
            child.index = index

    def slots(self) -> Iterator[Slot]:
        """All workers below, in order."""
        for child in self.children:
            if isinstance(child, Slot):
                yield child
            elif isinstance(child, Node):
                yield from child.slots()

    def nodes(self) -> Iterator[Node]:
        """This supervisor and all below."""
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.nodes()

    def at_rest(self) -> bool:
        """Whether no worker below is to come back."""
        found = False
        for child in self.children:  # asked at each death: it ends with the first that goes on
            if isinstance(child, Slot) and child.spec.aside:
                continue
            if not (child.at_rest() if isinstance(child, Node) else child.state in AT_REST):
                return False
            found = True
        return found


def shown_state(slot: Slot) -> str:
    """The state as lists of workers call it."""
    if slot.state is State.IDLE and (
        slot.parent is None or slot.parent.state not in (State.STARTING, State.RUNNING)
    ):
        return "ended"  # its turn will not come
    return SHOWN[slot.state]
