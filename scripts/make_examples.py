"""Draws the example pictures: `make_examples.py [FOLDER]`, by default examples/pictures beside this script.

A dozen in two folders, in the formats that browsers show. All is drawn from formulas and a seeded generator, so that
the same Pillow makes the same files; nothing here is anybody's photograph. Needs Pillow with WebP and AVIF.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from drawn import garden, harbour
from PIL import Image

ORIENTATION, DATE_TIME_ORIGINAL, DESCRIPTION, EXIF_IFD = 0x0112, 0x9003, 0x010E, 0x8769


def turned_by_camera(upright: Image.Image, to: Path) -> None:
    """Stores `upright` lying on its side, with the EXIF orientation (6) that rights it, and a date."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[DESCRIPTION] = "A lighthouse that no camera has seen"
    exif.get_ifd(EXIF_IFD)[DATE_TIME_ORIGINAL] = "2024:08:17 20:41:05"
    upright.transpose(Image.Transpose.ROTATE_90).save(to, quality=84, optimize=True, exif=exif)


def all_pictures() -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Each picture's name beneath the folder, and how it is drawn and stored there."""
    yield (
        "harbour/sunset.jpg",
        lambda to: harbour.sunset().save(to, quality=84, optimize=True, progressive=True),
    )
    yield "harbour/Lighthouse at dusk.jpg", lambda to: turned_by_camera(harbour.lighthouse(), to)
    yield (
        "harbour/waves.png",
        lambda to: harbour.waves().quantize(64, dither=Image.Dither.NONE).save(to, optimize=True),
    )
    yield "harbour/月光.webp", lambda to: harbour.moonlight().save(to, quality=80, method=6)
    yield "harbour/sails.avif", lambda to: harbour.sails().save(to, quality=62, speed=4, max_threads=1)
    yield "harbour/beacon.gif", lambda to: save_moving(harbour.beacon(), to)
    yield "garden/sunflower.webp", lambda to: garden.sunflower().save(to, quality=78, method=6)
    yield "garden/bokeh.jpg", lambda to: garden.bokeh().save(to, quality=82, optimize=True)
    yield (
        "garden/truchet.png",
        lambda to: garden.truchet().quantize(48, dither=Image.Dither.NONE).save(to, optimize=True),
    )
    yield (
        "garden/hills in spring.avif",
        lambda to: garden.spring().save(to, quality=60, speed=4, max_threads=1),
    )
    yield "garden/fern.jpg", lambda to: garden.fern().save(to, quality=80, optimize=True)
    yield "garden/dahlia.webp", lambda to: garden.dahlia().save(to, quality=80, method=6)


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
