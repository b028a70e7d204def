"""`--limit NAME=VALUE`: what one client may take, by the names that `http.Limits`, `serve.Timeouts` and
`serve.Bounds` have for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from nbmon.services.errors import near

if TYPE_CHECKING:
    from nbmon.http import Limits
    from nbmon.serve import Bounds, Timeouts

LARGEST = 1 << 31  # of anything: bytes, connections
LONGEST = 86_400.0  # seconds
EXAMPLE = "as in idle=30 or connections=1000"


class WrongLimit(ValueError):  # noqa: N818 - what it is
    """`str(error)` is a finished sentence."""


class Limited(NamedTuple):
    """All that is limited."""

    limits: Limits
    timeouts: Timeouts
    bounds: Bounds


def defaults() -> Limited:
    """What holds where nothing is said."""
    from nbmon.http import DEFAULT_LIMITS
    from nbmon.serve import DEFAULT_BOUNDS, DEFAULT_TIMEOUTS

    return Limited(DEFAULT_LIMITS, DEFAULT_TIMEOUTS, DEFAULT_BOUNDS)


def names() -> dict[str, float]:
    """Every limit with its default; whole numbers are ints, seconds and rates are floats."""
    return {field.name: getattr(part, field.name) for part in defaults() for field in fields(part)}


def parse(text: str) -> tuple[str, float]:
    """`NAME=VALUE`. Raises WrongLimit."""
    name, equals, value = text.partition("=")
    known = names()
    if not equals or name not in known:
        accepted = f"accepted are {', '.join(known)}, {EXAMPLE}."
        raise WrongLimit(f"{text!r} sets no limit; {accepted}{near(name, list(known))}".rstrip("."))
    return name, _whole(name, value) if isinstance(known[name], int) else _seconds(name, value)


def _whole(name: str, value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) <= 10 and 1 <= int(value) <= LARGEST:
        return int(value)
    raise WrongLimit(f"{name} is {value!r}; accepted is a whole number from 1 to {LARGEST}")


def _seconds(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if 0.0 < number <= LONGEST:
        return number
    raise WrongLimit(f"{name} is {value!r}; accepted is a number above 0, up to {LONGEST:g}")


def limited(said: Iterable[str]) -> Limited:
    """The defaults, and over them what was said. Raises WrongLimit."""
    values: dict[str, Any] = dict(map(parse, said))

    def own(part: Any) -> dict[str, Any]:
        return {field.name: values[field.name] for field in fields(part) if field.name in values}

    limits, timeouts, bounds = defaults()
    return Limited(
        replace(limits, **own(limits)), replace(timeouts, **own(timeouts)), replace(bounds, **own(bounds))
    )
