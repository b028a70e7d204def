"""supervisord's configuration (version 4) as programs of nbmon.toml. Pure: what it reads has been read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from nbmon.services.convert.ini import Entry, Section, Sections
from nbmon.services.convert.programs import MOST, At, Notes, Program, World
from nbmon.services.errors import near, printable
from nbmon.services.words import Restart

_PLACE = re.compile(
    r"%(?:%|\((?P<name>[^)]*)\)(?P<form>[-+ #0]*\d{0,3}(?:\.\d{1,3})?[sdi])|(?P<odd>.?))", re.DOTALL
)
_NONE = frozenset({"none", "off"})
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})

ROTATION = "nbmon cuts no logs; let logrotate rename them, then nbmon reload"
ALONE = "nbmon has no server of its own to be told so"
KEPT = frozenset(
    {"command", "process_name", "numprocs", "numprocs_start", "directory", "environment", "stopwaitsecs"}
    | {
        "stdout_logfile",
        "stderr_logfile",
        "redirect_stderr",
        "stopsignal",
        "autorestart",
        "autostart",
        "exitcodes",
        "killasgroup",
        "stopasgroup",
    }
)
LOST = {
    "startsecs": "a command is ready when it has not failed at once",
    "startretries": "a start that fails says so and is over; later it is tried for ever, with pauses",
    "priority": "each service is started by itself",
    "user": "start it as that user, or by systemd: nbmon unit --user USER NAME",
    "umask": 'write the command as ["sh", "-c", "umask 022; exec \\"$@\\"", "sh", ...]',
    "serverurl": ALONE,
    "stdout_logfile_maxbytes": ROTATION,
    "stdout_logfile_backups": ROTATION,
    "stderr_logfile_maxbytes": ROTATION,
    "stderr_logfile_backups": ROTATION,
    "stdout_capture_maxbytes": "output goes to the log, as it is",
    "stderr_capture_maxbytes": "output goes to the log, as it is",
    "stdout_events_enabled": "output goes to the log, as it is",
    "stderr_events_enabled": "output goes to the log, as it is",
    "stdout_syslog": "under systemd, nbmon run writes to the journal",
    "stderr_syslog": "under systemd, nbmon run writes to the journal",
}
OTHERS = {
    "unix_http_server": ALONE,
    "inet_http_server": ALONE,
    "supervisorctl": ALONE,
    "rpcinterface": ALONE,
    "ctlplugin": ALONE,
    "group": "each service is started and stopped by its own name",
    "eventlistener": "nbmon tells nobody of events",
    "fcgi-program": "nbmon hands no socket to a command",
}


def programs(sections: Sections, world: World, notes: Notes) -> list[Program]:
    """Every program, several times if it has `numprocs`. ServiceError with file and line."""
    found: list[Program] = []
    common = _common(sections.get("supervisord"), world, notes)
    for name, section in sections.items():
        kind, colon, own = name.partition(":")
        if kind == "program" and colon:
            found += _Converter(own.strip(), section, world, notes, common).all()
        elif kind in OTHERS:
            notes.say(section.at, f"[{name}] has no counterpart: {OTHERS[kind]}")
        elif name not in ("supervisord", "include"):
            notes.say(section.at, f"[{name}] is nothing that supervisord knows")
    return found


class _Common:
    """What [supervisord] gives to all programs."""

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self.directory: str | None = None


def _common(section: Section | None, world: World, notes: Notes) -> _Common:
    common = _Common()
    for key, entry in (section.entries if section else {}).items():
        if key == "environment":
            common.environment = _pairs(_expand(entry, _known(entry, world), notes), entry.at)
        elif key == "directory":
            common.directory = _expand(entry, _known(entry, world), notes)
        else:
            why = LOST[key] if key in ("user", "umask") else ALONE
            notes.lost(entry.at, "supervisord", key, entry.value, why)
    return common


class _Converter:
    """One [program:NAME], its values expanded as supervisord expands them."""

    def __init__(self, name: str, section: Section, world: World, notes: Notes, common: _Common) -> None:
        self.name, self.section, self.notes = name, section, notes
        self.section_name = f"program:{name}"
        self.world, self.common = world, common

    def all(self) -> list[Program]:
        if "command" not in self.section.entries:
            raise self.section.at.wrong(f"[{printable(self.section_name)}] has no command")
        self._say_lost()
        count, first = self._number("numprocs", 1), self._number("numprocs_start", 0)
        if not 0 <= count <= MOST:
            raise self.section.where("numprocs").wrong(
                f"numprocs = {count} is out of range; accepted is 1 to {MOST}"
            )
        if count > 1 and "%(process_num)" not in self.section.get("process_name"):
            raise self.section.where("numprocs").wrong(
                f"numprocs = {count} needs a process_name with %(process_num)d in it, to tell them apart"
            )
        return [self._one(number, count) for number in range(first, first + count)]

    def _one(self, number: int, count: int) -> Program:
        places: dict[str, str | int] = {"process_num": number, "numprocs": count}
        environment = dict(self.common.environment)
        if "environment" in self.section.entries:
            entry = self.section.entries["environment"]
            own = _pairs(self._value("environment", places) or "", entry.at)
            places |= {f"ENV_{key}": value for key, value in own.items()}
            environment |= own
        return Program(
            name=self._value("process_name", places) or self.name,
            command=_words(self._value("command", places) or "", self.section.where("command")),
            environment=environment,
            directory=self._folder(places),
            log=self._log(places),
            stop_timeout=float(self._number("stopwaitsecs", 10))
            if "stopwaitsecs" in self.section.entries
            else None,
            restart=self._restart(),
        )

    def _restart(self) -> Restart | None:
        """None for what `nbmon start` does as it is: what failed comes back."""
        said = self.section.get("autorestart", "unexpected").strip().lower()
        return "permanent" if said in _TRUE else "temporary" if said in _FALSE else None

    def _value(self, key: str, places: Mapping[str, str | int]) -> str | None:
        if key not in self.section.entries:
            return None
        entry = self.section.entries[key]
        known = _known(entry, self.world) | {"program_name": self.name, "group_name": self.name}
        return _expand(entry, known | dict(places), self.notes)

    def _number(self, key: str, otherwise: int) -> int:
        value = self._value(key, {}) if key in self.section.entries else str(otherwise)
        if value is None or not re.fullmatch(r"\d{1,9}", value.strip(), re.ASCII):
            raise self.section.where(key).wrong(f"{key} = {printable(value or '')} is no whole number")
        return int(value)

    def _folder(self, places: Mapping[str, str | int]) -> str | None:
        folder = self._value("directory", places) or self.common.directory
        if folder and folder[0] not in "/~":
            at = self.section.where("directory")
            self.notes.say(
                at, f"[{self.section_name}] directory = {folder} counts from the folder of nbmon.toml"
            )
        return folder or None

    def _log(self, places: Mapping[str, str | int]) -> str | None:
        """One log for both streams, as nbmon keeps them."""
        out, err = (self._file(f"{stream}_logfile", places) for stream in ("stdout", "stderr"))
        if self.section.get("redirect_stderr").lower() in _TRUE:
            return out
        if out != err and err is not None:
            what = (
                f"[{self.section_name}] stderr_logfile = {err} has no counterpart: both streams go to one log"
            )
            self.notes.say(self.section.where("stderr_logfile"), what)
        return out or err

    def _file(self, key: str, places: Mapping[str, str | int]) -> str | None:
        value = (self._value(key, places) or "auto").strip()
        if value.lower() in ("auto", "syslog"):
            if value.lower() == "syslog":
                self.notes.lost(self.section.where(key), self.section_name, key, value, LOST["stdout_syslog"])
            return None
        if value.lower() in _NONE:
            return "/dev/null"
        if value.startswith(("/dev/std", "/dev/fd/", "/proc/self/fd/")):
            why = "nbmon run writes there, nbmon start to a log"
            self.notes.lost(self.section.where(key), self.section_name, key, value, why)
            return None
        return value

    def _say_lost(self) -> None:
        for key, entry in self.section.entries.items():
            if key in LOST:
                self.notes.lost(entry.at, self.section_name, key, entry.value, LOST[key])
            elif key not in KEPT:
                meant = near(key, [*KEPT, *LOST])
                self.notes.say(
                    entry.at, f"[{self.section_name}] {key} is nothing that supervisord knows.{meant}"
                )
        self._say_differences()

    def _say_differences(self) -> None:
        """Where a value that nbmon cannot be told differs from what it does."""
        for key, why, same in (
            ("stopsignal", "nbmon asks with SIGTERM", {"term", "sigterm", "15"}),
            ("exitcodes", "only an end with code 0 is a good one", {"0"}),
            ("autostart", "nothing is started before nbmon start is told to", _FALSE),
            ("stopasgroup", "the command is asked first, then who is left of its group", _FALSE),
            ("killasgroup", "who is left of its group is always ended", _TRUE),
        ):
            if key in self.section.entries and self.section.get(key).strip().lower() not in same:
                entry = self.section.entries[key]
                self.notes.lost(entry.at, self.section_name, key, entry.value, why)


def _known(entry: Entry, world: World) -> dict[str, str | int]:
    variables = {f"ENV_{key}": value for key, value in world.environ.items()}
    return {"here": world.folder_of(entry.at.file), "host_node_name": world.host, **variables}


def _expand(entry: Entry, known: Mapping[str, str | int], notes: Notes) -> str:
    """`%(NAME)s` and its like replaced, as Python's own formatting does. ServiceError."""

    def put(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None and found[0] == "%%":
            return "%"
        if name is None:
            raise entry.at.wrong(
                f"{printable(found[0])!r} is no expansion; a percent sign alone is written %%"
            )
        if name not in known:
            words = [key for key in known if not key.startswith("ENV_")]
            raise entry.at.wrong(
                f"%({printable(name)})s cannot be expanded; accepted are {', '.join(words)} and ENV_NAME "
                f"for each variable that is set"
            )
        if name.startswith("ENV_"):
            notes.say(entry.at, f"%({name})s was taken from the environment of this command")
        try:
            return ("%" + found["form"]) % known[name]
        except TypeError:
            raise entry.at.wrong(
                f"%({printable(name)}){found['form']} is for numbers; give %({name})s"
            ) from None

    return _PLACE.sub(put, entry.value)


def _pairs(text: str, at: At) -> dict[str, str]:
    """KEY=value,KEY2="a, b" as supervisord reads it."""
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    try:
        words = list(lexer)
    except ValueError as error:
        raise at.wrong(f"environment: {str(error).lower()}; quotes go in pairs") from None
    found: dict[str, str] = {}
    for first in range(0, len(words), 4):
        three = words[first : first + 3]
        if len(three) != 3 or three[1] != "=":
            raise at.wrong('environment is not of the form KEY="value",KEY2="value"')
        found[three[0]] = three[2].strip("'\"")
    return found


def _words(command: str, at: At) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise at.wrong(f"command: {str(error).lower()}; quotes go in pairs") from None
    if not words or not words[0]:
        raise at.wrong("command is empty")
    return words


def expanded(entry: Entry, world: World, notes: Notes) -> str:
    """The value of `entry` outside of any program. ServiceError."""
    return _expand(entry, _known(entry, world), notes)
