"""What several pictures are drawn with: colours, gradients, clouds, light, outlines."""

from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageChops

Colour = tuple[int, int, int]
Point = tuple[float, float]

WIDE = (1440, 960)  # pixels
TALL = (960, 1280)
OVER = 2  # drawn this many times larger, then scaled down: soft edges


def hexed(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def mix(a: Colour, b: Colour, t: float) -> Colour:
    return tuple(round(x + (y - x) * t) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]  # three of three


def gradient(size: tuple[int, int], *stops: str) -> Image.Image:
    """From top to bottom through `stops`, evenly spaced."""
    colours = [hexed(stop) for stop in stops]
    column = Image.new("RGB", (1, 256))
    for y in range(256):
        at = y / 255 * (len(colours) - 1)
        low = min(int(at), len(colours) - 2)
        column.putpixel((0, y), mix(colours[low], colours[low + 1], at - low))
    return column.resize(size, Image.Resampling.BICUBIC)


def noise(size: tuple[int, int], rng: Random, cells: tuple[int, int], octaves: int = 4) -> Image.Image:
    """Clouds in grey: coarse random grids, blown up smoothly, each finer one half as strong."""
    total = Image.new("L", size, 128)
    for octave in range(octaves):
        grid = (cells[0] * 2**octave, cells[1] * 2**octave)
        layer = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1])).resize(
            size, Image.Resampling.BICUBIC
        )
        total = Image.blend(total, layer, 0.5 / (octave + 1))
    return total


def large(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] * OVER, size[1] * OVER


def small(image: Image.Image) -> Image.Image:
    return image.resize((image.width // OVER, image.height // OVER), Image.Resampling.LANCZOS)


def glow(image: Image.Image, at: Point, radius: float, colour: str, strength: float = 1.0) -> None:
    """Light around a point, added to what is there."""
    reach = round(radius)
    patch = Image.radial_gradient("L").resize((reach * 2, reach * 2), Image.Resampling.BICUBIC)
    light = patch.point(lambda v: round(max(0.0, 1 - v / 180) ** 2.2 * 255 * strength))
    layer = Image.new("RGB", image.size)
    layer.paste(
        Image.new("RGB", light.size, hexed(colour)), (round(at[0]) - reach, round(at[1]) - reach), light
    )
    image.paste(ImageChops.screen(image, layer))


def ridge(size: tuple[int, int], base: float, height: float, rng: Random, rough: int = 5) -> list[Point]:
    """The outline of a range of hills from the left edge to the right, closed along the bottom."""
    waves = [(rng.uniform(0.5, 1.4) * 2**i, rng.uniform(0, math.tau), height / 2**i) for i in range(rough)]
    line = [
        (x, base - sum(a * math.sin(f * math.pi * x / size[0] + p) for f, p, a in waves) * 0.5)
        for x in range(0, size[0] + 9, 8)
    ]
    return [(0, size[1]), *line, (size[0] + 8, size[1])]
