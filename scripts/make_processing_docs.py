"""The pictures of docs/pictures.md: each parameter's result, beside what it was made from.

`python scripts/make_processing_docs.py` writes docs/processing/ and the table between the marks of the page. The
sources are the example pictures.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from nbmon.pictures.darkroom.limits import DEFAULT_LIMITS
from nbmon.pictures.darkroom.opening import prepare
from nbmon.pictures.darkroom.render import render
from nbmon.pictures.processing.parsing import recipe_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "pictures.md"
PLACE = ROOT / "docs" / "processing"
PICTURES = ROOT / "examples" / "pictures"
BEGIN, END = "<!-- made by scripts/make_processing_docs.py -->\n", "<!-- end -->\n"
PLAIN, TALL, CLEAR, MOVES = (
    "garden/bokeh.jpg",
    "harbour/Lighthouse at dusk.jpg",
    "garden/truchet.png",
    "harbour/beacon.gif",
)

SHOWN: tuple[tuple[str, str, str], ...] = (
    # source, parameters, what they do
    (PLAIN, "w=160", "160 pixels wide; the height follows"),
    (TALL, "h=120", "120 pixels high, upright although the file lies on its side (EXIF)"),
    (PLAIN, "w=120&h=120", "`fit=clip`, the default: all of it, inside of the box"),
    (PLAIN, "w=120&h=120&fit=max", "`fit=max`: as `clip`, and never enlarged"),
    (PLAIN, "w=120&h=120&fit=crop", "`fit=crop`: fills the box, the middle of the picture"),
    (
        TALL,
        "w=120&h=80&fit=crop&crop=top",
        "`crop=top`, `bottom`, `left`, `right`, or two that meet: `top,left`",
    ),
    (TALL, "w=120&h=80&fit=crop&crop=entropy", "`crop=entropy`: where most is to be seen"),
    (TALL, "w=120&h=80&fit=crop&crop=focalpoint&fp-x=0.5&fp-y=0.75", "`crop=focalpoint`: around this point"),
    (TALL, "w=160&h=120&fit=fill&bg=f80", "`fit=fill`: all of it, on a ground of `bg`; clear without `bg`"),
    (PLAIN, "rect=200,100,400,300&w=160", "`rect=x,y,w,h`: this part of the upright source"),
    (PLAIN, "w=80&dpr=2", "`dpr`: `w` and `h` times so much"),
    (PLAIN, "rect=640,420,80,60&w=160&enlarge=true", "`enlarge=true`: also beyond the source's pixels"),
    (PLAIN, "w=160&rot=90", "`rot`: clockwise, by any whole angle"),
    (PLAIN, "w=160&rot=15&bg=123", "… with `bg` in the corners"),
    (PLAIN, "w=160&flip=h", "`flip=h`, `v` or `hv`"),
    (PLAIN, "w=160&blur=6", "`blur`: by so many pixels"),
    (PLAIN, "w=160&sharp=60", "`sharp`: up to 100"),
    (PLAIN, "w=160&q=15", "`q`: of JPEG, WebP, AVIF"),
    (PLAIN, "w=160&auto=compress", "`auto=compress`: less quality than usual, half of the bytes"),
    (CLEAR, "w=160&fm=jpg", "`fm=jpg`, `png`, `webp`, `avif`, `gif`"),
    (MOVES, "w=120", "an animation stays one"),
    (MOVES, "w=120&frame=8", "`frame`: one picture of it, from 1"),
    (PLAIN, "lqip=blur", "`lqip=blur`: 32 pixels, as a placeholder"),
)
OWN = {".jpg": "jpg", ".png": "png", ".gif": "gif", ".webp": "webp", ".avif": "avif"}


def made(source: Path, query: str) -> tuple[bytes, str]:
    recipe = recipe_of(query)
    fm = "webp" if recipe.lqip else recipe.fm or OWN[source.suffix]
    out = io.BytesIO()
    with source.open("rb") as file:
        render(file, recipe.settled(fm), out, DEFAULT_LIMITS)
    return out.getvalue(), fm


def sources() -> list[str]:
    """A small copy of each source."""
    rows = []
    for number, name in enumerate(dict.fromkeys(source for source, _, _ in SHOWN)):
        with Image.open(PICTURES / name) as picture:
            size = picture.size
        data, fm = made(PICTURES / name, "w=160&frame=1" if name.endswith(".gif") else "w=160")
        (PLACE / f"source{number}.{fm}").write_bytes(data)
        rows.append(f"| ![](processing/source{number}.{fm}) | `{name}` | {size[0]} by {size[1]} pixels |")
    return rows


def results() -> list[str]:
    rows = []
    for number, (source, query, words) in enumerate(SHOWN):
        data, fm = made(PICTURES / source, query)
        (PLACE / f"result{number}.{fm}").write_bytes(data)
        with Image.open(io.BytesIO(data)) as picture:
            shape = f"{picture.width} by {picture.height}, {len(data):,} bytes"
        name = Path(source).name
        rows.append(f"| ![](processing/result{number}.{fm}) | `{name}?{query}` | {words} ({shape}) |")
    return rows


def main() -> None:
    prepare()
    PLACE.mkdir(exist_ok=True)
    for old in PLACE.iterdir():
        old.unlink()
    head = "| before | file | |\n| --- | --- | --- |\n"
    table = (
        head
        + "\n".join(sources())
        + "\n\n| after | asked | |\n| --- | --- | --- |\n"
        + "\n".join(results())
        + "\n"
    )
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + table + END + after)


if __name__ == "__main__":
    main()
