"""The colours in which a place waits for its picture: those of its corners, as classes of the style. Pure.

The pages' policy allows them no style of their own, so a corner's colour is one of the stylesheet's: the
nearest of 6 by 6 by 6. Four corners, run into each other, are near enough to what comes.
"""

from __future__ import annotations

from collections.abc import Iterator

STEPS = 6  # of each of red, green and blue
CORNERS = "abcd"  # the letter of each corner's class and of the property that it sets, from the upper left


def classes(colours: bytes) -> str:
    """The classes of a place whose corners have these colours, three bytes each."""
    corners = (colours[at : at + 3] for at in range(0, len(colours), 3))
    return "lit " + " ".join(f"{letter}{_number(one)}" for letter, one in zip(CORNERS, corners, strict=True))


def _number(colour: bytes) -> int:
    number = 0
    for part in colour:
        number = number * STEPS + round(part * (STEPS - 1) / 255)
    return number


def rules() -> Iterator[str]:
    """What the stylesheet needs for these classes: for each corner, every colour."""
    for number in range(STEPS**3):
        parts = number // STEPS**2, number // STEPS % STEPS, number % STEPS
        colour = "".join(f"{round(part * 255 / (STEPS - 1)):02x}" for part in parts)
        for letter in CORNERS:
            yield f".{letter}{number}{{--{letter}:#{colour}}}"
