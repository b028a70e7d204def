"""What a unit must know of this machine: where nbmon and Python lie, who types. Only looks."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH100, PTH112, PTH118, PTH120
from __future__ import annotations

import os
import sys

from nbmon.services import config as config_file
from nbmon.services import targets
from nbmon.services.errors import ServiceError
from nbmon.services.service import Options, Service
from nbmon.services.units.plan import FILES, Plan


def plan(
    word: str | None,
    command: tuple[str, ...],
    options: Options,
    name: str | None = None,
    config: str | None = None,
    *,
    flags: frozenset[str] = frozenset(),
    user: str = "",
) -> Plan:
    """The plan of what a command line means; raises as `targets.resolve` does."""
    service = targets.resolve(word, command, options, name, config)
    file = _file(word, command, config)
    return Plan(
        service=service,
        program=_program(),
        config=file,
        word=word or "",
        typed=options,
        flags=flags,
        paths=_paths(service, file),
        user=user,
        person=_person(),
    )


def _file(word: str | None, command: tuple[str, ...], config: str | None) -> str | None:
    """The absolute path of the nbmon.toml that has `word` as a name; None if it is no such name."""
    found = None if command or word is None else config_file.load(config)
    if found is None or word is None:
        return None
    meant = targets.meaning(word, list(found.services), os.path.isdir(word))
    return os.path.abspath(found.path) if meant is targets.Meaning.NAME else None


def _program() -> tuple[str, ...]:
    """The command beside this Python, which is there after an installation; else the module."""
    if not sys.executable:
        raise ServiceError("this Python does not know where it lies, so no unit can call it")
    beside = os.path.join(os.path.dirname(sys.executable), "nbmon")
    return (beside,) if os.access(beside, os.X_OK) else (sys.executable, "-m", "nbmon")


def _paths(service: Service, file: str | None) -> tuple[str, ...]:
    """What it cannot run without, links followed too."""
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    needed = [sys.executable, sys.prefix, sys.base_prefix, own, file or sys.prefix]
    needed.append(service.target if service.kind == "pictures" else service.directory)
    options = service.options
    needed += [path for key in FILES if (path := getattr(options, key, None)) and path.startswith("/")]
    needed += [word for word in service.command[:1] if word.startswith("/")]
    return tuple(dict.fromkeys(path for one in needed for path in (one, os.path.realpath(one))))


def _person() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
