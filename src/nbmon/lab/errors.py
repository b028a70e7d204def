"""What the laboratory may tell a person, each as a finished sentence."""

from __future__ import annotations


class LabError(Exception):
    """An experiment that was asked for rightly and cannot be made here; the command exits 1."""


class LabMisuseError(LabError):
    """A name or an option that makes no sense as it was typed; the command exits 2."""


def near(word: str, known: list[str]) -> str:
    """` Did you mean …?` with the closest of `known`, or nothing.

    >>> near("swich", ["spawn", "switch"])
    ' Did you mean switch?'
    """
    from difflib import get_close_matches

    found = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {found[0]}?" if found else ""
