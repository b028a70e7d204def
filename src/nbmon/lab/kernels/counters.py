"""The processor's own counters of cache and branch misses, by perf_event_open(2), where they are allowed.

Most virtual machines have none, and `kernel.perf_event_paranoid` above 2 forbids them: `refused` says it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import struct

SYS_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "ppc64le": 319, "s390x": 331}
TYPE_HARDWARE = 0
EVENTS = {"cache_misses": 3, "branch_misses": 5}  # PERF_COUNT_HW_…
SIZE = 112  # bytes of perf_event_attr, version 5
DISABLED, INHERIT, EXCLUDE_KERNEL, EXCLUDE_HV = 1 << 0, 1 << 1, 1 << 5, 1 << 6
IOC_ENABLE = 0x2400  # PERF_EVENT_IOC_ENABLE


class Counters:
    """Counts for this process from `with` on, without what the kernel does."""

    def __init__(self) -> None:
        self.refused = ""
        self._open: dict[str, int] = {}

    def __enter__(self) -> Counters:
        for name, event in EVENTS.items():
            try:
                self._open[name] = _opened(event)
            except OSError as error:
                self.refused = error.strerror or str(error)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._open.values():
            os.close(one)
        self._open.clear()

    def each(self, parts: int) -> dict[str, float]:
        """Misses for each of so many parts; empty where counting was refused."""
        return {
            name: int.from_bytes(os.read(one, 8), "little") / max(1, parts)
            for name, one in self._open.items()
        }


def _opened(event: int) -> int:
    number = SYS_PERF_EVENT_OPEN.get(platform.machine())
    if number is None:
        raise OSError(f"perf_event_open(2) is not known for {platform.machine()}")
    flags = DISABLED | EXCLUDE_KERNEL | EXCLUDE_HV
    attributes = struct.pack("=IIQQQQQ", TYPE_HARDWARE, SIZE, event, 0, 0, 0, flags).ljust(SIZE, b"\0")
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.syscall(number, attributes, 0, -1, -1, 0))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    fcntl.ioctl(descriptor, IOC_ENABLE, 0)
    return descriptor
