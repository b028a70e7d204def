"""Reading another's configuration, with the files that it includes. The one place here that opens files."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH109, PTH118, PTH120, PTH123, PTH100, PTH207, PTH119, PTH110
from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping

from nbmon.services.convert import circus, ini, procfile, supervisord
from nbmon.services.convert.ini import Section, Sections
from nbmon.services.convert.programs import At, Converted, Notes, World, written
from nbmon.services.errors import MisuseError, ServiceError, printable, reason_of

LARGEST = 1 << 20  # bytes of one file
MOST_FILES = 1000  # included by one
_HEADINGS = {"supervisord": r"(supervisord|program:.*|include)", "circus": r"(circus|watcher:.*)"}


def convert(path: str, kind: str | None = None, environ: Mapping[str, str] = os.environ) -> Converted:
    """The nbmon.toml for the file at `path`; ServiceError, or MisuseError if nobody can tell what it is."""
    text = _text(path)
    kind = kind or _kind(path, text)
    notes, world = Notes(), World(environ, os.uname().nodename, os.getcwd())
    if kind == "procfile":
        _say_dotenv(path, notes)
        return written(procfile.programs(text, path, notes), notes, path)
    if kind == "circus":
        sections = _with_included(path, ini.read(text, path, ini.CIRCUS), notes)
        return written(circus.programs(sections, world, notes), notes, path)
    sections = _with_supervisords(path, ini.read(text, path, ini.SUPERVISORD), world, notes)
    return written(supervisord.programs(sections, world, notes), notes, path)


def _kind(path: str, text: str) -> str:
    if os.path.basename(path).lower().startswith("procfile"):
        return "procfile"
    for kind, heading in _HEADINGS.items():
        if re.search(rf"^\[{heading}\]", text, re.MULTILINE):
            return kind
    if re.search(r"^[A-Za-z0-9_-]+:\s*\S", text, re.MULTILINE) and not re.search(r"^\[", text, re.MULTILINE):
        return "procfile"
    raise MisuseError(
        f"{printable(path)} looks like neither a supervisord.conf nor a circus.ini nor a Procfile; "
        f"say what it is, as in --kind supervisord"
    )


def _text(path: str) -> str:
    """The file's text; ServiceError."""
    if "\0" in path or not path:
        raise MisuseError(
            f"FILE {path!r} is no name of a file; give one, as in nbmon convert supervisord.conf"
        )
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            data = file.read(LARGEST + 1) or b""
    except OSError as error:
        raise ServiceError(f"cannot read {printable(path)}: {reason_of(error)}") from None
    if len(data) > LARGEST:
        raise ServiceError(f"{printable(path)} is larger than {LARGEST} bytes, which no configuration is")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise At(path, line).wrong(
            f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None


def _with_supervisords(path: str, sections: Sections, world: World, notes: Notes) -> Sections:
    include = sections.get("include")
    if include is None:
        return sections
    if "files" not in include.entries:
        raise include.at.wrong("[include] has no files")
    entry = include.entries["files"]
    for pattern in supervisord.expanded(entry, world, notes).split():
        for file in sorted(_found(path, pattern, entry.at, notes)):
            ini.read(_text(file), file, ini.SUPERVISORD, sections)
    return sections


def _with_included(path: str, sections: Sections, notes: Notes) -> Sections:
    """Circus's include (files) and include_dir (folders of .ini files)."""
    own = sections.get("circus") or Section(At(path, 1), {})
    patterns = [(pattern, "include") for pattern in own.get("include").split()]
    patterns += [(os.path.join(folder, "*.ini"), "include_dir") for folder in own.get("include_dir").split()]
    for pattern, key in patterns:
        for file in _found(path, pattern, own.where(key), notes):
            ini.read(_text(file), file, ini.CIRCUS, sections)
    return sections


def _found(path: str, pattern: str, at: At, notes: Notes) -> Iterator[str]:
    """The files of a pattern, which counts from the folder of the file that has it."""
    found = glob.glob(os.path.join(os.path.dirname(os.path.abspath(path)), pattern))
    if not found:
        notes.say(at, f"no file is found by {pattern}")
    if len(found) > MOST_FILES:
        raise at.wrong(f"{printable(pattern)} finds {len(found)} files; at most {MOST_FILES} are read")
    yield from found


def _say_dotenv(path: str, notes: Notes) -> None:
    beside = os.path.join(os.path.dirname(os.path.abspath(path)), ".env")
    if os.path.exists(beside):
        notes.say(
            At(path, 1), ".env beside it is read by foreman and not by nbmon; set its variables yourself"
        )
