"""One process as /proc shows it. Tests look here, not at what the code says of itself."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GROSS_HANG = 30.0  # seconds: a bound on waiting, never a measurement


@dataclass(frozen=True)
class Process:
    """A process by its number; every attribute reads /proc afresh."""

    pid: int

    @property
    def _stat(self) -> list[str]:
        # proc(5): the name, field 2, may hold spaces and brackets; all after the last ')' is plain.
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()

    @property
    def state(self) -> str:
        return self._stat[0]

    @property
    def parent(self) -> int:
        return int(self._stat[1])

    @property
    def group(self) -> int:
        return int(self._stat[2])

    @property
    def session(self) -> int:
        return int(self._stat[3])

    @property
    def tty(self) -> int:
        return int(self._stat[4])

    def status(self, key: str) -> str:
        """One line of /proc/PID/status, such as `Umask` or `SigIgn`."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return value.strip()
        raise KeyError(key)

    @property
    def umask(self) -> int:
        return int(self.status("Umask"), 8)

    def signals(self, key: str) -> set[int]:
        """A signal set (`SigIgn`, `SigBlk`, `SigCgt`) as numbers."""
        mask = int(self.status(key), 16)
        # nptl(7): 32 and 33 are the C library's own; no program can set them.
        return {n + 1 for n in range(64) if mask >> n & 1} - {32, 33}

    @property
    def cwd(self) -> str:
        return os.readlink(f"/proc/{self.pid}/cwd")

    @property
    def root(self) -> str:
        return os.readlink(f"/proc/{self.pid}/root")

    @property
    def descriptors(self) -> dict[int, str]:
        found = {}
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found[int(fd)] = os.readlink(f"/proc/{self.pid}/fd/{fd}")
        return found

    @property
    def environment(self) -> dict[str, str]:
        """The block given at exec; later changes by the program are not seen here (proc(5))."""
        raw = Path(f"/proc/{self.pid}/environ").read_bytes().split(b"\0")
        return {os.fsdecode(k): os.fsdecode(v) for k, _, v in (e.partition(b"=") for e in raw if e)}

    @property
    def alive(self) -> bool:
        """Running: a zombie, which only waits to be reaped, is not."""
        try:
            return self.state not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False


def wait_until(
    condition: Callable[[], object], timeout: float = GROSS_HANG, what: str | Callable[[], str] = ""
) -> None:
    """Wait for `condition` to be true; AssertionError after `timeout` seconds.

    `what` is waited for; one that can be called tells what there was at the end instead.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            told = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {told or condition}")
        time.sleep(0.005)
