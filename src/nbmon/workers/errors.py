"""What can go wrong with a worker, said as a finished sentence. Must not import anything."""


class WorkerError(Exception):
    """A worker cannot be run; `str(error)` says what was asked for, why not, and what to type instead."""
