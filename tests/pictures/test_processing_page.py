"""What docs/pictures.md tells of parameters, limits and signatures is so."""

from __future__ import annotations

import re
from pathlib import Path

from nbmon.pictures.darkroom.limits import DEFAULT_LIMITS
from nbmon.pictures.processing.parsing import PARAMETERS, recipe_of
from nbmon.pictures.processing.recipe import QUALITY
from nbmon.pictures.processing.signing import signed
from nbmon.services import config, processing
from support.hostile import MAKERS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "pictures.md").read_text()
TABLE = PAGE.partition("## Parameters\n")[2].partition("\nThe order is")[0]


def test_every_parameter_stands_in_the_table() -> None:
    cells = [line.split(" | ")[0] for line in TABLE.splitlines() if line.startswith("| `")]
    named = [name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)]
    assert sorted(named) == sorted(PARAMETERS)


def test_the_default_qualities_are_told() -> None:
    assert (
        f"`jpg` ({QUALITY['jpg']} by default), `webp` ({QUALITY['webp']}), `avif` ({QUALITY['avif']})" in PAGE
    )


def test_every_recipe_that_is_shown_is_one() -> None:
    asked = re.findall(r"\| `[^`?]+\?([^`]+)` \|", PAGE)
    assert len(asked) > 20
    for query in asked:
        recipe_of(query)


def test_every_picture_of_the_page_is_there_and_none_beside() -> None:
    named = set(re.findall(r"\(processing/([\w.]+)\)", PAGE))
    assert named == {path.name for path in (DOCS / "processing").iterdir()}


def test_the_example_of_presets_is_right() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    options = config.parse(example).options("photos")
    assert [processing.preset(text)[0] for text in options.preset or ()] == ["thumb", "wide"]


def test_the_signature_of_the_page_is_ours() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    given: dict[str, object] = {}
    exec("import base64, hmac\nkey = b'k' * 32\n" + example, given)  # the page's own words
    assert signed(b"k" * 32, b"a.jpg", b"w=320") == b"w=320&s=" + given["signature"]  # type: ignore[operator]  # bytes


def test_the_limits_are_told() -> None:
    assert f"more than {DEFAULT_LIMITS.pixels / 1e6:g} megapixels" in PAGE
    assert f"more than {DEFAULT_LIMITS.source_bytes >> 20} MB" in PAGE
    assert f"{DEFAULT_LIMITS.frames:,} frames" in PAGE
    assert f"{DEFAULT_LIMITS.seconds:g} s by the clock" in PAGE
    assert f"{DEFAULT_LIMITS.queue} wait" in PAGE


def test_every_hostile_file_stands_in_its_table() -> None:
    section = PAGE.partition("## Pictures that mean harm\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)) == set(MAKERS)
