"""Each value that a program gives a worker, checked: what was given, and what is accepted.

Must not know what the values are for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from nbmon.workers.errors import WorkerError

LONGEST_NAME = 64  # characters
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
READY_AT_ONCE = ""
READY_SAID = "said"


def checked_name(what: str, name: object) -> str:
    """`name` if it may name something: it is shown, typed and part of NAME/worker."""
    if (
        isinstance(name, str)
        and 0 < len(name) <= LONGEST_NAME
        and name[0] not in ".-"
        and PLAIN.issuperset(name)
    ):
        return name
    raise WorkerError(
        f"{name!r} cannot name {what}; a name is made of letters, digits, `.`, `_` and `-`, "
        f"not starting with `.` or `-`, at most {LONGEST_NAME} characters"
    )


def checked_choice(name: str, key: str, value: object, choices: tuple[str, ...]) -> None:
    """WorkerError if `value` is none of `choices`."""
    if value not in choices:
        raise WorkerError(f"{name}: {key} is {value!r}; accepted are {', '.join(choices)}")


def checked_number(name: str, key: str, value: object, positive: bool = False) -> None:
    """WorkerError if `value` is no finite number from 0 (above 0, if `positive`)."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < 0 or (positive and value == 0):  # type: ignore[operator]  # it is a number
        raise WorkerError(
            f"{name}: {key} is {value!r}; accepted is a number {'above' if positive else 'from'} 0"
        )


def whole_number(name: str, key: str, value: object, least: int) -> None:
    """WorkerError if `value` is no whole number from `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise WorkerError(f"{name}: {key} is {value!r}; accepted is a whole number from {least}")


def checked_target(name: str, target: Any) -> Any:
    """A callable, or the "module:function" that is one."""
    if callable(target):
        return target
    if isinstance(target, str):
        module, colon, function = target.partition(":")
        if colon and all(part.isidentifier() for part in (*module.split("."), *function.split("."))):
            return target
        raise WorkerError(
            f"{name}: {target!r} is not of the form module:function; "
            f"a command is given as a list of its words: {target.split()!r}"
        )
    raise WorkerError(f"{name}: {target!r} is no callable and no 'module:function'")


def checked_argv(name: str, words: Any) -> tuple[str, ...]:
    """A command's words."""
    argv = tuple(words) if isinstance(words, Iterable) else ()
    if not argv or not all(isinstance(word, str) for word in argv):
        raise WorkerError(
            f"{name}: {words!r} is nothing to run; accepted are a callable, 'module:function', "
            f"or a command's words, as in ['redis-server', '--port', '7001']"
        )
    if not argv[0] or any("\0" in word for word in argv):
        raise WorkerError(f"{name}: {words!r} has an empty first word or a NUL")
    return argv


def checked_readiness(name: str, ready: Any, is_command: bool) -> str:
    """How a worker becomes ready, as one word."""
    if ready is False or ready is None:
        return READY_AT_ONCE
    if not is_command:
        if ready is True:
            return READY_SAID
        raise WorkerError(
            f"{name}: ready is {ready!r}; a function is ready at once (False) or says so (True)"
        )
    if ready is True or ready == "notify":
        return "notify"
    if isinstance(ready, str) and ready.startswith("fd:") and ready[3:].isdecimal():
        if 2 < int(ready[3:]) < 100:  # below all that is the supervisor's own
            return ready
    elif isinstance(ready, str) and _is_while(ready):
        return ready
    elif (place := _place(str(ready))) is not None:
        return f"port:{place}"
    raise WorkerError(
        f"{name}: ready is {ready!r}; a command is ready at once (False), by 'notify', by 'fd:N' "
        f"(N from 3 to 99), when it has lived for a while ('alive:0.5'), "
        f"or when a port answers: 7001 or '127.0.0.1:7001'"
    )


def _is_while(text: str) -> bool:
    word, _, seconds = text.partition(":")
    return word == "alive" and seconds.replace(".", "", 1).isdecimal()


def _place(text: str) -> str | None:
    host, _, port = text.rpartition(":")
    if port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536:
        return f"{host.strip('[]') or '127.0.0.1'}:{int(port)}"
    return None


def checked_limits(
    name: str, limits: Mapping[str, int | tuple[int | None, int | None]]
) -> tuple[tuple[int, int | None, int | None], ...]:
    """setrlimit(2)'s limits by number, from their names without RLIMIT_."""
    return tuple(_limit(name, key, value) for key, value in limits.items())


def _limit(name: str, key: str, value: Any) -> tuple[int, int | None, int | None]:
    import resource

    number = getattr(resource, f"RLIMIT_{str(key).upper()}", None)
    if number is None:
        known = sorted(word[7:].lower() for word in dir(resource) if word.startswith("RLIMIT_"))
        raise WorkerError(f"{name}: there is no limit {key!r}; accepted are {', '.join(known)}")
    soft, hard = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
    for one in (soft, hard):
        if one is not None and (not isinstance(one, int) or one < -1):
            raise WorkerError(f"{name}: limit {key} is {value!r}; accepted is a number, -1 for none, or two")
    return number, soft, hard
