"""The pictures of the garden, each drawn anew."""

from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from drawn.brushes import (
    TALL,
    WIDE,
    Colour,
    Point,
    glow,
    gradient,
    hexed,
    large,
    mix,
    ridge,
    small,
)


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
