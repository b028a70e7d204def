"""On which line of a TOML text each key stands. tomllib, which parses it, does not tell.

Best effort and total: any text whatever gives a map, a key that is not in it has no line. Must not know
what the keys mean.
"""

from __future__ import annotations

import re

Path = tuple[str, ...]

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|"  # strings of several lines
    r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|"
    r"\#[^\n]*|[A-Za-z0-9_-]+|\n|[^\S\n]+|.",
    re.DOTALL,
)


class _Finder:
    """Walks the tokens once; `base` is the table that a key belongs to."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.line = 1
        self.header: Path = ()
        self.open: list[tuple[str, Path]] = []  # brackets inside a value, with the key of each
        self.key: list[str] = []
        self.current: Path = ()
        self.state = self.at_key

    def take(self, piece: str) -> None:
        if piece == "\n" and not self.open:
            self.key, self.state = [], self.at_key
        elif not piece.isspace() and not piece.startswith("#"):
            self.state(piece)
        self.line += piece.count("\n")

    def at_key(self, piece: str) -> None:
        """Where a key or a header begins or goes on."""
        if piece == "=":
            self.current = self.base + tuple(self.key)
            self.note(self.current)
            self.key, self.state = [], self.in_value
        elif piece == "[" and not self.open and not self.key:
            self.state = self.in_header
        elif piece == "}" and self.open:
            self.leave()
        elif piece != ".":
            self.key.append(_unquoted(piece))

    def in_header(self, piece: str) -> None:
        if piece == "]":
            self.header = tuple(self.key)
            self.note(self.header)
            self.key, self.state = [], self.in_value
        elif piece not in (".", "["):
            self.key.append(_unquoted(piece))

    def in_value(self, piece: str) -> None:
        if piece in ("{", "["):
            self.open.append((piece, self.current))
            if piece == "{":
                self.key, self.state = [], self.at_key
        elif piece in ("}", "]") and self.open:
            self.leave()
        elif piece == "," and self.open and self.open[-1][0] == "{":
            self.key, self.state = [], self.at_key

    def leave(self) -> None:
        _, self.current = self.open.pop()
        self.key, self.state = [], self.in_value

    @property
    def base(self) -> Path:
        return self.open[-1][1] if self.open else self.header

    def note(self, path: Path) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self.line)


def lines_of_keys(text: str) -> dict[Path, int]:
    """The line, counted from 1, of each key and table of `text`.

    >>> lines_of_keys('[a]\\nb = 1')[("a", "b")]
    2
    """
    finder = _Finder()
    for piece in _TOKEN.findall(text):
        finder.take(piece)
    return finder.lines


def _unquoted(piece: str) -> str:
    return piece[1:-1] if len(piece) > 1 and piece[0] in "\"'" and piece[-1] == piece[0] else piece
