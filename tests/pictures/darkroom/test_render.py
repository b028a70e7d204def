"""What every parameter does to a picture: looked at pixel by pixel, without a process around it."""

from __future__ import annotations

import io
from base64 import b64decode
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image, ImageCms

from nbmon.pictures.darkroom.limits import DEFAULT_LIMITS, Limits
from nbmon.pictures.darkroom.opening import Unreadable, prepare
from nbmon.pictures.darkroom.render import render
from nbmon.pictures.processing.parsing import BadRecipe, recipe_of

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
DARK_GREEN = (0, 255, 0)  # as `corners` rounds it
QUARTERS = (RED, GREEN, BLUE, WHITE)  # upper left, upper right, lower left, lower right


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    prepare()


def quarters(width: int = 80, height: int = 40, mode: str = "RGB") -> Image.Image:
    """A picture of four colours."""
    small = Image.new("RGB", (2, 2))
    small.putdata(QUARTERS)
    return small.resize((width, height), Image.Resampling.NEAREST).convert(mode)


def encoded(picture: Image.Image, fm: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, fm, **options)
    return out.getvalue()


def made(source: bytes, query: str, fm: str = "png", limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    out = io.BytesIO()
    size = render(io.BytesIO(source), recipe_of(query).settled(fm), out, limits)
    picture = Image.open(out)
    picture.load()
    assert picture.size == size
    return picture


def corners(picture: Image.Image) -> list[tuple[int, ...]]:
    """The colours in the middle of each quarter, rounded to none or full."""
    w, h = picture.size
    found = picture.convert("RGB")
    places = [(w // 4, h // 4), (3 * w // 4, h // 4), (w // 4, 3 * h // 4), (3 * w // 4, 3 * h // 4)]
    return [tuple(round(value / 255) * 255 for value in found.getpixel(place)) for place in places]  # type: ignore[union-attr]  # RGB


SHAPES: list[tuple[str, tuple[int, int], list[tuple[int, ...]]]] = [
    ("w=40", (40, 20), [RED, GREEN, BLUE, WHITE]),
    ("w=160", (80, 40), [RED, GREEN, BLUE, WHITE]),
    ("w=160&enlarge=true", (160, 80), [RED, GREEN, BLUE, WHITE]),
    ("w=40&dpr=2", (80, 40), [RED, GREEN, BLUE, WHITE]),
    ("rot=90", (40, 80), [BLUE, RED, WHITE, GREEN]),
    ("rot=180", (80, 40), [WHITE, BLUE, GREEN, RED]),
    ("rot=270", (40, 80), [GREEN, WHITE, RED, BLUE]),
    ("flip=h", (80, 40), [GREEN, RED, WHITE, BLUE]),
    ("flip=v", (80, 40), [BLUE, WHITE, RED, GREEN]),
    ("flip=hv", (80, 40), [WHITE, BLUE, GREEN, RED]),
    ("rot=90&flip=h", (40, 80), [RED, BLUE, GREEN, WHITE]),
    ("rect=40,0,40,20", (40, 20), [GREEN] * 4),
    ("rect=0,20,40,20&w=10", (10, 5), [BLUE] * 4),
    ("rect=0,0,40,40&rot=90", (40, 40), [BLUE, RED, BLUE, RED]),
    ("w=20&h=20&fit=crop", (20, 20), [RED, GREEN, BLUE, WHITE]),
    ("w=20&h=20&fit=crop&crop=left", (20, 20), [RED, RED, BLUE, BLUE]),
    ("w=20&h=20&fit=crop&crop=right", (20, 20), [GREEN, GREEN, WHITE, WHITE]),
    ("w=80&h=20&fit=crop&crop=top", (80, 20), [RED, GREEN, RED, GREEN]),
    ("w=80&h=20&fit=crop&crop=bottom", (80, 20), [BLUE, WHITE, BLUE, WHITE]),
    ("w=20&h=20&fit=crop&crop=focalpoint&fp-x=1&fp-y=0.5", (20, 20), [GREEN, GREEN, WHITE, WHITE]),
    ("q=90", (80, 40), [RED, GREEN, BLUE, WHITE]),
]


@pytest.mark.parametrize("source", ["png", "turned jpeg"])
@pytest.mark.parametrize(("query", "size", "colours"), SHAPES, ids=[shape[0] for shape in SHAPES])
def test_a_picture_is_shaped_as_asked(
    source: str, query: str, size: tuple[int, int], colours: list[tuple[int, ...]]
) -> None:
    data = encoded(quarters())
    if source == "turned jpeg":  # the same, once its orientation is applied
        exif = Image.Exif()
        exif[0x0112] = 6
        lying = quarters().transpose(Image.Transpose.ROTATE_90)
        data = encoded(lying, "JPEG", exif=exif, quality=95, subsampling=0)
    picture = made(data, query.replace("q=90", "w=80"), "png")
    assert picture.size == size
    assert corners(picture) == colours


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_applied(orientation: int) -> None:
    backwards = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    lying = quarters() if backwards is None else quarters().transpose(Image.Transpose(backwards))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = made(encoded(lying, "PNG", exif=exif), "w=80")
    assert corners(picture) == list(QUARTERS)
    assert picture.getexif().get(0x0112, 1) == 1


def test_filling_shows_the_ground_beside_the_picture() -> None:
    picture = made(encoded(quarters()), "w=40&h=40&fit=fill&bg=0f0").convert("RGB")
    assert picture.getpixel((20, 2)) == GREEN
    clear = made(encoded(quarters()), "w=40&h=40&fit=fill")
    assert clear.getpixel((20, 2)) == (0, 0, 0, 0)
    white = made(encoded(quarters()), "w=40&h=40&fit=fill&q=100", "jpg").getpixel((20, 2))
    assert min(white) > 250  # type: ignore[type-var,arg-type]  # RGB


def test_entropy_finds_where_something_is_to_be_seen() -> None:
    picture = Image.new("RGB", (400, 100), "white")
    picture.paste(Image.effect_noise((80, 100), 90).convert("RGB"), (300, 0))
    found = made(encoded(picture), "w=100&h=100&fit=crop&crop=entropy").convert("L")
    assert len(set(found.tobytes())) > 100  # the noise, not the white
    assert made(encoded(picture), "w=100&h=100&fit=crop").convert("L").getextrema() == (255, 255)


def test_a_clear_picture_lies_on_its_ground_in_jpeg() -> None:
    clear = encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)))
    assert corners(made(clear, "w=20", "jpg")) == [WHITE] * 4
    assert corners(made(clear, "w=20&bg=00f", "jpg")) == [BLUE] * 4
    assert corners(made(clear, "w=20&bg=00f", "webp")) == [BLUE] * 4
    assert made(clear, "w=20", "webp").getpixel((5, 5))[3] == 0  # type: ignore[index]  # RGBA


