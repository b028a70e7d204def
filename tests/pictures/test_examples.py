"""The example pictures are what the README says of them, and the script makes such files again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from nbmon.pictures import Folder, Pictures
from nbmon.pictures.sizes import size_of
from support.pictures import asker, content

EXAMPLES = Path(__file__).parents[2] / "examples" / "pictures"
PICTURES = sorted(path for path in EXAMPLES.rglob("*") if path.is_file())


def test_a_dozen_in_two_folders_under_two_megabytes() -> None:
    assert len(PICTURES) == 12
    assert len({path.parent for path in PICTURES}) == 2
    assert sum(path.stat().st_size for path in PICTURES) < 2_000_000


def test_all_formats_are_among_them() -> None:
    assert {path.suffix for path in PICTURES} == {".jpg", ".png", ".webp", ".avif", ".gif"}
    with Image.open(EXAMPLES / "harbour" / "beacon.gif") as moving:
        assert moving.n_frames > 10
    assert any(" " in path.name for path in PICTURES)
    assert (EXAMPLES / "harbour" / "月光.webp").exists()


def test_one_lies_on_its_side_and_has_a_date() -> None:
    with Image.open(EXAMPLES / "harbour" / "Lighthouse at dusk.jpg") as picture:
        exif = picture.getexif()
        assert exif[0x0112] == 6
        assert exif.get_ifd(0x8769)[0x9003] == "2024:08:17 20:41:05"
        assert picture.size == (1280, 960)


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_each_is_served_as_what_it_is(path: Path) -> None:
    with Folder(EXAMPLES) as folder:
        ask = asker(Pictures(folder))
        response = ask("/" + "/".join(path.relative_to(EXAMPLES).parts).replace(" ", "%20"))
        with Image.open(path) as picture:
            assert response.field(b"Content-Type") == Image.MIME[str(picture.format)].encode()
            turned = picture.getexif().get(0x0112, 1) >= 5
            expected = picture.size[::-1] if turned else picture.size
    data = content(response)
    assert data == path.read_bytes()
    assert size_of(lambda offset, length: data[offset : offset + length]) == expected
