"""`nbmon status`: asked by scripts again and again, so it is answered without loading the other verbs.

click and the other verbs would be most of the time that it takes. What is not exactly
`status [NAME] [--json]` is left to them, with their help and their messages.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as mypy reads it; `typing` would be a large part of what is loaded
if TYPE_CHECKING:
    from collections.abc import Sequence

RUNNING, DEAD, NOT_RUNNING = 0, 1, 3  # LSB's codes
JSON = "--json"


def plainly(args: Sequence[str]) -> tuple[str | None, bool] | None:
    """The name, if any, and whether JSON is asked for; None where click has to read the words."""
    if not args or args[0] != "status" or "_NBMON_COMPLETE" in os.environ:
        return None
    names = [word for word in args[1:] if word != JSON]
    if len(names) > 1 or any(not name or name.startswith("-") for name in names):
        return None
    return (names[0] if names else None), JSON in args


def told(name: str | None, as_json: bool) -> tuple[str, int]:
    """What to write of `name`, or of everything, and the exit code. ServiceError, MisuseError."""
    from nbmon.cli import show
    from nbmon.services import control

    if name is None:
        views = control.views()
        states = {view.state for view in views}
        code = DEAD if "dead" in states else RUNNING if states else NOT_RUNNING
        return (show.as_json(views) if as_json else show.table(views)), code
    known = control.find(name)
    view = control.view(known) if known else control.absent(name)
    code = {"running": RUNNING, "dead": DEAD}.get(view.state, NOT_RUNNING)
    return (show.as_json(view) if as_json else show.card(view)), code
