"""ThumbHash: a picture's colours in some 25 bytes, as a placeholder. Pure.

The format is Evan Wallace's (https://evanw.github.io/thumbhash/): averages and low frequencies of luminance,
of two colour differences and of alpha, by a discrete cosine transform, packed into half bytes.
"""

from __future__ import annotations

from math import cos, floor, pi
from typing import NamedTuple

LARGEST = 100  # pixels of a side


class _Channel(NamedTuple):
    """A channel's average, its frequencies from 0 to 1, and the scale that brought them there."""

    average: float
    frequencies: list[float]
    scale: float


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """The hash of a picture of at most 100 by 100 pixels, four bytes each. ValueError if it is none such."""
    if not (0 < width <= LARGEST and 0 < height <= LARGEST and len(rgba) == 4 * width * height):
        raise ValueError(f"{width} by {height} pixels in {len(rgba)} bytes")
    light, yellow, red, alpha = _channels(rgba)
    opaque = min(alpha) == 1.0
    limit, longer = (7 if opaque else 5), max(width, height)
    across, down = (max(1, _round(limit * side / longer)) for side in (width, height))
    lights = _encoded(light, width, height, max(3, across), max(3, down))
    yellows, reds = (_encoded(channel, width, height, 3, 3) for channel in (yellow, red))
    head = _head(lights, yellows, reds, opaque=opaque)
    shape = (down if width > height else across) | (width > height) << 15
    shape |= _round(63 * yellows.scale) << 3 | _round(63 * reds.scale) << 9
    found = head.to_bytes(3, "little") + shape.to_bytes(2, "little")
    parts = [*lights.frequencies, *yellows.frequencies, *reds.frequencies]
    if not opaque:
        alphas = _encoded(alpha, width, height, 5, 5)
        found += bytes([_round(15 * alphas.average) | _round(15 * alphas.scale) << 4])
        parts += alphas.frequencies
    return found + _packed(parts)


def _round(value: float) -> int:
    return floor(value + 0.5)  # half up, as the definition has it


def _channels(rgba: bytes) -> tuple[list[float], ...]:
    """Luminance, yellow less blue, red less green, and alpha; what is clear takes the average colour."""
    alpha = [a / 255 for a in rgba[3::4]]
    total = sum(alpha)
    colours = []
    for i in range(3):
        values = [a / 255 * c for a, c in zip(alpha, rgba[i::4], strict=True)]
        average = sum(values) / total if total else 0.0
        colours.append([v + average * (1 - a) for v, a in zip(values, alpha, strict=True)])
    pixels = list(zip(*colours, strict=True))
    return (
        [(r + g + b) / 3 for r, g, b in pixels],
        [(r + g) / 2 - b for r, g, b in pixels],
        [r - g for r, g, _ in pixels],
        alpha,
    )


def _encoded(values: list[float], width: int, height: int, across: int, down: int) -> _Channel:
    waves = [[cos(pi / width * i * (x + 0.5)) for x in range(width)] for i in range(across)]
    rows = [values[y * width : (y + 1) * width] for y in range(height)]
    sums = [[sum(a * b for a, b in zip(row, wave, strict=True)) for row in rows] for wave in waves]
    found = []
    for j in range(down):
        wave = [cos(pi / height * j * (y + 0.5)) for y in range(height)]
        for i in range(across):
            if i * down < across * (down - j):
                found.append(sum(a * b for a, b in zip(sums[i], wave, strict=True)) / (width * height))
    average, frequencies = found[0], found[1:]
    scale = max(map(abs, frequencies))
    if scale:
        frequencies = [0.5 + 0.5 / scale * f for f in frequencies]
    return _Channel(average, frequencies, scale)


def _head(lights: _Channel, yellows: _Channel, reds: _Channel, *, opaque: bool) -> int:
    return (
        _round(63 * lights.average)
        | _round(31.5 + 31.5 * yellows.average) << 6
        | _round(31.5 + 31.5 * reds.average) << 12
        | _round(31 * lights.scale) << 18
        | (not opaque) << 23
    )


def _packed(parts: list[float]) -> bytes:
    halves = [_round(15 * part) for part in parts]
    halves += [0] * (len(halves) % 2)
    return bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2], strict=True))
