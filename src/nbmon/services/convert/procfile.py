"""A Procfile (foreman's, honcho's, Heroku's) as programs of nbmon.toml. Pure."""

from __future__ import annotations

import re

from nbmon.services.convert.programs import At, Notes, Program
from nbmon.services.errors import printable

FIRST_PORT, APART = 5000, 100  # foreman's own: a port for each program, so far from the next
_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")
_PORT = re.compile(r"\$(?:PORT\b|\{PORT\b)")


def programs(text: str, file: str, notes: Notes) -> list[Program]:
    """One for each NAME: COMMAND, by the shell as they are meant; of two with one name, the last."""
    found: dict[str, Program] = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        at = At(file, number)
        parts = _LINE.fullmatch(line.rstrip())
        if parts is None:
            notes.say(at, f"{printable(line.strip()[:60])!r} is no NAME: COMMAND, and left out")
            continue
        found[parts[1]] = _program(parts[1], parts[2], FIRST_PORT + APART * len(found), at, notes)
    return list(found.values())


def _program(name: str, command: str, port: int, at: At, notes: Notes) -> Program:
    wanted = _PORT.search(command)
    if wanted:
        notes.say(at, f"{name} is given PORT={port}, as foreman would; change it where it does not fit")
    if name == "release":
        notes.say(at, "release is run once before a deployment elsewhere; nbmon would keep it as any other")
    return Program(
        name=name, command=("sh", "-c", command), environment={"PORT": str(port)} if wanted else {}
    )
