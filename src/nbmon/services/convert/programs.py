"""What another's file says, as plain values, and how it is written as nbmon.toml. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

import msgspec

from nbmon.services.errors import ServiceError, printable
from nbmon.services.service import derived_name
from nbmon.services.words import Restart

LONGEST_TIMEOUT = 86400.0  # seconds, as nbmon.toml accepts
MOST = 1000  # services of one file
SHOWN = 60  # characters of a value
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class At(msgspec.Struct, frozen=True):
    """A place in a file."""

    file: str
    line: int

    def wrong(self, sentence: str) -> ServiceError:
        """The error `sentence`, with its place."""
        return ServiceError(f"{printable(self.file)}, line {self.line}: {sentence}")


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One program to be kept, with what nbmon.toml can say of it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    directory: str | None = None
    log: str | None = None
    stop_timeout: float | None = None  # seconds
    restart: Restart | None = None


class Converted(msgspec.Struct, frozen=True):
    """The text of an nbmon.toml, and a sentence for each thing that it does not say."""

    text: str
    sentences: tuple[str, ...]


class World(msgspec.Struct, frozen=True):
    """What expansions may tell of this machine."""

    environ: Mapping[str, str]
    host: str = "localhost"
    here: str = "/"  # the working directory, absolute

    def folder_of(self, file: str) -> str:
        """The absolute folder of `file`."""
        path = file if file.startswith("/") else f"{self.here}/{file}"
        return posixpath.normpath(posixpath.dirname(path))


class Notes:
    """What has no counterpart, in the order in which it was found, nothing twice."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def lost(self, at: At, section: str, key: str, value: str, why: str) -> None:
        """`key = value` of `section` is not kept."""
        said = f"{key} = {value}" if len(value) <= SHOWN else f"{key} = {value[:SHOWN]}…"
        self.say(at, f"[{section}] {said} has no counterpart: {why}")

    def say(self, at: At, sentence: str) -> None:
        """Anything else that is to be known."""
        self._sentences[printable(f"{at.file}, line {at.line}: {sentence}")] = None

    def taken(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._sentences)


def written(programs: Sequence[Program], notes: Notes, file: str) -> Converted:
    """`programs` as nbmon.toml. ServiceError if there is none, or one that cannot be written."""
    if not programs:
        raise ServiceError(f"{printable(file)} has no program in it, so there is nothing to convert")
    if len(programs) > MOST:
        raise ServiceError(f"{printable(file)} means {len(programs)} programs; at most {MOST} are converted")
    names = _names([program.name for program in programs])
    head = f"# From {printable(file.rpartition('/')[2])}. Each is started by its name: nbmon start {names[0]}"
    tables = [_table(name, program) for name, program in zip(names, programs, strict=True)]
    return Converted(f"{head}\n{''.join(tables)}", notes.taken())


def _names(wanted: Sequence[str]) -> list[str]:
    """A name for each, as nbmon.toml has them, no two alike, not even but for capitals."""
    found: list[str] = []
    taken: set[str] = set()
    for word in wanted:
        plain = derived_name(word, "program")
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain[:58]}-{number}"
        taken.add(name.lower())
        found.append(name)
    return found


def _table(name: str, program: Program) -> str:
    command = [*_environment(program.environment), *program.command]
    lines = [f"[services.{_key(name)}]", f"command = [{', '.join(text(word) for word in command)}]"]
    if program.directory is not None:
        lines.append(f"directory = {text(program.directory)}")
    if program.log is not None:
        lines.append(f"log = {text(program.log)}")
    if program.stop_timeout is not None:
        lines.append(f"stop_timeout = {min(program.stop_timeout, LONGEST_TIMEOUT):g}")
    if program.restart is not None:
        lines.append(f"restart = {text(program.restart)}")
    return "\n".join(["", *lines, ""])


def _environment(variables: Mapping[str, str]) -> list[str]:
    """By env(1): a service of nbmon.toml has no environment of its own."""
    return ["env", *(f"{key}={value}" for key, value in variables.items())] if variables else []


def _key(name: str) -> str:
    return text(name) if "." in name else name


def text(word: str) -> str:
    """`word` as a basic string of TOML. ServiceError if it has bytes that are no UTF-8, or a NUL."""
    if any("\ud800" <= c <= "\udfff" or c == "\0" for c in word):
        raise ServiceError(
            f"{printable(word)!r} holds what no TOML file can: a NUL, or bytes that are no UTF-8"
        )
    return (
        '"'
        + "".join(_SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " or c == "\x7f" else c) for c in word)
        + '"'
    )
