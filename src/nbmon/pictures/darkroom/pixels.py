"""From whatever pixels a picture has to RGB, RGBA, L or LA in sRGB. Uses Pillow; only in a job's process."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_NEAREST = {"1": "L", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}
_DIRECT = frozenset(("RGB", "RGBA", "L", "LA", "CMYK", "LAB"))  # resized as they are


def turn(picture: Image.Image, orientation: int) -> Image.Image:
    """`picture` upright, by its EXIF orientation."""
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def to_resize(picture: Image.Image) -> Image.Image:
    """`picture` in a mode in which its pixels can be averaged."""
    if "transparency" in picture.info and picture.mode in ("1", "L", "P", "RGB"):
        return picture.convert("RGBA")
    if picture.mode in _DIRECT:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return _to_eight_bits(picture)
    if picture.mode == "P" and picture.palette is not None and picture.palette.mode == "RGBA":
        return picture.convert("RGBA")
    return picture.convert(_NEAREST.get(picture.mode, "RGB"))


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """Grey with more than eight bits: sixteen as they are, floats and 32 bits from darkest to brightest."""
    floats = picture.convert("I").convert("F") if picture.mode.startswith("I") else picture
    low, high = _extrema(floats)
    if picture.mode.startswith("I") and low >= 0 and high <= 65_535:
        return floats.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    scale = 255 / (high - low) if high > low else 0.0
    return floats.point(lambda value: value * scale - low * scale).convert("L")


def _extrema(picture: Image.Image) -> tuple[float, float]:
    found: Any = picture.getextrema()
    return float(found[0]), float(found[1])


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """`picture`, whose colours are of the ICC `profile`, in sRGB; a broken profile counts for nothing."""
    if picture.mode == "LAB":
        return _from_lab(picture)
    if profile and (converted := _converted(picture, profile)) is not None:
        return converted
    return picture.convert("RGB") if picture.mode == "CMYK" else picture


def _converted(picture: Image.Image, profile: bytes) -> Image.Image | None:
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _is_srgb(source):
            return None
        alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
        colours = picture.convert(picture.mode[:-1]) if alpha is not None else picture
        found = ImageCms.profileToProfile(
            colours,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if found is not None and alpha is not None:
        found.putalpha(alpha)
    return found


def _is_srgb(profile: Any) -> bool:
    """By its description, as cameras and programs write it: a conversion would change nothing."""
    from PIL import ImageCms

    name = ImageCms.getProfileDescription(profile)
    return name.lstrip().startswith(("sRGB", "IEC 61966-2.1", "IEC 61966-2-1"))


def _from_lab(picture: Image.Image) -> Image.Image:
    from PIL import ImageCms

    found = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert found is not None  # it is not done in place
    return found


def has_alpha(picture: Image.Image) -> bool:
    """Whether pixels may be clear."""
    return picture.mode in ("RGBA", "LA")


def flattened(picture: Image.Image, background: str) -> Image.Image:
    """`picture` on a ground of that colour, rrggbb."""
    if not has_alpha(picture):
        return picture
    ground = Image.new("RGBA", picture.size, f"#{background}")
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")


def corners_of(picture: Image.Image) -> bytes:
    """The colours of the four quarters, from the upper left, three bytes each; none if one sees through."""
    if picture.mode in ("RGBA", "LA"):
        clearest = _extrema(picture.getchannel("A"))[0]
        if clearest < 255:  # whatever stands behind it would shine through
            return b""
    return picture.convert("RGB").resize((2, 2), Image.Resampling.BOX).tobytes()
