"""INI files as their readers read them, with the line of each key. Text in, sections out.

Two dialects: supervisord's (Python's configparser: later keys win, small letters, values go on in deeper
lines) and circus's own (earlier keys win, letters as they are).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nbmon.services.convert.programs import At
from nbmon.services.errors import printable

_SECTION = re.compile(r"\[(.+)\]")
_OPTION = re.compile(r"(.*?)\s*[=:]\s*(.*)", re.DOTALL)


class Dialect(NamedTuple):
    """In what the readers differ."""

    name: str
    inline: str  # what begins a comment behind a blank
    small: bool  # keys in small letters
    first: bool  # of a key that stands twice, the first one counts


SUPERVISORD = Dialect("supervisord", ";#", small=True, first=False)
CIRCUS = Dialect("circus", ";", small=False, first=True)


class Entry(NamedTuple):
    """A value, and where its key stands."""

    value: str
    at: At


class Section(NamedTuple):
    """A section by its first heading."""

    at: At
    entries: dict[str, Entry]

    def get(self, key: str, otherwise: str = "") -> str:
        """The value of `key`."""
        return self.entries[key].value if key in self.entries else otherwise

    def where(self, key: str) -> At:
        """The place of `key`, or of the section that lacks it."""
        return self.entries[key].at if key in self.entries else self.at


Sections = dict[str, Section]


def read(text: str, file: str, dialect: Dialect, into: Sections | None = None) -> Sections:
    """The sections of `text`, added to those that were read before. ServiceError with file and line."""
    reader = _Reader(file, dialect, {} if into is None else into)
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        reader.take(number, line)
    reader.end()
    return reader.sections


class _Reader:
    """One file's reading: where it stands, and what it has found."""

    def __init__(self, file: str, dialect: Dialect, sections: Sections) -> None:
        self.file, self.dialect, self.sections = file, dialect, sections
        self.section: Section | None = None
        self.key = ""
        self.at = At(file, 0)
        self.lines: list[str] = []
        self.indent = 0

    def take(self, number: int, line: str) -> None:
        at = At(self.file, number)
        bare, commented = _without_comment(line, self.dialect)
        if not bare:
            if not commented and self.key and self.dialect is SUPERVISORD:
                self.lines.append("")
            return
        indent = len(line) - len(line.lstrip())
        if self.key and indent > self.indent:
            self.lines.append(bare)
            return
        self.end()
        self.indent = indent if self.dialect is SUPERVISORD else 0
        if found := _SECTION.match(bare):
            self.section = self.sections.setdefault(found[1], Section(at, {}))
        else:
            self._begin(at, bare)

    def _begin(self, at: At, bare: str) -> None:
        if self.section is None:
            raise at.wrong(f"{printable(bare[:60])!r} stands before the first [section]")
        found = _OPTION.fullmatch(bare)
        if found is None or not found[1]:
            raise at.wrong(
                f"{printable(bare[:60])!r} is no KEY=VALUE, and not indented to go on with a value"
            )
        self.key = found[1].lower() if self.dialect.small else found[1]
        self.at, self.lines = at, [found[2]]

    def end(self) -> None:
        """The value that was being read is whole."""
        if self.key and self.section is not None:
            value = "\n".join(self.lines).rstrip()
            kept = self.key in self.section.entries and self.dialect.first
            if not kept:
                self.section.entries[self.key] = Entry(
                    "" if value == '""' and self.dialect.first else value, self.at
                )
        self.key = ""


def _without_comment(line: str, dialect: Dialect) -> tuple[str, bool]:
    """The line without its comment and the blanks around it, and whether there was one."""
    if line.strip()[:1] in ("#", ";") and (dialect is SUPERVISORD or line[:1] in "#;"):
        return "", True
    for at, char in enumerate(line):
        if char in dialect.inline and at and line[at - 1].isspace():
            return line[:at].strip(), True
    return line.strip(), False
