"""circus.ini as programs of nbmon.toml. Pure: what it reads has been read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from fnmatch import fnmatchcase

from nbmon.services.convert.ini import Entry, Section, Sections
from nbmon.services.convert.programs import MOST, At, Notes, Program, World
from nbmon.services.errors import near, printable

GRACE = "30"  # seconds, circus's own graceful_timeout
_PLACE = re.compile(r"\$\(circus\.([\w.-]+)\)|\(\(circus\.([\w.-]+)\)\)", re.IGNORECASE)
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
ALONE = "nbmon has no server of its own to be told so"
OUTPUT = "both streams go to one log, as they are"
AGAIN = "a start that fails says so and is over; later it is tried for ever, with pauses"
KEPT = frozenset(
    {"cmd", "args", "numprocesses", "working_dir", "graceful_timeout", "shell", "copy_env", "copy_path"}
    | {"stdout_stream.class", "stdout_stream.filename", "stderr_stream.class", "stderr_stream.filename"}
    | {"stop_signal", "respawn", "autostart"}
)
LOST = {
    "warmup_delay": "each service is started by itself",
    "priority": "each service is started by itself",
    "executable": "write the program as the first word of the command",
    "on_demand": "nothing is started by a connection, except by systemd: nbmon unit --socket",
    "uid": "start it as that user, or by systemd: nbmon unit --user USER NAME",
    "gid": "start it as that group, or by systemd",
    "send_hup": "nbmon reload sends SIGHUP",
    "stop_children": "who is left of its group is always ended",
    "max_retry": AGAIN,
    "check_flapping": AGAIN,
    "virtualenv": "name the program by its path in that environment",
    "use_sockets": "nbmon hands no socket to a command",
    "singleton": "one name is one process",
    "shell_args": "write the command whole",
    "max_age": "a command runs until it ends",
    "max_age_variance": "a command runs until it ends",
    "close_child_stdin": "stdin is /dev/null",
    "close_child_stdout": OUTPUT,
    "close_child_stderr": OUTPUT,
}
ROTATION = "nbmon cuts no logs and adds no times; let logrotate rename them, then nbmon reload"
BEGINNINGS = {
    "stdout_stream.": ROTATION,
    "stderr_stream.": ROTATION,
    "rlimit_": "start it with that limit (ulimit), or by systemd (Limit...=)",
    "hooks.": "nbmon calls nothing around a command",
}
_SECTIONS = {"socket": "nbmon hands no socket to a command", "plugin": "nbmon has no plugins"}


def programs(sections: Sections, world: World, notes: Notes) -> list[Program]:
    """Every watcher, several times if it has `numprocesses`. ServiceError with file and line."""
    found: list[Program] = []
    common = _common(sections.get("env"), world, notes)
    for name, section in sections.items():
        kind, colon, own = name.partition(":")
        if kind == "watcher" and colon:
            found += _watcher(own, section, {**common, **_own(own, sections)}, world, notes)
        elif kind in _SECTIONS:
            notes.say(section.at, f"[{name}] has no counterpart: {_SECTIONS[kind]}")
        elif name == "circus":
            _say_circus(section, notes)
        elif kind != "env":
            notes.say(section.at, f"[{name}] is nothing that circus knows")
    return found


def _common(section: Section | None, world: World, notes: Notes) -> dict[str, str]:
    """What [env] gives to all; there, and not in [env:PATTERN], variables are replaced."""
    if section is None:
        return {}
    value = _Values(section, world, {}, notes)
    return {key: value(key) for key in section.entries}


def _say_circus(section: Section, notes: Notes) -> None:
    for key, entry in section.entries.items():
        if key not in ("include", "include_dir"):
            notes.lost(entry.at, "circus", key, entry.value, ALONE)


def _own(name: str, sections: Sections) -> dict[str, str]:
    """What [env:PATTERN,PATTERN] gives to the watcher `name`."""
    found: dict[str, str] = {}
    for key, section in sections.items():
        kind, colon, patterns = key.partition(":")
        if kind == "env" and colon and any(fnmatchcase(name, one.strip()) for one in patterns.split(",")):
            found |= {variable: entry.value for variable, entry in section.entries.items()}
    return found


def _watcher(name: str, section: Section, given: dict[str, str], world: World, notes: Notes) -> list[Program]:
    if not section.get("cmd"):
        raise section.at.wrong(f"[watcher:{printable(name)}] has no cmd")
    count = _number(section, "numprocesses", "1")
    if count > MOST:
        raise section.where("numprocesses").wrong(
            f"numprocesses = {count} is too many; accepted is 1 to {MOST}"
        )
    _say_lost(name, section, notes)
    if given and section.get("copy_env").lower() not in _TRUE:
        notes.say(
            section.at, f"[watcher:{name}] would see the variables of [env] alone; here, it also sees yours"
        )
    variables = {f"env.{key}".lower(): value for key, value in given.items()}
    found = []
    for number in range(1, count + 1):
        own = f"{name}-{number}" if count > 1 else name
        value = _Values(section, world, {**variables, "wid": str(number)}, notes)
        log = _log(name, section, value, notes)
        found.append(_program(own, section, value, given, log))
    return found


class _Values:
    """A section's values, with what circus knows in the place of `$(circus.…)`."""

    def __init__(self, section: Section, world: World, given: Mapping[str, str], notes: Notes) -> None:
        self._section, self._given, self._notes = section, given, notes
        self._outer = {f"env.{key}".lower(): value for key, value in world.environ.items()}

    def __call__(self, key: str) -> str:
        def put(found: re.Match[str]) -> str:
            name = (found[1] or found[2]).lower()
            if name in self._given:
                return self._given[name]
            taken = name in self._outer
            what = (
                "was taken from the environment of this command" if taken else "is not known here, and left"
            )
            self._notes.say(self._section.where(key), f"{found[0]} {what}")
            return self._outer.get(name, found[0])

        return _PLACE.sub(put, self._section.get(key))


