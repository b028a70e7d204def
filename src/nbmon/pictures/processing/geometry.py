"""How large a result is, and which part of the source it shows. Pure arithmetic over pixels.

A source is seen upright (its EXIF orientation applied). The order is: rect, rot, flip, then the fit.
"""

from __future__ import annotations

from math import ceil, cos, radians, sin
from typing import NamedTuple

from nbmon.pictures.processing.parsing import BadRecipe
from nbmon.pictures.processing.recipe import Recipe

Size = tuple[int, int]  # width, height
Box = tuple[float, float, float, float]  # left, top, right, bottom

LONGEST_SIDE = 16_383  # pixels of a result; WebP has no larger ones (RFC 9649, section 2.7.1)
LQIP_SIDE = 32  # pixels
THUMBHASH_SIDE = 64  # pixels: the seven lowest frequencies need no more


class Fit(NamedTuple):
    """What to cut out, what size it becomes, and where it lies on what canvas."""

    box: Box | None  # of the turned source; None: a part as large as `canvas`, that the content decides
    size: Size  # of what is cut out, or of all where `box` is None
    canvas: Size  # the result's size
    at: tuple[int, int] = (0, 0)  # of the picture's upper left corner on the canvas


def rect_of(recipe: Recipe, source: Size) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part that is looked at; what lies outside is cut off. BadRecipe."""
    if recipe.rect is None:
        return 0, 0, *source
    x, y, w, h = recipe.rect
    if x >= source[0] or y >= source[1]:
        raise BadRecipe(f"rect lies outside of the picture, which is {source[0]} by {source[1]} pixels.")
    return x, y, min(x + w, source[0]), min(y + h, source[1])


def turned(recipe: Recipe, size: Size) -> Size:
    """The size of what is turned by `rot`, its corners included."""
    width, height = size
    if recipe.rot % 180 == 0:
        return size
    if recipe.rot % 180 == 90:
        return height, width
    angle = radians(recipe.rot)
    across, down = abs(cos(angle)), abs(sin(angle))
    return ceil(width * across + height * down), ceil(width * down + height * across)


def fit(recipe: Recipe, source: Size) -> Fit:
    """What becomes of an upright source of that size. BadRecipe where it becomes too large."""
    left, top, right, bottom = rect_of(recipe, source)
    seen = turned(recipe, (right - left, bottom - top))
    found = _FITS[recipe.fit](recipe, seen)
    if max(found.canvas) > LONGEST_SIDE:
        raise BadRecipe(
            f"The result would be {found.canvas[0]} by {found.canvas[1]} pixels; "
            f"a side has {LONGEST_SIDE} at most: give w or h, or smaller ones."
        )
    return found


def _wanted(recipe: Recipe) -> tuple[int | None, int | None]:
    if recipe.lqip:
        side = LQIP_SIDE if recipe.lqip == "blur" else THUMBHASH_SIDE
        return side, side
    return recipe.box()


def inside(box: tuple[int | None, int | None], source: Size, *, enlarge: bool) -> Size:
    """The largest size of the source's shape that `box` holds; no side is ever 0."""
    scales = [wanted / had for wanted, had in zip(box, source, strict=True) if wanted is not None]
    scale = min(scales, default=1.0)
    if scale >= 1.0 and not enlarge:
        return source
    return max(1, round(source[0] * scale)), max(1, round(source[1] * scale))


def _whole(size: Size) -> Box:
    return 0.0, 0.0, float(size[0]), float(size[1])


def _clip(recipe: Recipe, source: Size) -> Fit:
    size = inside(_wanted(recipe), source, enlarge=recipe.enlarge)
    return Fit(_whole(source), size, size)


def _fill(recipe: Recipe, source: Size) -> Fit:
    canvas = _both(recipe)
    size = inside(canvas, source, enlarge=True)
    return Fit(_whole(source), size, canvas, ((canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2))


def _both(recipe: Recipe) -> Size:
    width, height = recipe.box()
    assert width is not None and height is not None, recipe  # parsing saw to it
    return width, height


def _crop(recipe: Recipe, source: Size) -> Fit:
    canvas = _both(recipe)
    scale = max(canvas[0] / source[0], canvas[1] / source[1])
    if recipe.crop == ("entropy",):
        size = max(canvas[0], round(source[0] * scale)), max(canvas[1], round(source[1] * scale))
        return Fit(None, size, canvas)
    width, height = min(source[0], canvas[0] / scale), min(source[1], canvas[1] / scale)
    x, y = _focus(recipe)
    left = _placed(x * source[0], width, source[0], edge=x in (0, 1) and recipe.fp_x is None)
    top = _placed(y * source[1], height, source[1], edge=y in (0, 1) and recipe.fp_y is None)
    return Fit((left, top, left + width, top + height), canvas, canvas)


def _placed(focus: float, length: float, whole: int, *, edge: bool) -> float:
    """Where a part of that length begins, so that the focus is in its middle, or as near as can be."""
    if edge:
        return min(focus, whole - length)
    return min(max(0.0, focus - length / 2), whole - length)


def _focus(recipe: Recipe) -> tuple[float, float]:
    if recipe.fp_x is not None and recipe.fp_y is not None:
        return recipe.fp_x, recipe.fp_y
    x = 0.0 if "left" in recipe.crop else 1.0 if "right" in recipe.crop else 0.5
    y = 0.0 if "top" in recipe.crop else 1.0 if "bottom" in recipe.crop else 0.5
    return x, y


_FITS = {"clip": _clip, "max": _clip, "fill": _fill, "crop": _crop}


def window(edges: list[int], length: int) -> int:
    """Where a part of `length` begins that holds most of `edges`, the detail found in each row or column."""
    total = best = sum(edges[:length])
    begin = 0
    for i in range(length, len(edges)):
        total += edges[i] - edges[i - length]
        if total > best:
            best, begin = total, i - length + 1
    return begin
