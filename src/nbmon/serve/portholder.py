"""Who holds a TCP port, as far as /proc tells this user: proc(5), /proc/net/tcp and /proc/PID/fd.

Only for a person's eyes, in the sentence that says why a port cannot be had: read at that moment, never acted
on.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

LISTEN = "0A"  # include/net/tcp_states.h


def holder_of_port(port: int) -> str | None:
    """`nginx (pid 812)`, which listens on `port`; None if nobody does, or this user may not see who."""
    inodes = _inodes_listening_on(port)
    pid = _process_with(inodes) if inodes else None
    return f"{_name_of(pid)} (pid {pid})" if pid is not None else None


def _inodes_listening_on(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            found.update(inodes_in(Path(table).read_text(), port))
    return found


def inodes_in(table: str, port: int) -> set[str]:
    """Socket inodes that listen on `port` in the text of /proc/net/tcp or tcp6."""
    found = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
            found.add(fields[9])
    return found


def _process_with(inodes: set[str]) -> int | None:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, wanted):
            return int(process.name)
    return None


def _holds(process: Path, wanted: set[str]) -> bool:
    with contextlib.suppress(OSError):  # gone, or another user's
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in wanted:
                    return True
    return False


def _name_of(pid: int) -> str:
    try:
        raw = Path(f"/proc/{pid}/comm").read_bytes()
    except OSError:
        return "a process"
    # A process names itself as it likes (PR_SET_NAME): nothing of it may steer a terminal.
    return (
        "".join(c if c.isprintable() else "?" for c in raw.decode("utf-8", "replace").strip()) or "a process"
    )
