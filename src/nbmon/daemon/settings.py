"""Numbers that a program sets, and may set wrongly: refused with a sentence before anything forks. Pure."""

from __future__ import annotations

from nbmon.daemon.errors import DetachError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_UMASK = 0o777
MAX_WAIT = 86_400.0  # seconds of one poll(2), which counts milliseconds in an int; longer is asked again


def check_seconds(name: str, value: Any) -> None:
    """DetachError unless `value` is a number of seconds, 0 or more; infinity means: for ever."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise DetachError(f"{name} must be a number of seconds, 0 or more, and not {value!r}")


def check_umask(value: Any) -> None:
    """DetachError unless `value` can be a umask."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_UMASK:
        raise DetachError(f"umask must be a number from 0 to 0o777, such as 0o022, and not {value!r}")


def milliseconds(seconds: float) -> float:
    """A timeout for one poll(2)."""
    return min(max(seconds, 0.0), MAX_WAIT) * 1000
