"""`module:tree`: a Supervisor as a daemon, and its workers asked for over its control socket."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH100, PTH109, PTH110

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from nbmon.daemon import Daemon

if TYPE_CHECKING:
    from nbmon.services.succession import Succession
    from nbmon.workers import Supervisor

SOCKET = ".sock"  # beside the pid file, in its place


class TreeDaemon(Daemon):
    """Runs a tree; ready once all its workers are."""

    wait_ready = True
    tree: Supervisor
    succession: Succession

    def run(self) -> None:
        """Run until SIGTERM, or until all workers have ended. `sys.exit` with a sentence if it gave up."""
        from nbmon.services.supervised import run_plan

        run_plan(self.tree.plan, self.ready, control_of(os.path.abspath(self.pidfile)), self.succession)


def is_tree(found: object) -> bool:
    """Whether `found` is a Supervisor; without loading what that is, if nothing else has."""
    tree = sys.modules.get("nbmon.workers.tree")
    return tree is not None and isinstance(found, tree.Supervisor)


def daemon_of(tree: Any) -> type[Daemon]:
    """The class that runs `tree`, with the time that its workers' grace times ask for."""
    from nbmon.workers.background import longest_stop

    attributes = {
        "tree": tree,
        "stop_timeout": longest_stop(tree.plan),
        "working_directory": os.getcwd(),
    }
    return type("TreeDaemon", (TreeDaemon,), attributes)


def control_of(pidfile: str) -> str:
    """The path of the control socket of the tree that holds `pidfile`."""
    return pidfile.removesuffix(".pid") + SOCKET


def sweep(pidfile: str) -> None:
    """Remove the control socket that a killed tree left; nobody holds `pidfile`."""
    try:
        os.unlink(control_of(pidfile))  # noqa: PTH108 - pathlib would be one more import
    except OSError:  # there is none
        pass


def workers_of(pidfile: str, name: str) -> list[dict[str, Any]] | None:
    """The workers as the tree itself tells them; None if it cannot be asked."""
    path = control_of(pidfile)
    if not os.path.exists(path):
        return None
    from nbmon.workers import WorkerError
    from nbmon.workers.remote import connect

    try:
        remote = connect(path, name)
    except WorkerError:
        return None
    try:
        workers = remote.ask("status")["workers"]
        return workers if isinstance(workers, list) else None
    except WorkerError:
        return None
    finally:
        remote.close()
