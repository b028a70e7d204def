"""Which physical page lies behind an address: /proc/PID/pagemap (the kernel's admin-guide/mm/pagemap).

The number of the frame is shown to CAP_SYS_ADMIN alone. Anyone may see of one's own pages whether one process
only maps a page (bit 56), which is what copying on write changes.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, mmap

PAGE = os.sysconf("SC_PAGE_SIZE")
ENTRY = 8  # bytes
PRESENT, EXCLUSIVE, FRAME = 1 << 63, 1 << 56, (1 << 55) - 1
MADV_NOHUGEPAGE = 15


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the page map."""

    present: bool
    alone: bool  # no other process maps the frame
    frame: int  # 0: hidden

    @classmethod
    def of(cls, entry: int) -> Page:
        """Decode the 64 bits; pure.

        >>> Page.of(1 << 63 | 1 << 56 | 42)
        Page(present=True, alone=True, frame=42)
        """
        present = bool(entry & PRESENT)
        return cls(present, bool(entry & EXCLUSIVE), entry & FRAME if present else 0)


def pages(address: int, count: int) -> list[Page]:
    """Those of this process from `address` on. OSError if the page map is refused."""
    with open("/proc/self/pagemap", "rb", buffering=0) as file:  # noqa: PTH123 - unbuffered
        data = os.pread(file.fileno(), count * ENTRY, address // PAGE * ENTRY)
    return [Page.of(int.from_bytes(data[at : at + ENTRY], "little")) for at in range(0, len(data), ENTRY)]


class Area:
    """So many pages of memory, each of the small size, written once so that they are there."""

    def __init__(self, count: int, shared: bool = False) -> None:
        kind = MAP_SHARED if shared else MAP_PRIVATE
        self.count = count
        self.memory = mmap(-1, count * PAGE, flags=kind | MAP_ANONYMOUS)
        if hasattr(self.memory, "madvise"):
            try:
                self.memory.madvise(MADV_NOHUGEPAGE)  # a page of 2 MiB would be copied whole
            except OSError:
                pass  # a kernel without them
        self.touch(range(count), 1)
        self._view = (ctypes.c_char * (count * PAGE)).from_buffer(self.memory)
        self.address = ctypes.addressof(self._view)

    def touch(self, which: range, value: int) -> None:
        """Write the first byte of some pages."""
        for at in which:
            self.memory[at * PAGE] = value

    def value(self, at: int = 0) -> int:
        """The first byte of a page."""
        return self.memory[at * PAGE]

    def pages(self) -> list[Page]:
        """What lies behind it, in this process."""
        return pages(self.address, self.count)
