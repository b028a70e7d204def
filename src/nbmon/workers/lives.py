"""One life of a worker, whatever its kind: what the engine may do with it, and what lists show of it."""

from __future__ import annotations

import time

from nbmon.workers.nodes import Slot
from nbmon.workers.processes import Processes, Running
from nbmon.workers.readiness import Descriptor, Port


class Life:
    """From the start of a worker to its death."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.since = time.monotonic()
        self.beat = self.since
        self.why = ""  # what the supervisor forces it to end for

    pid: int | None = None
    tid: int | None = None
    host_pid: int | None = None

    def over(self) -> None:
        """It has ended."""

    def ask(self) -> None:
        """Ask it to end."""
        raise NotImplementedError

    def kill(self) -> None:
        """Force it to end, for `why`."""
        raise NotImplementedError


class ProcessLife(Life):
    """A process of its own."""

    def __init__(self, slot: Slot, processes: Processes, running: Running) -> None:
        super().__init__(slot)
        self._processes = processes
        self.running = running
        self.pid = running.child.pid
        self.readiness: Descriptor | Port | None = None

    def over(self) -> None:
        """Nothing of it is waited for any more."""
        if self.readiness is not None:
            self.readiness.close()

    def ask(self) -> None:
        """SIGTERM."""
        self._processes.ask(self.running)

    def kill(self) -> None:
        """SIGKILL, to its whole group."""
        self._processes.kill(self.running, self.why)
