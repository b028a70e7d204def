"""`nbmon upgrade`, the next image of a service's process: how it begins.

As a program: `try FD` does all that can be done before, in a child of the running service; `take FD` is the
service from then on. FD is what the service has written down for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from nbmon.services.service import Service

if TYPE_CHECKING:
    from nbmon.services.build import Built


def rehearse(fd: int) -> None:
    """All that taking over would do, but taking over. Raises what would go wrong."""
    from nbmon.services.build import PictureDaemon

    daemon = _built(fd).daemon
    import nbmon.workers.engine  # noqa: F401 - it would be

    if isinstance(daemon, PictureDaemon):
        daemon.rehearse()


def take(fd: int) -> None:
    """Be the service from now on; does not return. Signals are blocked until its workers are watched over."""
    from nbmon.daemon import life, resuming

    built = _built(fd)
    beside = built.succession.beside
    resuming.resume(built.daemon, beside["pid"], detached=not beside["foreground"])
    life.leave(built.daemon.run)


def _built(fd: int) -> Built:
    from nbmon.services.build import build
    from nbmon.workers.upgrading import received

    handed = received(fd)
    beside = handed["beside"]
    built = build(Service.from_plain(beside["service"]), foreground=beside["foreground"])
    built.succession.handed = handed
    return built


def main(word: str, fd: str) -> None:
    """As the program of an upgrade."""
    from nbmon.services.errors import ServiceError

    try:
        {"try": rehearse, "take": take}[word](int(fd))
    except ServiceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
