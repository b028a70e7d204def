"""What this room may tell a person, each as a finished sentence."""

from __future__ import annotations

import errno


class ServiceError(Exception):
    """A request that was understood and cannot be met; the command exits 1."""


class MisuseError(ServiceError):
    """A request that makes no sense as it was typed: the caller's fault; the command exits 2."""

    def __init__(self, sentence: str, option: str = "") -> None:
        super().__init__(sentence)
        self.option = option  # the one that is to blame, where it is one


def near(word: str, known: list[str]) -> str:
    """` Did you mean …?` with the closest of `known`, or nothing.

    >>> near("hots", ["host", "port"])
    ' Did you mean host?'
    """
    from difflib import get_close_matches

    found = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {found[0]}?" if found else ""


def printable(text: str) -> str:
    """`text` for a terminal or a log line: control characters and undecodable bytes as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def reason_of(error: OSError) -> str:
    """The system's own words, without Python's number: `permission denied`."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "no file descriptors left; raise the limit (ulimit -n)"
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]
