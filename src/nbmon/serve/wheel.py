"""A coarse timer wheel: which items may be due, in slots a quarter of a second wide.

Must not know: a clock, a socket, what an item is. Time is a number that the caller gives.

An item keeps its exact deadline itself (`item.deadline`, seconds, or None) and may move it later without a
word to the wheel, which is what makes a deadline cost one assignment a request: when its slot comes up, an
item whose deadline has moved on is put in a later slot. Only a deadline that comes *nearer* than the item's
slot needs `place`. (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 6, with lazy
re-insertion.)
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

SLOT = 0.25  # seconds


class Timed(Protocol):
    """What the wheel asks of an item: a deadline, and room for the number of the slot that it is in."""

    deadline: float | None
    slot: int | None


T = TypeVar("T", bound=Timed)


class Wheel(Generic[T]):
    """Items by the slot of time in which each must be looked at."""

    def __init__(self) -> None:
        self._slots: dict[int, set[T]] = {}
        self.next: float | None = None  # seconds: look again then; None: nothing waits

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))

    def place(self, item: T) -> None:
        """See to it that `item` is looked at by its deadline; one without a deadline is left as it is."""
        if item.deadline is None:
            return
        slot = _slot_of(item.deadline)
        if item.slot is not None:
            if item.slot <= slot:
                return  # is looked at earlier, and is put further then
            self.remove(item)
        self._slots.setdefault(slot, set()).add(item)
        item.slot = slot
        if self.next is None or slot * SLOT < self.next:
            self.next = slot * SLOT

    def remove(self, item: T) -> None:
        """Forget `item`; harmless for one that is not in the wheel."""
        if item.slot is None:
            return
        in_slot = self._slots[item.slot]
        in_slot.discard(item)
        if not in_slot:
            del self._slots[item.slot]
            if not self._slots:
                self.next = None
        item.slot = None

    def due(self, now: float) -> list[T]:
        """Take out and return the items whose deadline has passed at `now`; others in their slots move on."""
        passed = [slot for slot in self._slots if slot * SLOT <= now]
        looked_at = [item for slot in passed for item in self._slots.pop(slot)]
        for item in looked_at:
            item.slot = None
        self.next = min(self._slots) * SLOT if self._slots else None
        expired = []
        for item in looked_at:
            if item.deadline is not None and item.deadline <= now:
                expired.append(item)
            else:
                self.place(item)
        return expired


def _slot_of(deadline: float) -> int:
    """The first slot that begins at or after `deadline`: never early, late by at most one slot."""
    return -int(-deadline // SLOT)
