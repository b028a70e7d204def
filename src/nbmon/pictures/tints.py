"""The colours in which a place waits for its picture: those of its corners, as classes of the style. Pure.

The pages' policy allows them no style of their own, so a corner's colour is one of the stylesheet's: the
nearest of 7 by 7 by 7, which stand closer to each other where it is dark, as eyes see. Four corners, run into
each other, are near enough to what comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

STEPS = 7  # of each of red, green and blue
LEVELS = [round(255 * (step / (STEPS - 1)) ** 1.3) for step in range(STEPS)]
LIGHT_COUNTS = 0.5  # how much a difference in lightness is, beside one in hue
_STEP_OF = [min(range(STEPS), key=lambda step: abs(LEVELS[step] - part)) for part in range(256)]
CORNERS = "abcd"  # the letter of each corner's class and of the property that it sets, from the upper left


def classes(colours: bytes) -> str:
    """The classes of a place whose corners have these colours, three bytes each."""
    corners = (colours[at : at + 3] for at in range(0, len(colours), 3))
    return "lit " + " ".join(f"{letter}{_number(one)}" for letter, one in zip(CORNERS, corners, strict=True))


def snapped(colours: bytes) -> bytes:
    """The colours, each moved to one of the stylesheet's, which `classes` then gives.

    Rather a lighter or darker one than one of another hue; to look for that, a page has no time.
    """
    corners = (colours[at : at + 3] for at in range(0, len(colours), 3))
    return b"".join(bytes(min(product(*map(_around, one)), key=_unlike(one))) for one in corners)


def _around(part: int) -> list[int]:
    """The levels next to it."""
    return sorted(LEVELS, key=lambda level: abs(level - part))[:2]


def _unlike(colour: bytes) -> Callable[[tuple[int, ...]], float]:
    def unlike(other: tuple[int, ...]) -> float:
        apart = [a - b for a, b in zip(colour, other, strict=True)]
        mean = sum(apart) / len(apart)
        return LIGHT_COUNTS * mean**2 + sum((part - mean) ** 2 for part in apart)

    return unlike


def _number(colour: bytes) -> int:
    number = 0
    for part in colour:
        number = number * STEPS + _STEP_OF[part]
    return number


def rules() -> Iterator[str]:
    """What the stylesheet needs for these classes: for each corner, every colour."""
    for number in range(STEPS**3):
        parts = number // STEPS**2, number // STEPS % STEPS, number % STEPS
        colour = "".join(f"{LEVELS[part]:02x}" for part in parts)
        for letter in CORNERS:
            yield f".{letter}{number}{{--{letter}:#{colour}}}"
