"""A world of plain values that obeys the mind's orders, or not."""

from __future__ import annotations

from nbmon.workers import Supervisor, process
from nbmon.workers.core import Core, Do
from nbmon.workers.nodes import Death, Slot

DIED, ENDED = Death("died", False), Death("ended", True)


def nothing():
    """A worker's function that is never called here."""


def worker(name, **options):
    return process(name, nothing, **options)


class World:
    """Obeys the core's orders at once, and keeps what was done as a list of words."""

    def __init__(self, *children, obedient=True, **options):
        self.now = 1000.0
        self.done = []
        self.timers = []
        self.obedient = obedient
        self.core = Core(Supervisor(*children, **options).plan, lambda: 0.0)

    def carry_out(self):
        while self.core.orders:
            do, child, seconds, stamp = self.core.orders.pop(0)
            if do is Do.TIMER:
                self.timers.append((self.now + seconds, child, stamp))
                continue
            assert isinstance(child, Slot)
            self.done.append(f"{do.name.lower()} {child.name}")
            if do is Do.START and not child.spec.ready:
                self.core.ready(child.key, self.now)
            elif do is Do.KILL or (do is Do.ASK and self.obedient):
                self.core.gone(child.key, Death("was stopped", False), self.now)

    def start(self):
        self.core.start(self.now)
        return self.steps()

    def steps(self):
        """What was done since the last time."""
        self.carry_out()
        done, self.done = self.done, []
        return done

    def slot(self, name):
        return next(slot for slot in self.core.root.slots() if slot.name == name)

    def states(self):
        return {slot.name: slot.state.value for slot in self.core.root.slots()}

    def die(self, name, death=DIED, after=10.0):
        self.now += after
        self.core.gone(self.slot(name).key, death, self.now)
        return self.steps()

    def say_ready(self, name):
        self.core.ready(self.slot(name).key, self.now)
        return self.steps()

    def pass_time(self, seconds):
        self.now += seconds
        due = sorted((t for t in self.timers if t[0] <= self.now), key=lambda t: t[0])
        self.timers = [t for t in self.timers if t[0] > self.now]
        for _, child, stamp in due:
            self.core.overdue(child, stamp, self.now)
        return self.steps()

    def stop(self):
        self.core.stop(self.now)
        return self.steps()
