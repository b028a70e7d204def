"""Writing a result in its format. Uses Pillow; only in a job's process."""

from __future__ import annotations

from base64 import b64encode
from typing import IO, Any, NamedTuple

from PIL import Image

from nbmon.pictures.darkroom.pixels import flattened, has_alpha
from nbmon.pictures.processing.recipe import Recipe
from nbmon.pictures.processing.thumbhash import thumbhash

WHITE = "ffffff"
FINE = 90  # from this JPEG quality on, colours keep their full resolution
AVIF_SPEED = 9  # of 10; measured, see docs/pictures.md
LQIP_QUALITY = 40
PILLOWS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "gif": "GIF"}
_GPS, _MAKER_NOTE, _EXIF, _ORIENTATION, _THUMBNAIL = 0x8825, 0x927C, 0x8769, 0x0112, 1


class Frame(NamedTuple):
    """One picture of an animation; `duration` in milliseconds."""

    picture: Image.Image
    duration: float


def save(frames: list[Frame], recipe: Recipe, out: IO[bytes], *, loop: int = 0, exif: bytes = b"") -> None:
    """Write `frames`, one or an animation that is shown `loop` times (0: for ever), to `out`."""
    if recipe.fm == "thumbhash":
        small = frames[0].picture.convert("RGBA")
        out.write(b64encode(thumbhash(*small.size, small.tobytes())))
        return
    pictures = [_bare(_fitting(frame.picture, recipe)) for frame in frames]
    options = _options(recipe)
    if exif and recipe.fm != "gif":
        options["exif"] = exif
    if len(pictures) > 1:
        options |= _moving(frames, recipe, loop) | {"append_images": pictures[1:]}
    pictures[0].save(out, PILLOWS[recipe.fm or "jpg"], **options)


def _bare(picture: Image.Image) -> Image.Image:
    """`picture` without what stood beside its pixels: Pillow would write comments, XMP and profiles again."""
    picture.info = {}
    return picture


def _fitting(picture: Image.Image, recipe: Recipe) -> Image.Image:
    """`picture` with the pixels that its format can hold."""
    if recipe.fm == "jpg" or recipe.bg is not None:
        picture = flattened(picture, recipe.bg or WHITE)
    if recipe.fm in ("webp", "avif") and picture.mode in ("L", "LA"):
        picture = picture.convert("RGBA" if has_alpha(picture) else "RGB")
    if recipe.fm == "png" and recipe.auto_compress:
        method = Image.Quantize.FASTOCTREE if has_alpha(picture) else Image.Quantize.MEDIANCUT
        return picture.convert("RGBA" if has_alpha(picture) else "RGB").quantize(256, method)
    return picture


def _options(recipe: Recipe) -> dict[str, Any]:
    if recipe.lqip:
        return {"quality": LQIP_QUALITY, "method": 4}
    if recipe.fm == "jpg":
        subsampling = "4:4:4" if recipe.q is not None and recipe.q >= FINE else "4:2:0"
        return {"quality": recipe.q, "optimize": True, "subsampling": subsampling}
    if recipe.fm == "webp":
        return {"quality": recipe.q, "method": 4}
    if recipe.fm == "avif":
        # one thread: the cores are shared out between jobs
        return {"quality": recipe.q, "speed": AVIF_SPEED, "max_threads": 1}
    return {}


def _moving(frames: list[Frame], recipe: Recipe, loop: int) -> dict[str, Any]:
    durations = [round(frame.duration) for frame in frames]
    options: dict[str, Any] = {"save_all": True, "duration": durations, "loop": loop}
    if recipe.fm == "avif":
        options["speed"] = 10
        del options["loop"]  # Pillow's AVIF knows no number of times
    if recipe.fm == "gif":
        options["disposal"] = 2 if any(has_alpha(frame.picture) for frame in frames) else 0
    return options


def kept_exif(picture: Image.Image) -> bytes:
    """The EXIF block without the place, the orientation (which is applied), the maker's notes, previews."""
    try:
        exif = picture.getexif()
        for tag in (_GPS, _ORIENTATION):
            exif.pop(tag, None)
        exif.get_ifd(_EXIF).pop(_MAKER_NOTE, None)
        exif._ifds.pop(_THUMBNAIL, None)
        exif._ifds.pop(_GPS, None)
        return exif.tobytes() if len(exif) else b""
    except Exception:  # a broken block is not worth keeping
        return b""