@pytest.mark.parametrize("fm", ["webp", "avif", "png", "gif"])
def test_what_is_clear_stays_so(fm: str) -> None:
    clear = encoded(Image.new("RGBA", (40, 40), (255, 0, 0, 0)))
    assert made(clear, "w=20", fm).convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]  # RGBA


def test_a_clear_edge_brings_no_dark_rim() -> None:
    half = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    half.paste((255, 255, 255, 255), (0, 0, 21, 40))
    edge = made(encoded(half), "w=10").convert("RGBA").crop((4, 0, 7, 10))
    assert all(pixel[:3] == WHITE for pixel in edge.get_flattened_data() if pixel[3] > 16)


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]


@pytest.mark.parametrize("fm", ["jpg", "png", "webp", "avif", "gif"])
@pytest.mark.parametrize("mode", MODES)
def test_every_sort_of_pixels_is_taken(mode: str, fm: str) -> None:
    white = Image.new("RGB", (80, 40), "white")
    source = Image.new("I;16", (80, 40), 0xFFFF) if mode == "I;16" else white.convert(mode)
    data = encoded(source, "TIFF" if mode in ("CMYK", "I;16") else "PNG")
    assert corners(made(data, "w=40", fm)) == [WHITE] * 4


def test_sixteen_bits_keep_their_shades() -> None:
    source = Image.new("I;16", (64, 64), 0x8000)
    assert made(encoded(source), "w=32").convert("L").getpixel((5, 5)) in (127, 128)


