"""Workers: programs that are started, watched, told and ended, with nothing left of them."""

from nbmon.workers.command import run_command
from nbmon.workers.errors import WorkerError

__all__ = ["WorkerError", "run_command"]
