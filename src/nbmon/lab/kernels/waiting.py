"""What a child of multiprocessing does in `spawn`: alone in its module, so that it imports nothing else."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def wait_for_end(line: Connection) -> None:
    """Say that it runs, then wait for the end of the line."""
    line.send(True)
    try:
        line.recv()
    except EOFError:
        pass
