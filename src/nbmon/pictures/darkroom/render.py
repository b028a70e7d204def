"""One picture made from another by a recipe. Uses Pillow; only in a job's process.

The order is: upright, rect, rot, flip, fit, colours, blur and sharp, background. JPEG is decoded at a
half, a quarter or an eighth of its size where that is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import IO, Any

from PIL import Image, ImageFilter, ImageOps

from nbmon.pictures.darkroom import pixels
from nbmon.pictures.darkroom.limits import Limits
from nbmon.pictures.darkroom.opening import Unreadable, open_picture, orientation, upright
from nbmon.pictures.darkroom.saving import Frame, kept_exif, save
from nbmon.pictures.processing.geometry import Fit, Size, fit, rect_of, turned, window
from nbmon.pictures.processing.negotiation import MOVING
from nbmon.pictures.processing.parsing import BadRecipe
from nbmon.pictures.processing.recipe import Recipe

GAP = 3.0  # how much finer than the result what is resized with Lanczos' filter must be; coarser before
TOO_MANY_FRAMES = "The animation has too many frames, or too large ones, to be processed here."
DEFAULT_DURATION = 100.0  # milliseconds, of a frame that says nothing


def render(
    source: IO[bytes],
    recipe: Recipe,
    out: IO[bytes],
    limits: Limits,
    opened: Callable[[int], None] = lambda _pixels: None,
    *,
    seen: Callable[[Image.Image], None] = lambda _picture: None,
) -> Size:
    """Make the result of the settled `recipe` in `out`; its size. BadRecipe, Unreadable.

    `opened` is told the source's pixels before any is decoded; `seen` is shown what came of it.
    """
    picture = open_picture(source, limits)
    opened(picture.width * picture.height)
    turn = orientation(picture)
    size = upright(picture.size, turn)
    to = fit(recipe, size)
    maker = _Maker(recipe, to, size, turn, picture.info.get("icc_profile"))
    frames = list(_frames(picture, maker, limits)) if _moves(picture, recipe) else [_still(picture, maker)]
    exif = kept_exif(picture) if recipe.meta else b""
    save(frames, recipe, out, loop=_loop(picture), exif=exif)
    seen(frames[0].picture)
    return frames[0].picture.size


def _moves(picture: Image.Image, recipe: Recipe) -> bool:
    if recipe.fm not in MOVING or recipe.lqip or recipe.frame is not None:
        return False
    return bool(getattr(picture, "is_animated", False)) and picture.format != "TIFF"


def _loop(picture: Image.Image) -> int:
    found = picture.info.get("loop")
    if picture.format == "GIF" and found is None:
        return 1
    return found if isinstance(found, int) and 0 <= found <= 65_535 else 0


def _still(picture: Image.Image, maker: _Maker) -> Frame:
    recipe = maker.recipe
    if recipe.frame is not None and recipe.frame > 1:
        try:
            picture.seek(recipe.frame - 1)
        except EOFError:
            raise BadRecipe(f"There is no frame {recipe.frame} in this picture.") from None
    maker.draft(picture)
    picture.load()
    return Frame(maker.make(picture), 0.0)


def _frames(picture: Image.Image, maker: _Maker, limits: Limits) -> Iterator[Frame]:
    """Each frame as it is shown, made by itself."""
    each = maker.to.canvas[0] * maker.to.canvas[1]
    if getattr(picture, "n_frames", 1) * picture.width * picture.height > limits.decoded_pixels:
        raise Unreadable(TOO_MANY_FRAMES)
    for number in range(limits.frames + 1):
        try:
            picture.seek(number)
        except EOFError:
            return
        if number == limits.frames or (number + 1) * each > limits.moving_pixels:
            raise Unreadable(TOO_MANY_FRAMES)
        picture.load()
        duration = picture.info.get("duration", DEFAULT_DURATION)
        # a copy: the next frame has the same object, and saving it would write all of its frames
        yield Frame(maker.make(picture.copy()), float(duration))


class _Maker:
    """What is done with each frame."""

    def __init__(self, recipe: Recipe, to: Fit, size: Size, turn: int, profile: Any) -> None:
        self.recipe = recipe
        self.to = to
        self._size = size  # of the upright source, as its header says
        self._turn = turn
        self._profile = profile if isinstance(profile, bytes) else None

    def draft(self, picture: Image.Image) -> None:
        """Let a JPEG be decoded no larger than is needed."""
        rect = rect_of(self.recipe, self._size)
        seen = turned(self.recipe, (rect[2] - rect[0], rect[3] - rect[1]))
        box = self.to.box or (0.0, 0.0, float(seen[0]), float(seen[1]))
        scale = max(self.to.size[0] / (box[2] - box[0]), self.to.size[1] / (box[3] - box[1]))
        if scale < 1:
            picture.draft(None, (ceil(picture.width * scale), ceil(picture.height * scale)))

    def make(self, picture: Image.Image) -> Image.Image:
        """`picture`, decoded, as the recipe wants it."""
        info_profile = self._profile
        found = pixels.turn(pixels.to_resize(picture), self._turn)
        found, nominal = self._cut(found)
        found = self._turned(found)
        found = self._resized(found, turned(self.recipe, nominal))
        found = pixels.to_srgb(found, info_profile)
        found = self._filtered(found)
        return self._on_canvas(found)

    def _cut(self, picture: Image.Image) -> tuple[Image.Image, Size]:
        """The rect, and its size in pixels of the source."""
        left, top, right, bottom = rect_of(self.recipe, self._size)
        nominal = right - left, bottom - top
        if nominal == self._size:
            return picture, nominal
        across, down = picture.width / self._size[0], picture.height / self._size[1]
        box = int(left * across), int(top * down), ceil(right * across), ceil(bottom * down)
        return picture.crop(box), nominal

    def _turned(self, picture: Image.Image) -> Image.Image:
        recipe = self.recipe
        if recipe.rot % 90:
            ground = f"#{recipe.bg or 'ffffff'}" if recipe.fm == "jpg" or recipe.bg else "#00000000"
            colours = pixels.to_srgb(picture, self._profile).convert("RGBA")
            self._profile = None  # applied
            picture = colours.rotate(-recipe.rot, Image.Resampling.BICUBIC, expand=True, fillcolor=ground)
        elif recipe.rot:
            turns = {90: 6, 180: 3, 270: 8}
            picture = pixels.turn(picture, turns[recipe.rot])
        if "h" in recipe.flip:
            picture = ImageOps.mirror(picture)
        return ImageOps.flip(picture) if "v" in recipe.flip else picture

    def _resized(self, picture: Image.Image, nominal: Size) -> Image.Image:
        to = self.to
        across, down = picture.width / nominal[0], picture.height / nominal[1]
        if to.box is None:
            return _most_detail(_resize(picture, to.size, None), to.canvas)
        box = to.box[0] * across, to.box[1] * down, to.box[2] * across, to.box[3] * down
        box = box[0], box[1], min(box[2], picture.width), min(box[3], picture.height)
        return _resize(picture, to.size, box)

    def _filtered(self, picture: Image.Image) -> Image.Image:
        if self.recipe.blur:
            picture = picture.filter(ImageFilter.GaussianBlur(self.recipe.blur))
        if self.recipe.sharp:
            picture = picture.filter(ImageFilter.UnsharpMask(1.0, 2 * self.recipe.sharp, 0))
        return picture

    def _on_canvas(self, picture: Image.Image) -> Image.Image:
        if picture.size == self.to.canvas:
            return picture
        ground = f"#{self.recipe.bg}" if self.recipe.bg is not None else "#00000000"
        canvas = Image.new("RGBA", self.to.canvas, ground)
        canvas.paste(picture.convert("RGBA"), self.to.at)
        return canvas


def _resize(picture: Image.Image, size: Size, box: tuple[float, float, float, float] | None) -> Image.Image:
    if picture.size == size and box in (None, (0.0, 0.0, float(size[0]), float(size[1]))):
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, box, GAP)


def _most_detail(picture: Image.Image, size: Size) -> Image.Image:
    """The part of that size in which most edges are."""
    edges = picture.convert("L").filter(ImageFilter.FIND_EDGES)
    left = _begin(edges.transpose(Image.Transpose.TRANSPOSE), size[0])
    top = _begin(edges, size[1])
    return picture.crop((left, top, left + size[0], top + size[1]))


def _begin(edges: Image.Image, length: int) -> int:
    data, width = edges.tobytes(), edges.width
    return window([sum(data[y * width : (y + 1) * width]) for y in range(edges.height)], length)
