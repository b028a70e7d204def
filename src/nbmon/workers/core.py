"""The supervisor's mind: what happened goes in, what is to be done comes out.

Must know no process, no thread, no descriptor and no clock: the time is given with each event, in
monotonic seconds, and the orders are left in `orders` for the engine to carry out. Between two calls
every supervisor is where `_settle` brought it: nothing more can be started or stopped before something
else happens.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from nbmon.workers.errors import WorkerError
from nbmon.workers.nodes import Child, Death, Node, Slot
from nbmon.workers.order import holds_up, together, too_early, too_often
from nbmon.workers.policy import History, Policy, Verdict, affected, decide
from nbmon.workers.spec import Plan
from nbmon.workers.states import ALIVE, UP, Happening, State

H = Happening


class Do(Enum):
    """An order to the engine about one worker."""

    START = "start it"
    ASK = "ask it to end"
    KILL = "force it to end"
    TIMER = "say when this much time has passed"


Order = tuple[Do, Slot | Node, float, int]  # the seconds of a TIMER; the child's stamp when it was given


class Core:
    """The tree of `plan`, kept alive. `finished` is set once it is down for good, `failure` says why."""

    def __init__(self, plan: Plan, chance: Callable[[], float]) -> None:
        self.root = Node(plan)
        self.orders: list[Order] = []
        self.finished = False
        self.failure: Death | None = None
        self.said: list[str] = []  # what the log should know
        self.by_key = {slot.key: slot for slot in self.root.slots()}
        self._chance = chance
        self._retired: set[int] = set()  # keys of workers that leave: scaled down, or replaced
        self._held = False  # nothing is started

    # --- what happens ---

    def start(self, now: float) -> None:
        """Start the tree."""
        self._start(self.root, now)

    def stop(self, now: float) -> None:
        """Stop it, in reverse order."""
        self._stop(self.root)
        self._settle(self.root, now)

    def ready(self, key: int, now: float) -> None:
        """A worker is ready."""
        slot = self.by_key.get(key)
        if slot is None or slot.state is not State.STARTING:
            return
        slot.move(H.READY)
        slot.ready_once = True
        if key not in self._retired and slot.parent is not None:
            self._settle(slot.parent, now)

    def gone(self, key: int, death: Death, now: float) -> None:
        """A worker has ended, of whatever."""
        slot = self.by_key.get(key)
        if slot is None or slot.state not in ALIVE:
            return
        slot.deaths.append(death)
        if key in self._retired:
            slot.move(H.GONE)
            self._forget(slot)
            assert slot.parent is not None
            self._settle(slot.parent, now)
            return
        self._gone(slot, death, now)

    def lost(self, keys: list[int], death: Death, now: float) -> None:
        """Workers are gone without a fault of theirs, with their host; nobody's restarts are counted."""
        parents: dict[int, Node] = {}
        for slot in [self.by_key[key] for key in keys if key in self.by_key]:
            if slot.state not in ALIVE:
                continue
            slot.deaths.append(death)
            parent = slot.parent
            assert parent is not None
            parents[id(parent)] = parent
            slot.move(H.GONE)
            if slot.key in self._retired:
                self._forget(slot)
            elif slot.state is State.DOWN and slot.spec.restart == "temporary":
                slot.move(H.FAIL)
            elif slot.state is State.DOWN:
                slot.restarts += 1
                slot.move(H.RENEW)
                parent.cursor = min(parent.cursor, slot.index)
        for parent in parents.values():
            self._settle(parent, now)

    def overdue(self, child: Slot | Node, stamp: int, now: float) -> None:
        """The time of a TIMER has passed; nothing happens if the child is no longer where it was then."""
        if child.stamp != stamp:
            return
        before = child.state
        after = child.move(H.OVERDUE)
        if after is before:
            return
        if after in (State.KILLING, State.CONDEMNED):
            self._order(Do.KILL, child)
        elif after is State.IDLE and child.parent is not None:
            child.parent.cursor = min(child.parent.cursor, child.index)
            self._settle(child.parent, now)

    def condemn(self, key: int) -> None:
        """A worker is at fault (no heartbeat, say) and is forced to end; the policy decides then."""
        slot = self.by_key.get(key)
        if slot is not None and slot.state in UP and slot.move(H.CONDEMN) is State.CONDEMNED:
            self._order(Do.KILL, slot)

    def again(self, child: Child, now: float) -> None:
        """The operator, or its age, wants it anew: it is stopped gently and started again, uncounted."""
        parent = child.parent
        if parent is None or parent.state not in UP:
            raise WorkerError(
                f"{child.name or 'the tree'} cannot be restarted: its supervisor is not running"
            )
        parent.cursor = min(parent.cursor, child.index)
        child.restarts += 1
        if child.state in ALIVE:
            self._stop(child)
        else:
            child.move(H.STOP)  # it may be waiting for its time
            child.move(H.RENEW)
        if isinstance(child, Node):
            self._settle(child, now)
        self._settle(parent, now)

    def retire(self, slot: Slot, now: float) -> None:
        """A worker leaves its place for good; it is forgotten when it has ended."""
        parent = slot.parent
        assert parent is not None
        self._retired.add(slot.key)
        if parent.children[slot.index] is slot:
            del parent.children[slot.index]
            parent.renumber()
            parent.cursor = min(parent.cursor, len(parent.children))
        self._stop(slot)
        if slot.state not in ALIVE:
            self._forget(slot)
        self._settle(parent, now)

    def add(self, slot: Slot, now: float) -> None:
        """A new worker, at `slot.index` of its supervisor's children."""
        parent = slot.parent
        assert parent is not None
        self.by_key[slot.key] = slot
        parent.children.insert(slot.index, slot)
        parent.renumber()
        parent.cursor = min(parent.cursor, slot.index)
        self._settle(parent, now)

    def launch_beside(self, slot: Slot, now: float) -> None:
        """Start a worker that has no place yet, to take another's when it is ready (`take_place`)."""
        self.by_key[slot.key] = slot
        self._retired.add(slot.key)
        self._start(slot, now)

    def retire_beside(self, slot: Slot) -> None:
        """A worker that was launched beside is not wanted after all."""
        self._stop(slot)
        if slot.state not in ALIVE:
            self._forget(slot)

    def take_place(self, slot: Slot, old: Slot) -> None:
        """A worker that was launched beside takes the place of `old`, which is retired."""
        parent = old.parent
        assert parent is not None
        self._retired.discard(slot.key)
        slot.index, slot.restarts = old.index, old.restarts
        slot.deaths.extend(old.deaths)
        if parent.children[old.index : old.index + 1] != [old]:  # scaled down meanwhile
            self.retire_beside(slot)
            self._retired.add(slot.key)
            return
        parent.children[old.index] = slot
        self._retired.add(old.key)
        self._stop(old)
        if old.state not in ALIVE:
            self._forget(old)

    # --- around an upgrade ---

    def hold(self) -> None:
        """Start nothing any more, and stop what is hosted."""
        self._held = True
        for slot in self.root.slots():
            if slot.spec.kind != "process":
                self._stop(slot)

    def go_on(self, now: float) -> None:
        """Start whatever is to run and does not."""
        self._held = False
        for node in list(self.root.nodes()):
            node.cursor = 0
            if node.state in UP:
                self._settle(node, now)

    def leaves(self, slot: Slot) -> bool:
        """Whether it has no place any more."""
        return slot.key in self._retired

    def let_leave(self, slot: Slot) -> None:
        """It runs, and has no place."""
        self.by_key[slot.key] = slot
        self._retired.add(slot.key)

    def failed(self) -> list[Slot]:
        """The workers that died and do not come back."""
        return [slot for slot in self.root.slots() if slot.state is State.FAILED]

    # --- what follows ---

    def _order(self, do: Do, child: Child, seconds: float = 0.0) -> None:
        assert isinstance(child, Slot | Node)
        self.orders.append((do, child, seconds, child.stamp))

    def _forget(self, slot: Slot) -> None:
        self.by_key.pop(slot.key, None)
        self._retired.discard(slot.key)

    def _start(self, child: Child, now: float) -> None:
        child.move(H.START)
        child.started = now
        if isinstance(child, Slot):
            self._order(Do.START, child)
            if child.spec.ready:
                self._order(Do.TIMER, child, child.spec.start_timeout)
            return
        assert isinstance(child, Node)
        child.window.clear()
        child.cursor, child.clearing, child.reason = 0, None, None
        for one in child.children:
            one.move(H.RENEW)
            one.young, one.ready_once = 0, False
        self._settle(child, now)

    def _stop(self, child: Child) -> None:
        """Ask; a supervisor's children are asked by `_settle`."""
        before = child.state
        after = child.move(H.STOP)
        if after is State.STOPPING and before is not after and isinstance(child, Slot):
            self._order(Do.ASK, child)
            self._order(Do.TIMER, child, child.spec.grace)

    def _gone(self, child: Child, death: Death, now: float) -> None:
        """It was alive and is gone: asked to, or the policy decides."""
        after = child.move(H.GONE)
        parent = child.parent
        if parent is None:
            self.finished = True
            self.failure = death if after is State.DOWN and not death.normal else None
            return
        if after is State.DOWN and parent.state in UP:
            self._decide(child, parent, death, now)
        elif after is State.DOWN:
            child.move(H.STOP)
        else:
            parent.cursor = min(parent.cursor, child.index)
            if parent.pending > 1:  # not the last: thousands may go down together
                parent.pending -= 1
                return
        self._settle(parent, now)

    def _decide(self, child: Child, parent: Node, death: Death, now: float) -> None:
        plan = parent.plan
        restart = child.spec.restart if isinstance(child, Slot) else child.plan.restart  # type: ignore[attr-defined]  # or a Node
        history = History(parent.window.count(now), child.young)
        policy = Policy(restart, plan.intensity, plan.backoff)
        decision = decide(history, policy, death.normal, now - child.started, self._chance())
        strict = plan.strict_start and parent.state is State.STARTING and not child.ready_once
        child.young = decision.young
        if decision.verdict is Verdict.REST:
            child.move(H.REST if death.normal else H.FAIL)
        elif decision.verdict is Verdict.GIVE_UP:
            child.move(H.FAIL)
            self._give_up(parent, too_often(parent, child, death), death)
        elif strict:
            child.move(H.FAIL)
            self._give_up(parent, too_early(child, death), death)
        else:
            parent.window.add(now)
            self._restart(child, parent, decision.delay, now)

    def _restart(self, child: Child, parent: Node, delay: float, now: float) -> None:
        child.restarts += 1
        rest = affected(parent.plan.strategy, len(parent.children), child.index)
        if len(rest) > 1:
            low = rest.start if parent.clearing is None else min(rest.start, parent.clearing)
            parent.clearing = low
            parent.cursor = min(parent.cursor, low)
        if delay > 0:
            child.move(H.WAIT)
            self._order(Do.TIMER, child, delay)
        elif len(rest) > 1 or self._held:
            child.move(H.RENEW)
        else:
            self._start(child, now)

    def _give_up(self, node: Node, sentence: str, death: Death) -> None:
        node.reason = Death(sentence, False, 0.0, death.when)
        node.move(H.CONDEMN)
        self.said.append(sentence)

    def _settle(self, node: Node, now: float) -> None:
        """Stop or start whatever can be now, and tell the supervisor above if this one's state changed."""
        if node.state in UP:
            if node.clearing is not None:
                if not self._take_down(node, node.clearing):
                    return
                self._renew(node)
            self._walk(node, now)
            return
        node.clearing = None
        if node.state in ALIVE and self._take_down(node, 0):
            death = node.reason or Death("was stopped", True)
            node.deaths.append(death)
            self._gone(node, death, now)

    def _renew(self, node: Node) -> None:
        """All from `clearing` on are down; they begin anew, but those that wait for their time."""
        assert node.clearing is not None
        for child in node.children[node.clearing :]:
            temporary = isinstance(child, Slot) and child.spec.restart == "temporary"
            if child.state is not State.BACKING_OFF and not temporary:
                child.move(H.RENEW)
        node.cursor = min(node.cursor, node.clearing)
        node.clearing = None

    def _walk(self, node: Node, now: float) -> None:
        """Start, in order, what is idle, as far as what must be ready before it is."""
        if self._held:
            return
        while node.cursor < len(node.children):
            child = node.children[node.cursor]
            if child.state is State.IDLE:
                self._start(child, now)
            if holds_up(child, node):
                return
            node.cursor += 1
        if node.state is State.STARTING:
            node.move(H.READY)
            node.ready_once = True
            if node.parent is not None:
                self._settle(node.parent, now)
        if self.root.state in UP and self.root.at_rest():
            self._stop(self.root)
            self._settle(self.root, now)

    def _take_down(self, node: Node, low: int) -> bool:
        """Stop the children from `low` on, last first; those of one kind together. True once all are down."""
        waiting: Child | None = None
        node.pending = 0
        for child in reversed(node.children[low:]):
            if child.state not in ALIVE and not (child.state is State.BACKING_OFF and node.clearing is None):
                continue
            if waiting is not None and not together(child, waiting):
                return False
            self._stop(child)
            if isinstance(child, Node) and child.state in ALIVE:
                self._down_below(child)
            if child.state in ALIVE:
                waiting = child
                node.pending += 1
        return waiting is None and not self._leavers(node)

    def _down_below(self, node: Node) -> None:
        """As `_settle`, for a supervisor whose parent is waiting for it just now."""
        if self._take_down(node, 0):
            node.deaths.append(node.reason or Death("was stopped", True))
            if node.move(H.GONE) is State.DOWN:
                node.move(H.STOP)

    def _leavers(self, node: Node) -> bool:
        """Whether a worker that has no place any more is still on its way out; it hears of it too."""
        found = [self.by_key[key] for key in self._retired if self.by_key[key].parent is node]
        for slot in found:
            self._stop(slot)
        return bool(found)
