"""A reload that loses nothing: new workers start beside the old, and take their places once all are ready.

If one of them dies, or is not ready in time, all of the new ones go and the old ones stay. Must not know
processes: it speaks to the core only. Only functions in processes are renewed so.
"""

from __future__ import annotations

from enum import Enum

from nbmon.workers.core import Core
from nbmon.workers.nodes import Death, Slot
from nbmon.workers.states import State


class Phase(Enum):
    """How far it has come."""

    LAUNCHING = "new workers are being started"
    DONE = "they have taken over"
    REFUSED = "the old ones stay"


class Reload:
    """One reload; `phase` tells its outcome, `reason` why it was refused."""

    def __init__(self, core: Core, now: float) -> None:
        self.phase = Phase.LAUNCHING
        self.reason = ""
        self._core = core
        self._ready: list[Slot] = []
        self._launched: dict[int, Slot] = {}
        self._places = [slot for slot in core.root.slots() if _renewable(slot)]
        self._old: dict[int, Slot] = {}
        self._next(now)

    def ready(self, key: int, now: float) -> None:
        """A worker has become ready; perhaps one of ours."""
        slot = self._launched.pop(key, None)
        if slot is not None:
            self._ready.append(slot)
            self._next(now)

    def gone(self, key: int, death: Death) -> None:
        """A worker is gone; if it is one of ours, the reload is refused."""
        if self.phase is not Phase.LAUNCHING or key not in self._old:
            return
        self.phase = Phase.REFUSED
        self.reason = f"the new {self._old[key].name} {death.sentence}"
        for slot in (*self._launched.values(), *self._ready):
            if slot.key != key:
                self._core.retire_beside(slot)

    def _next(self, now: float) -> None:
        """Launch one more, or, when all are ready, let them take over."""
        if self._places:
            old = self._places.pop(0)
            parent = old.parent
            assert parent is not None
            new = Slot(old.spec, old.name, old.number, parent, old.index)
            self._old[new.key] = old
            self._launched[new.key] = new
            self._core.launch_beside(new, now)
            return
        self.phase = Phase.DONE
        for slot in self._ready:
            self._core.take_place(slot, self._old[slot.key])


def _renewable(slot: Slot) -> bool:
    return slot.spec.kind == "process" and not slot.spec.argv and slot.state is State.RUNNING
