"""Draws the example pictures: `make_examples.py [FOLDER]`, by default examples/pictures beside this script.

A dozen in two folders, in the formats that browsers show. All is drawn from formulas and a seeded generator, so that
the same Pillow makes the same files; nothing here is anybody's photograph. Needs Pillow with WebP and AVIF.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]

WIDE = (1440, 960)  # pixels
TALL = (960, 1280)
OVER = 2  # drawn this many times larger, then scaled down: soft edges
ORIENTATION, DATE_TIME_ORIGINAL, DESCRIPTION, EXIF_IFD = 0x0112, 0x9003, 0x010E, 0x8769


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


def sunset() -> Image.Image:
    """The sun going down behind layers of hills, and its road of light on the water."""
    rng, size = Random(3), large(WIDE)
    image = gradient(size, "#2b2350", "#6a3a78", "#d8597a", "#ff9a62", "#ffd58a", "#ffc27a")
    clouds = noise(size, rng, (3, 14)).point(lambda v: max(0, min(255, (v - 128) * 6)))
    image.paste(Image.new("RGB", size, hexed("#ffe3b0")), (0, 0), clouds.point(lambda v: round(v * 0.28)))
    sun = (size[0] * 0.62, size[1] * 0.56)
    glow(image, sun, size[0] * 0.55, "#ffb060", 0.8)
    draw = ImageDraw.Draw(image)
    draw.circle(sun, size[1] * 0.072, hexed("#fff3cf"))
    for i, colour in enumerate(("#b4587e", "#7f3f70", "#4d2c5b")):
        draw.polygon(ridge(size, size[1] * (0.60 + 0.028 * i), size[1] * 0.075, rng), hexed(colour))
    horizon = round(size[1] * 0.68)
    mirror = image.crop((0, horizon * 2 - size[1], size[0], horizon)).transpose(
        Image.Transpose.FLIP_TOP_BOTTOM
    )
    water = Image.blend(mirror, gradient(mirror.size, "#8c4a78", "#1c1a3c"), 0.55)
    image.paste(water, (0, horizon))
    for _ in range(900):
        depth = rng.random() ** 1.6
        y = horizon + depth * (size[1] - horizon)
        x = sun[0] + rng.gauss(0, 0.02 + 0.09 * depth) * size[0]
        wide, tall = (10 + 70 * depth) * rng.uniform(0.5, 1.5), 1.5 + 5 * depth
        draw.ellipse(
            (x - wide, y - tall, x + wide, y + tall), mix(hexed("#ffe6ad"), hexed("#ff8a6a"), rng.random())
        )
    return small(image)


def lighthouse_on(image: Image.Image, foot: Point, height: float, dark: str = "#1b2238") -> Point:
    """Draws a lighthouse that stands at `foot`; returns where its lamp is."""
    draw, (x, y) = ImageDraw.Draw(image), foot
    top, wide = y - height, height * 0.085

    def at(level: float) -> tuple[float, float]:
        return wide * (1 - 0.38 * level), y - height * 0.84 * level

    for band in range(7):
        (low, y0), (high, y1) = at(band / 7), at((band + 1) / 7)
        shape = [(x - low, y0), (x + low, y0), (x + high, y1), (x - high, y1)]
        draw.polygon(shape, hexed("#d9534f" if band % 2 else "#f4ede1"))
        draw.polygon(
            [(x + low * 0.25, y0), (x + low, y0), (x + high, y1), (x + high * 0.25, y1)],
            hexed("#a63c40" if band % 2 else "#cfc3bb"),
        )
    gallery = y - height * 0.84
    draw.rounded_rectangle(
        (x - wide * 0.85, gallery - height * 0.018, x + wide * 0.85, gallery), 6, hexed(dark)
    )
    draw.rectangle(
        (x - wide * 0.42, gallery - height * 0.1, x + wide * 0.42, gallery - height * 0.018), hexed("#ffe9a8")
    )
    draw.polygon(
        [(x - wide * 0.6, gallery - height * 0.1), (x + wide * 0.6, gallery - height * 0.1), (x, top)],
        hexed(dark),
    )
    return x, gallery - height * 0.06


def lighthouse() -> Image.Image:
    """A lighthouse at dusk, upright; it is stored lying on its side, as a turned camera would."""
    rng, size = Random(8), large(TALL)
    image = gradient(size, "#12183a", "#2c3a74", "#6f67a8", "#d98fa0", "#f6c49b", "#f3b48a")
    stars(image, rng, 160, 0.45)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, size[1] * 0.8, size[0], size[1]), hexed("#39426f"))
    for row in range(60):
        y = size[1] * (0.8 + 0.2 * (row / 60) ** 1.5)
        for _ in range(7):
            x, wide = rng.uniform(0, size[0]), rng.uniform(20, 140) * (0.4 + row / 50)
            draw.line(
                (x - wide, y, x + wide, y),
                mix(hexed("#e0a0a4"), hexed("#4d5689"), min(1, row / 45)),
                2 + row // 16,
            )
    rock = [
        (size[0] * 0.28, size[1] * 0.9),
        (size[0] * 0.4, size[1] * 0.8),
        (size[0] * 0.5, size[1] * 0.77),
        (size[0] * 0.68, size[1] * 0.775),
        (size[0] * 0.8, size[1] * 0.83),
        (size[0] * 1.02, size[1] * 0.92),
        (size[0] * 1.02, size[1]),
        (size[0] * 0.18, size[1]),
    ]
    lamp = lighthouse_on(image, (size[0] * 0.58, size[1] * 0.785), size[1] * 0.5)
    draw.polygon(rock, hexed("#1d2340"))
    beam = Image.new("L", size)
    ImageDraw.Draw(beam).polygon([lamp, (-40, size[1] * 0.12), (-40, size[1] * 0.32)], 150)
    ImageDraw.Draw(beam).polygon([lamp, (size[0] + 40, size[1] * 0.26), (size[0] + 40, size[1] * 0.36)], 110)
    image.paste(Image.new("RGB", size, hexed("#fff0c0")), (0, 0), beam.filter(ImageFilter.GaussianBlur(14)))
    glow(image, lamp, size[0] * 0.4, "#ffe2a0", 0.9)
    return small(image)


def stars(image: Image.Image, rng: Random, count: int, down_to: float) -> None:
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = rng.uniform(0, image.width), rng.uniform(0, 1) ** 1.3 * image.height * down_to
        draw.circle(
            (x, y), rng.choice((1.5, 2, 2, 3, 4.5)), mix(hexed("#8f9bd0"), hexed("#ffffff"), rng.random())
        )


def waves() -> Image.Image:
    """Seigaiha: the old Japanese pattern of overlapping waves."""
    size, radius = large(WIDE), 192
    image = Image.new("RGB", size, hexed("#0d3b54"))
    draw = ImageDraw.Draw(image)
    rings = [
        hexed(c)
        for c in ("#f2efe4", "#0d3b54", "#8ec6c5", "#0d3b54", "#3c8d9e", "#0d3b54", "#f0b775", "#0d3b54")
    ]
    for row in range(-1, size[1] * 2 // radius + 4):
        for column in range(-1, size[0] // (2 * radius) + 2):
            x, y = (2 * column + row % 2) * radius, row * radius / 2
            deep = min(1.0, max(0.0, y / size[1]))
            for i, ring in enumerate(rings):
                draw.circle(
                    (x, y), radius * (1 - i / len(rings)) - 2, mix(ring, hexed("#0a2a44"), 0.45 * deep)
                )
    return small(image)


def moonlight() -> Image.Image:
    rng, size = Random(21), large(WIDE)
    image = gradient(size, "#050a1f", "#0b1b45", "#1d3f77", "#4b7fa8", "#7fb0bf")
    stars(image, rng, 420, 0.6)
    moon = (size[0] * 0.3, size[1] * 0.3)
    glow(image, moon, size[1] * 0.75, "#9cc4e8", 0.75)
    draw, radius = ImageDraw.Draw(image), size[1] * 0.1
    draw.circle(moon, radius, hexed("#f6f3e4"))
    for _ in range(16):
        angle, far = rng.uniform(0, math.tau), rng.uniform(0, 0.78) * radius
        spot = (moon[0] + far * math.cos(angle), moon[1] + far * math.sin(angle))
        draw.circle(spot, radius * rng.uniform(0.04, 0.15), hexed("#e2decb"))
    horizon = size[1] * 0.66
    for i, colour in enumerate(("#2f5c86", "#1d4169")):
        draw.polygon(ridge(size, horizon - 20 + i * 26, size[1] * 0.05, rng), hexed(colour))
    image.paste(
        gradient((size[0], round(size[1] - horizon)), "#3b7395", "#0d2448", "#050c22"), (0, round(horizon))
    )
    for _ in range(1100):
        depth = rng.random() ** 1.7
        x = moon[0] + rng.gauss(0, 0.018 + 0.12 * depth) * size[0]
        y, wide = horizon + depth * (size[1] - horizon), (8 + 60 * depth) * rng.uniform(0.4, 1.4)
        draw.ellipse(
            (x - wide, y - 1.2 - 3 * depth, x + wide, y + 1.2 + 3 * depth),
            mix(hexed("#eef3dc"), hexed("#5f9cc0"), rng.random()),
        )
    boat(draw, (size[0] * 0.66, size[1] * 0.74), size[1] * 0.2, "#071129", "#0d1c3d", "#12264c")
    return small(image)


def boat(draw: ImageDraw.ImageDraw, at: Point, height: float, hull: str, sail: str, jib: str) -> None:
    x, y = at
    draw.polygon(
        [
            (x - height * 0.42, y),
            (x + height * 0.46, y),
            (x + height * 0.3, y + height * 0.16),
            (x - height * 0.28, y + height * 0.16),
        ],
        hexed(hull),
    )
    draw.polygon(
        [
            (x + height * 0.03, y - height),
            (x + height * 0.03, y - height * 0.06),
            (x + height * 0.4, y - height * 0.06),
        ],
        hexed(sail),
    )
    draw.polygon(
        [
            (x - height * 0.03, y - height * 0.86),
            (x - height * 0.03, y - height * 0.06),
            (x - height * 0.36, y - height * 0.06),
        ],
        hexed(jib),
    )
    draw.line((x, y, x, y - height * 1.04), hexed(hull), max(3, round(height * 0.012)))


def sails() -> Image.Image:
    """A regatta, flat as a poster."""
    rng, size = Random(5), large((1440, 900))
    image = gradient(size, "#f7e3c1", "#f9d2a0", "#f5b98a")
    draw = ImageDraw.Draw(image)
    draw.circle((size[0] * 0.76, size[1] * 0.3), size[1] * 0.14, hexed("#f2784b"))
    colours = ("#e4572e", "#17594a", "#f3f0e6", "#29335c", "#f3a712", "#a8c686")
    for lane in range(6):
        y = size[1] * (0.47 + 0.09 * lane)
        scale = 0.13 + 0.055 * lane
        for i in range(5 - lane // 2):
            x = size[0] * ((i + 0.5 + 0.5 * (lane % 2)) / (5 - lane // 2) + rng.uniform(-0.06, 0.06))
            a, b = rng.sample(colours, 2)
            boat(draw, (x, y), size[1] * scale * rng.uniform(0.85, 1.1), "#3a2a2a", a, b)
        sea = mix(hexed("#7fc3c0"), hexed("#0f4c6b"), lane / 5)
        crest = [
            (x, y + 26 + 12 * math.sin(x / (60 + 12 * lane) + lane * 1.7)) for x in range(0, size[0] + 9, 8)
        ]
        draw.polygon([(0, size[1]), *crest, (size[0] + 8, size[1])], sea)
    return small(image)


def beacon() -> list[Image.Image]:
    """A lighthouse by night whose beam goes round: 24 frames in a loop, few colours."""
    rng, size = Random(11), (960, 640)
    night = beacon_by_night(rng, large(size))
    lamp_x, lamp_y = lighthouse_on(night, (650 * OVER, 515 * OVER), 330 * OVER, "#070d20")
    night, lamp = small(night), (lamp_x / OVER, lamp_y / OVER)
    frames = []
    for step in range(24):
        angle = math.tau * step / 24
        frame, light = night.copy(), Image.new("L", size)
        for turn in (0.0, math.pi):
            side, facing = math.cos(angle + turn), abs(math.cos(angle))
            end, spread = (lamp[0] + math.copysign(1000, side), lamp[1] - 40 * side), 20 + 60 * facing
            strong = round((80 + 60 * max(0.0, math.sin(angle + turn))) * facing**0.7)
            ImageDraw.Draw(light).polygon(
                [lamp, (end[0], end[1] - spread), (end[0], end[1] + spread)], strong
            )
        light = light.filter(ImageFilter.GaussianBlur(5))
        frame.paste(Image.new("RGB", size, hexed("#ffeebb")), (0, 0), light)
        glow(frame, lamp, 90 + 90 * abs(math.sin(angle)), "#ffe9a8", 0.8)
        frames.append(frame)
    seen = Image.new("RGB", (size[0], size[1] * 4))
    for i in range(4):
        seen.paste(frames[i * 3], (0, size[1] * i))
    palette = seen.quantize(64, dither=Image.Dither.NONE)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def beacon_by_night(rng: Random, size: tuple[int, int]) -> Image.Image:
    night = gradient(size, "#0a1030", "#15245a", "#2d4f86")
    stars(night, rng, 110, 0.6)
    draw = ImageDraw.Draw(night)
    draw.polygon(ridge(size, size[1] * 0.76, 68, rng), hexed("#16294f"))
    draw.rectangle((0, size[1] * 0.78, *size), hexed("#0e1d40"))
    rock = [(430, 640), (560, 520), (690, 505), (800, 545), (960, 610), (960, 640)]
    draw.polygon([(x * OVER, y * OVER) for x, y in rock], hexed("#070d20"))
    return night


def sunflower() -> Image.Image:
    """Phyllotaxis: each seed turned from the last by the golden angle (Vogel's model)."""
    size = large((1200, 1200))
    image = gradient(size, "#10241f", "#0a1714")
    draw, centre = ImageDraw.Draw(image), size[0] / 2
    golden = math.pi * (3 - math.sqrt(5))
    for n in range(1500, 0, -1):
        far, angle = 28.5 * math.sqrt(n), n * golden
        t = n / 1500
        colour = mix(
            mix(hexed("#6b3410"), hexed("#e28413"), min(1, t * 1.7)), hexed("#ffe066"), max(0, t * 1.9 - 0.9)
        )
        at = (centre + far * math.cos(angle), centre + far * math.sin(angle))
        radius = 13 + 9 * t
        draw.circle((at[0] + 4, at[1] + 5), radius, mix(colour, (0, 0, 0), 0.6))
        draw.circle(at, radius, colour)
        draw.circle(
            (at[0] - radius * 0.3, at[1] - radius * 0.3), radius * 0.3, mix(colour, (255, 255, 255), 0.35)
        )
    return small(image)


def bokeh() -> Image.Image:
    """Lamps in the garden at night, out of focus."""
    rng, size = Random(14), large(WIDE)
    image = gradient(size, "#0b1a16", "#12322a", "#0a1512")
    colours = ("#ffcf6b", "#ff9e5e", "#8fe3b0", "#f7748b", "#7fc8e8", "#ffe7b0")
    for blur, count, low, high in ((26, 40, 60, 150), (9, 32, 70, 170), (3, 18, 40, 120)):
        layer = Image.new("RGB", size)
        for _ in range(count):
            radius = rng.uniform(low, high)
            at = (rng.uniform(0, size[0]), rng.gauss(0.5, 0.22) * size[1])
            colour = mix((0, 0, 0), hexed(rng.choice(colours)), rng.uniform(0.25, 0.6))
            box = [
                round(at[0] - radius - 8),
                round(at[1] - radius - 8),
                round(at[0] + radius + 8),
                round(at[1] + radius + 8),
            ]
            spot = Image.new("RGB", (box[2] - box[0], box[3] - box[1]))
            middle = (spot.width / 2, spot.height / 2)
            ImageDraw.Draw(spot).circle(middle, radius, colour, mix(colour, (255, 255, 255), 0.25), 5)
            under = layer.crop((box[0], box[1], box[2], box[3]))
            layer.paste(ImageChops.screen(under, spot), (box[0], box[1]))
        image = ImageChops.screen(image, layer.filter(ImageFilter.GaussianBlur(blur)))
    return small(image)


def truchet() -> Image.Image:
    """Smith's truchet tiles: two arcs in every square, turned at random, make paths without an end."""
    rng, tile = Random(4), 160
    size = large((1440, 960))
    image = gradient(size, "#274029", "#1b2f2a")
    draw = ImageDraw.Draw(image)
    for y in range(0, size[1], tile):
        for x in range(0, size[0], tile):
            corners = ((x, y), (x + tile, y + tile)) if rng.random() < 0.5 else ((x + tile, y), (x, y + tile))
            for colour, width in (("#0f1f1b", 84), ("#e9c46a", 66), ("#f4e7c3", 26), ("#c8553d", 8)):
                for cx, cy in corners:
                    clipped_arc(draw, (cx, cy), tile / 2, width, hexed(colour), (x, y, x + tile, y + tile))
    return small(image)


def clipped_arc(
    draw: ImageDraw.ImageDraw,
    at: Point,
    radius: float,
    width: int,
    colour: Colour,
    box: tuple[int, int, int, int],
) -> None:
    """The quarter of a ring around a corner of `box` that lies within it."""
    start = {(True, True): 0, (False, True): 90, (False, False): 180, (True, False): 270}[
        at[0] == box[0], at[1] == box[1]
    ]
    out = radius + width / 2
    draw.arc((at[0] - out, at[1] - out, at[0] + out, at[1] + out), start, start + 90, colour, width)


def spring() -> Image.Image:
    """Hills in spring, mist between them, and a flock of trees."""
    rng, size = Random(17), large((1600, 900))
    image = gradient(size, "#8ec9e8", "#c9e6ee", "#fdf3d8", "#fff6e2")
    glow(image, (size[0] * 0.2, size[1] * 0.24), size[1] * 0.6, "#fff4c8", 0.9)
    for i in range(7):
        t = i / 6
        colour = mix(hexed("#b9d7c9"), hexed("#2f6b3c"), t)
        base, height = size[1] * (0.44 + 0.085 * i), size[1] * (0.09 + 0.01 * i)
        outline = ridge(size, base, height, rng, 4)
        layer = Image.new("L", size)
        ImageDraw.Draw(layer).polygon(outline, 255)
        slope = gradient(size, "#ffffff", "#ffffff")
        slope.paste(colour, (0, 0, *size))
        lit = Image.blend(slope, gradient(size, "#f7f3d0", "#f7f3d0", "#22572f"), 0.22)
        image.paste(lit, (0, 0), layer)
        draw = ImageDraw.Draw(image)
        for _ in range(6 + 9 * i):
            x, y = rng.choice(outline[2:-2])
            trunk = (10 + 13 * i) * rng.uniform(0.7, 1.3)
            leaf = mix(colour, hexed(rng.choice(("#1d4f2b", "#f2a3b3", "#3f7d3a"))), 0.6)
            draw.rectangle(
                (x - trunk * 0.06, y - trunk, x + trunk * 0.06, y + 4), mix(leaf, (40, 25, 15), 0.6)
            )
            draw.ellipse((x - trunk * 0.42, y - trunk * 1.75, x + trunk * 0.42, y - trunk * 0.55), leaf)
    return small(image)


def fern() -> Image.Image:
    """Barnsley's fern: four affine maps, drawn at random a great many times."""
    rng, size = Random(6), TALL
    count = Image.new("L", size)
    put = count.load()
    x = y = 0.0
    for _ in range(700_000):
        r = rng.random()
        if r < 0.01:
            x, y = 0.0, 0.16 * y
        elif r < 0.86:
            x, y = 0.85 * x + 0.04 * y, -0.04 * x + 0.85 * y + 1.6
        elif r < 0.93:
            x, y = 0.2 * x - 0.26 * y, 0.23 * x + 0.22 * y + 1.6
        else:
            x, y = -0.15 * x + 0.28 * y, 0.26 * x + 0.24 * y + 0.44
        at = round(size[0] * (0.47 + x / 6.4)), round(size[1] * (0.97 - y / 10.7))
        put[at] = min(255, put[at] + 34)
    paper = gradient(size, "#f5f1e3", "#eae3cc")
    shade = ImageChops.offset(count.filter(ImageFilter.GaussianBlur(7)), 10, 14).point(
        lambda v: round(v * 0.45)
    )
    paper.paste(Image.new("RGB", size, hexed("#a59a78")), (0, 0), shade)
    leaf = gradient(size, "#7fb069", "#3f8f4f", "#1f5a3a")
    paper.paste(leaf, (0, 0), count.point(lambda v: min(255, v * 3)))
    return paper


def dahlia() -> Image.Image:
    """A flower of rings of petals, seen from above."""
    size = large((1100, 1100))
    image = gradient(size, "#123c35", "#0a2420")
    centre, rings = size[0] / 2, 13
    for ring in range(rings):
        t = ring / (rings - 1)
        petals, far = 24 - ring, centre * (0.93 - 0.84 * t)
        long, wide = far * 0.52 + 40, math.pi * far / petals * 0.62 + 6
        colour = mix(
            mix(hexed("#5e1742"), hexed("#e0476e"), min(1, t * 1.6)), hexed("#ffd9a8"), max(0, t * 1.8 - 0.8)
        )
        petal = Image.new("RGBA", (round(long) * 2, round(wide) * 2))
        draw = ImageDraw.Draw(petal)
        outline = [
            (long * (1 - math.cos(math.pi * i / 40)), wide * (1 + math.sin(math.pi * i / 40) ** 1.4))
            for i in range(41)
        ]
        outline += [(px, 2 * wide - py) for px, py in reversed(outline)]
        draw.polygon(outline, (*mix(colour, (0, 0, 0), 0.45), 255))
        draw.polygon([(px * 0.97, wide + (py - wide) * 0.9) for px, py in outline], (*colour, 255))
        draw.polygon(
            [(px * 0.9, wide + (py - wide) * 0.34) for px, py in outline],
            (*mix(colour, (255, 255, 255), 0.2), 255),
        )
        for n in range(petals):
            angle = math.tau * (n + 0.5 * (ring % 2)) / petals
            turned = petal.rotate(-math.degrees(angle), Image.Resampling.BICUBIC, expand=True)
            middle = far - long * 0.5
            at = (
                centre + middle * math.cos(angle) - turned.width / 2,
                centre + middle * math.sin(angle) - turned.height / 2,
            )
            image.paste(turned, (round(at[0]), round(at[1])), turned)
    return small(image)


def turned_by_camera(upright: Image.Image, to: Path) -> None:
    """Stores `upright` lying on its side, with the EXIF orientation (6) that rights it, and a date."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[DESCRIPTION] = "A lighthouse that no camera has seen"
    exif.get_ifd(EXIF_IFD)[DATE_TIME_ORIGINAL] = "2024:08:17 20:41:05"
    upright.transpose(Image.Transpose.ROTATE_90).save(to, quality=84, optimize=True, exif=exif)


def all_pictures() -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Each picture's name beneath the folder, and how it is drawn and stored there."""
    yield "harbour/sunset.jpg", lambda to: sunset().save(to, quality=84, optimize=True, progressive=True)
    yield "harbour/Lighthouse at dusk.jpg", lambda to: turned_by_camera(lighthouse(), to)
    yield (
        "harbour/waves.png",
        lambda to: waves().quantize(64, dither=Image.Dither.NONE).save(to, optimize=True),
    )
    yield "harbour/月光.webp", lambda to: moonlight().save(to, quality=80, method=6)
    yield "harbour/sails.avif", lambda to: sails().save(to, quality=62, speed=4, max_threads=1)
    yield "harbour/beacon.gif", lambda to: save_moving(beacon(), to)
    yield "garden/sunflower.webp", lambda to: sunflower().save(to, quality=78, method=6)
    yield "garden/bokeh.jpg", lambda to: bokeh().save(to, quality=82, optimize=True)
    yield (
        "garden/truchet.png",
        lambda to: truchet().quantize(48, dither=Image.Dither.NONE).save(to, optimize=True),
    )
    yield "garden/hills in spring.avif", lambda to: spring().save(to, quality=60, speed=4, max_threads=1)
    yield "garden/fern.jpg", lambda to: fern().save(to, quality=80, optimize=True)
    yield "garden/dahlia.webp", lambda to: dahlia().save(to, quality=80, method=6)


def save_moving(frames: list[Image.Image], to: Path) -> None:
    frames[0].save(to, save_all=True, append_images=frames[1:], duration=110, loop=0, optimize=True)


def main(folder: Path) -> None:
    for name, draw in all_pictures():
        to = folder / name
        to.parent.mkdir(parents=True, exist_ok=True)
        draw(to)
        print(f"{to.stat().st_size / 1000:6.0f} kB  {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "examples" / "pictures")