def test_colours_are_brought_to_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    lab = Image.new("LAB", (40, 40), (255, 128, 128))
    assert corners(made(encoded(lab, "TIFF", icc_profile=profile.tobytes()), "w=20")) == [WHITE] * 4


def test_a_profile_that_swaps_colours_is_obeyed() -> None:
    # sRGB with the primaries of red and green exchanged: what it calls red is green
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data = bytearray(
        bytes(data).replace(b"rXYZ", b"tXYZ").replace(b"gXYZ", b"rXYZ").replace(b"tXYZ", b"gXYZ")
    )
    data = bytearray(bytes(data).replace(b"s\0R\0G\0B", b"x\0R\0G\0B"))
    picture = made(encoded(Image.new("RGB", (40, 40), "red"), icc_profile=bytes(data)), "w=20")
    assert corners(picture) == [GREEN] * 4
    assert "icc_profile" not in picture.info


@pytest.mark.parametrize("profile", [b"", b"no profile", b"\0" * 5000])
def test_a_broken_profile_counts_for_nothing(profile: bytes) -> None:
    assert corners(made(encoded(quarters(), icc_profile=profile), "w=40")) == list(QUARTERS)


def with_place() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 3
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    exif.get_ifd(0x8769)[0x927C] = b"maker's own secrets"
    return encoded(quarters(), "JPEG", exif=exif, comment=b"a comment")


def test_metadata_goes() -> None:
    picture = made(with_place(), "w=40", "jpg")
    assert not picture.getexif()
    assert "comment" not in picture.info


@pytest.mark.parametrize("fm", ["jpg", "png", "webp", "avif"])
def test_kept_metadata_never_tells_the_place(fm: str) -> None:
    exif = made(with_place(), "w=40&meta=keep", fm).getexif()
    assert exif[0x010F] == "Maker"
    assert exif.get(0x0112, 1) == 1
    assert not exif.get_ifd(0x8825)
    assert b"secrets" not in exif.tobytes()


def moving(fm: str, frames: int = 4, **options: Any) -> bytes:
    colours = [Image.new("RGB", (80, 40), colour) for colour in ("red", "green", "blue", "white")]
    pictures = [colours[i % 4] for i in range(frames)]
    extra = {
        "save_all": True,
        "append_images": pictures[1:],
        "duration": [100 * (i % 4 + 1) for i in range(frames)],
    }
    return encoded(pictures[0], fm, **extra, **options)


