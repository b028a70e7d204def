"""`module:tree`: a Supervisor as a daemon."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH100, PTH109

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from nbmon.daemon import Daemon
from nbmon.services.treesocket import control_of

if TYPE_CHECKING:
    from nbmon.services.succession import Succession
    from nbmon.workers import Supervisor


class TreeDaemon(Daemon):
    """Runs a tree; ready once all its workers are."""

    wait_ready = True
    tree: Supervisor
    succession: Succession
    prefix = False  # each worker's lines in the log begin with its name, whatever the tree itself says

    def run(self) -> None:
        """Run until SIGTERM, or until all workers have ended. `sys.exit` with a sentence if it gave up."""
        from dataclasses import replace

        from nbmon.services.supervised import run_plan

        plan = self.tree.plan
        plan = replace(plan, prefix=self.prefix or plan.prefix)
        run_plan(plan, self.ready, control_of(os.path.abspath(self.pidfile)), self.succession)


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
