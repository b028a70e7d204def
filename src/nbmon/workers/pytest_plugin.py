"""The pytest fixture `supervised`, for the tests of programs that have workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nbmon.workers import Supervisor

READY_TIME = 30.0  # seconds


@pytest.fixture
def supervised() -> Iterator[Callable[..., Supervisor]]:
    """Start a tree and stop it, with all its processes, at the end of the test.

    `supervised(process("web", serve, ready=True), strategy="one_for_all")`, or `supervised(tree)`: returns
    the Supervisor once all its workers are ready, with its status(), restart(), scale() and reload().
    WorkerError, with the reason, if they do not become ready within 30 seconds.
    """
    from nbmon.workers import Supervisor

    started: list[Supervisor] = []

    def start(*children: Any, **options: Any) -> Supervisor:
        is_tree = len(children) == 1 and isinstance(children[0], Supervisor) and not options
        tree = children[0] if is_tree else Supervisor(*children, **options)
        tree.start(timeout=READY_TIME)
        started.append(tree)
        return tree

    yield start
    for tree in reversed(started):
        tree.stop()
