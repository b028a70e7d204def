"""Whether a worker that runs is to go on: its age, its memory, its heart, the requests that it has done."""

from __future__ import annotations

import time
from random import random as chance
from typing import TYPE_CHECKING

from nbmon.workers import deaths
from nbmon.workers.errors import WorkerError
from nbmon.workers.lives import Life
from nbmon.workers.log import say
from nbmon.workers.policy import spread
from nbmon.workers.states import State

if TYPE_CHECKING:
    from nbmon.workers.engine import Engine

MEMORY_LOOK = 5.0  # seconds between two looks at the memory of a worker that has a limit


class Health:
    """Looks at the workers of an engine, each when it is time, and has them renewed or condemned."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def watch_over(self, life: Life) -> None:
        """Look at its age and its memory, and at its heart once it is ready."""
        spec, after = life.slot.spec, self._engine.loop.after
        if spec.max_age is not None:
            age = jittered(spec.max_age, spec.jitter)
            left = max(0.0, life.since + age - time.monotonic())
            after(left, lambda: self.renew(life, f"is {age:.0f} seconds old"))
        if spec.memory_limit is not None:
            after(MEMORY_LOOK, lambda: self._weigh(life))
        if life.slot.state is State.RUNNING:
            self.listen(life)

    def listen(self, life: Life) -> None:
        """From now on its heart has to beat within the time agreed."""
        life.beat = time.monotonic()
        if life.slot.spec.heartbeat is not None:
            self._engine.loop.after(life.slot.spec.heartbeat, lambda: self._hear(life))

    def _hear(self, life: Life) -> None:
        if self._is_over(life):
            return
        allowed = life.slot.spec.heartbeat or 0.0
        left = life.beat + allowed - time.monotonic()
        if left > 0:
            self._engine.loop.after(left, lambda: self._hear(life))
            return
        life.why = f"gave no heartbeat for {allowed:g} seconds"
        self._engine.core.condemn(life.slot.key)

    def _weigh(self, life: Life) -> None:
        if self._is_over(life):
            return
        weight = deaths.resident(life.pid or 0)
        if weight > (life.slot.spec.memory_limit or 0):
            self.renew(life, f"uses {weight >> 20} MiB of memory")
        self._engine.loop.after(MEMORY_LOOK, lambda: self._weigh(life))

    def renew(self, life: Life, why: str) -> None:
        """Another takes its place, gently."""
        if self._is_over(life):
            return
        try:
            self._engine.core.again(life.slot, time.monotonic())
        except WorkerError:  # all of it is going down
            return
        say(f"{life.slot.name} {why} and is renewed")

    def _is_over(self, life: Life) -> bool:
        return self._engine.lives.get(life.slot.key) is not life or life.slot.state is not State.RUNNING


def jittered(value: float, jitter: float) -> float:
    """`value`, moved a little by chance."""
    return spread(value, jitter, chance())  # noqa: S311 - no secret depends on it
