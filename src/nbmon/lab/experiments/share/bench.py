"""What lies on the bench before the workers come: memory, a mapping, a file, a variable of each sort."""

from __future__ import annotations

import os
import tempfile
import threading
from contextvars import ContextVar
from mmap import mmap
from typing import Any

VARIABLE = "NBMON_LAB"
SIZE = 4096  # bytes of the mapping, and the offset that is sought


class Bench:
    """One for the process, laid out anew in each sandbox; nothing of it is the caller's."""

    def __init__(self) -> None:
        self.variable: ContextVar[str] = ContextVar("nbmon_lab", default="old")
        self.clear()

    def clear(self) -> None:
        """Without a file and a mapping, which `lay` makes."""
        self.cell = ["old"]
        self.local = threading.local()
        self.folder = "/"
        self.file = self.spare = -1
        self._mapping: mmap | None = None

    def lay(self) -> None:
        """In the sandbox, before the second worker is made."""
        self.clear()
        self.folder = os.path.realpath(tempfile.gettempdir())
        os.chdir("/")
        os.environ[VARIABLE] = "old"
        self.file = os.memfd_create("nbmon-lab")
        os.truncate(self.file, 2 * SIZE)
        self.spare = os.dup(self.file)
        self._mapping = mmap(-1, SIZE)  # MAP_SHARED | MAP_ANONYMOUS
        self.write_mapping("old")

    def set_cell(self, value: Any) -> None:
        """An ordinary object on the heap."""
        self.cell[0] = value

    def read_mapping(self) -> str:
        """Of a page that was mapped MAP_SHARED before the fork."""
        assert self._mapping is not None
        return self._mapping[:3].decode()

    def write_mapping(self, value: Any) -> None:
        """Three letters."""
        assert self._mapping is not None
        self._mapping[:3] = value.encode()

    def seek(self, value: Any) -> None:
        """In the open file that both have."""
        os.lseek(self.file, value, os.SEEK_SET)

    def umask(self, value: Any) -> None:
        """As /proc writes it: octal digits."""
        os.umask(int(value, 8))

    def environ(self, value: Any) -> None:
        """Python's environment, which setenv(3) gives to the C library."""
        os.environ[VARIABLE] = value

    def read_local(self) -> str:
        """A thread-local."""
        return str(getattr(self.local, "value", "old"))

    def write_local(self, value: Any) -> None:
        """For this thread."""
        self.local.value = value

    def set_variable(self, value: Any) -> None:
        """For this context."""
        self.variable.set(value)


BENCH = Bench()
