"""The pictures of the harbour, each drawn anew."""

from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from drawn.brushes import (
    OVER,
    TALL,
    WIDE,
    Point,
    glow,
    gradient,
    hexed,
    large,
    mix,
    noise,
    ridge,
    small,
)


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