def _program(
    name: str, section: Section, value: _Values, environment: Mapping[str, str], log: str | None
) -> Program:
    words = [*_words(value("cmd"), section.where("cmd")), *_words(value("args"), section.where("args"))]
    if not words or not words[0]:
        raise section.where("cmd").wrong("cmd is empty")
    return Program(
        name=name,
        command=tuple(words),
        environment=environment,
        directory=value("working_dir") or None,
        log=log,
        stop_timeout=_seconds(section),
        restart="permanent" if section.get("respawn", "true").lower() in _TRUE else "temporary",
    )


def _log(name: str, section: Section, value: _Values, notes: Notes) -> str | None:
    out, err = (value(f"{stream}_stream.filename") or None for stream in ("stdout", "stderr"))
    if err is not None and out is not None and out != err:
        entry = section.entries["stderr_stream.filename"]
        notes.lost(entry.at, f"watcher:{name}", "stderr_stream.filename", err, OUTPUT)
    for stream in ("stdout", "stderr"):
        kind = section.entries.get(f"{stream}_stream.class", Entry("FileStream", section.at))
        if kind.value not in ("FileStream", "StdoutStream"):
            notes.lost(kind.at, f"watcher:{name}", f"{stream}_stream.class", kind.value, OUTPUT)
    return out or err


def _say_lost(name: str, section: Section, notes: Notes) -> None:
    heading = f"watcher:{name}"
    for key, entry in section.entries.items():
        why = _why(key, entry.value)
        if why:
            notes.lost(entry.at, heading, key, entry.value, why)
        elif why is None:
            notes.say(entry.at, f"[{heading}] {key} is nothing that circus knows.{near(key, [*KEPT, *LOST])}")


def _why(key: str, value: str) -> str | None:
    """Why `key` has no counterpart, "" if its value needs none; None if that is not known here."""
    if key == "stop_signal":
        return "" if value.upper() in ("15", "TERM", "SIGTERM") else "nbmon asks with SIGTERM"
    if key == "autostart":
        return "" if value.lower() not in _TRUE else "nothing is started before nbmon start is told to"
    if key in KEPT:
        return ""
    begun = (why for beginning, why in BEGINNINGS.items() if key.startswith(beginning))
    return LOST.get(key) or next(begun, None)


def _number(section: Section, key: str, otherwise: str) -> int:
    value = section.get(key, otherwise).strip()
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise section.where(key).wrong(f"{key} = {printable(value)} is no whole number")
    return int(value)


def _seconds(section: Section) -> float:
    value = section.get("graceful_timeout", GRACE).strip()
    if not re.fullmatch(r"\d{1,9}(\.\d{0,9})?", value, re.ASCII):
        raise section.where("graceful_timeout").wrong(
            f"graceful_timeout = {printable(value)} is no number of seconds"
        )
    return float(value)


def _words(text: str, at: At) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise at.wrong(f"{str(error).lower()}; quotes go in pairs") from None