@pytest.mark.parametrize("width", [20, 80])
@pytest.mark.parametrize("to", ["gif", "webp", "avif", "png"])
@pytest.mark.parametrize("source", ["GIF", "WEBP", "AVIF", "PNG"])
def test_an_animation_stays_one(source: str, to: str, width: int) -> None:
    picture = made(moving(source), f"w={width}", to)
    assert picture.n_frames == 4  # type: ignore[attr-defined]  # those that move have it
    durations = []
    for number in range(4):
        picture.seek(number)
        picture.load()
        durations.append(round(picture.info["duration"]))
        assert picture.size == (width, width // 2)
        assert corners(picture)[0] == [RED, DARK_GREEN, BLUE, WHITE][number]
    assert durations == [100, 200, 300, 400]


def test_an_animation_is_shown_as_often_as_before() -> None:
    assert made(moving("GIF", loop=3), "w=20", "webp").info["loop"] == 3
    assert made(moving("GIF", loop=0), "w=20", "gif").info["loop"] == 0


def test_one_frame_is_a_still() -> None:
    picture = made(moving("GIF"), "w=20&frame=3", "webp")
    assert not picture.is_animated  # type: ignore[attr-defined]  # WebP's has it
    assert corners(picture) == [BLUE] * 4
    assert corners(made(moving("GIF"), "w=20", "jpg")) == [RED] * 4
    with pytest.raises(BadRecipe, match="no frame 5"):
        made(moving("GIF"), "w=20&frame=5", "webp")


def test_too_many_frames_are_refused() -> None:
    with pytest.raises(Unreadable, match="too many frames"):
        made(moving("GIF", 8), "w=20", "gif", Limits(frames=7))
    with pytest.raises(Unreadable, match="too many frames"):
        made(moving("GIF", 8), "w=20", "gif", Limits(moving_pixels=7 * 20 * 10))
    assert made(moving("GIF", 8), "w=20", "gif", Limits(frames=8)).n_frames == 8  # type: ignore[attr-defined]  # a GIF


def test_too_many_pixels_are_refused_before_any_is_decoded() -> None:
    with pytest.raises(Unreadable, match=r"80 by 40 pixels; 0\.003 million"):
        made(encoded(quarters())[:60], "w=20", "jpg", Limits(pixels=3_000))


def test_quality_changes_the_bytes() -> None:
    noise = encoded(Image.effect_noise((200, 200), 80).convert("RGB"))
    for fm in ("jpg", "webp", "avif"):
        lengths = []
        for query in ("w=200&q=20", "w=200&auto=compress", "w=200", "w=200&q=95"):
            out = io.BytesIO()
            render(io.BytesIO(noise), recipe_of(query).settled(fm), out, DEFAULT_LIMITS)
            lengths.append(out.tell())
        assert lengths == sorted(set(lengths)), fm


def test_compressing_png_takes_fewer_colours() -> None:
    noise = encoded(Image.radial_gradient("L").convert("RGB"))
    assert made(noise, "w=100&auto=compress").mode == "P"
    assert made(noise, "w=100").mode == "RGB"


def contrast(picture: Image.Image) -> int:
    row = picture.convert("L").crop((0, 10, picture.width, 11)).tobytes()
    return max(abs(a - b) for a, b in pairwise(row))


def test_blur_softens_and_sharp_hardens_an_edge() -> None:
    soft = Image.linear_gradient("L").rotate(90).resize((100, 40))
    edge = Image.new("L", (100, 40))
    edge.paste(255, (50, 0, 100, 40))
    assert contrast(made(encoded(edge), "blur=5")) < 60 < contrast(made(encoded(edge), "blur=0.1"))
    assert contrast(made(encoded(soft), "sharp=100")) >= contrast(made(encoded(soft), "w=100"))
    mild = made(encoded(edge), "blur=2")
    assert contrast(made(encoded(mild), "sharp=80")) > contrast(mild)


def test_turning_by_any_angle_shows_the_ground_in_the_corners() -> None:
    picture = made(encoded(quarters(40, 40)), "rot=45&bg=0f0").convert("RGB")
    assert picture.size == (57, 57)
    assert picture.getpixel((1, 1)) == GREEN
    assert made(encoded(quarters(40, 40)), "rot=45").getpixel((1, 1)) == (0, 0, 0, 0)
    clockwise = made(encoded(quarters(41, 41)), "rot=45").convert("RGB")
    assert clockwise.getpixel((28, 10)) == RED  # the upper left corner is on top now


def test_lqip_is_tiny() -> None:
    out = io.BytesIO()
    big = Image.effect_noise((1200, 800), 50).convert("RGB")
    render(io.BytesIO(encoded(big, "JPEG")), recipe_of("lqip=blur").settled("webp"), out, DEFAULT_LIMITS)
    assert len(out.getvalue()) < 1_000
    assert Image.open(out).size == (32, 21)


def test_a_thumbhash_is_text() -> None:
    out = io.BytesIO()
    recipe = recipe_of("lqip=thumbhash").settled("thumbhash")
    render(io.BytesIO(encoded(quarters())), recipe, out, DEFAULT_LIMITS)
    assert 10 < len(b64decode(out.getvalue())) < 30


def test_a_large_jpeg_is_decoded_small_and_exact() -> None:
    big = encoded(quarters(1600, 800), "JPEG", quality=95)
    for query in ("w=100", "w=50&h=50&fit=crop&crop=left", "rect=800,0,800,400&w=80", "rot=90&w=100"):
        small = made(big, query, "png")
        exact = made(encoded(quarters(1600, 800)), query, "png")
        assert (small.size, corners(small)) == (exact.size, corners(exact))
