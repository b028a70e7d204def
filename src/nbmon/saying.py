"""`nbmon.ready` and `nbmon.heartbeat`: the same words for a daemon and for a worker.

Must not load either of the two: whichever this process is, it is loaded already.
"""

import sys


def ready(note: str = "") -> None:
    """Say that this worker, or else this daemon, is ready. `note` is what a daemon's `start` shows.

    Harmless when said twice, in the foreground, or by a program that is neither.
    """
    inside = sys.modules.get("nbmon.workers.inside")
    worker = inside.current_worker() if inside is not None else None
    if worker is not None:
        worker.ready()
        return
    from nbmon.daemon import ready as daemon_ready

    daemon_ready(note)


def heartbeat() -> None:
    """Say that this worker lives, as often as its `heartbeat=` asks; in a daemon, to systemd's watchdog.

    Cheap; harmless elsewhere, and where nobody waits for it.
    """
    inside = sys.modules.get("nbmon.workers.inside")
    worker = inside.current_worker() if inside is not None else None
    if worker is not None:
        worker.heartbeat()
        return
    from nbmon.daemon.watchdog import heartbeat as daemon_heartbeat

    daemon_heartbeat()
