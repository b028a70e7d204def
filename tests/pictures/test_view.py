"""The page of one picture."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from PIL import Image

from nbmon.pictures import Folder, Pictures
from nbmon.pictures.processing.urls import Links
from nbmon.pictures.view import exposure
from support.pages import exif
from support.pictures import Ask, asker, content


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        Image.new("RGB", (3000, 2000), "teal").save(tmp_path / name, exif=exif())
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.fixture
def visit(place: Path) -> Ask:
    return asker(Pictures(Folder(place)))


def html(visit: Ask, path: str) -> str:
    response = visit(path)
    assert response.status == 200
    return content(response).decode()


def test_it_leads_to_its_neighbours_and_back_without_script(visit: Ask) -> None:
    middle = html(visit, "/?view=b.jpg")
    assert "2 of 4" in middle
    assert re.findall('<a class="turn [a-z]+" rel="([a-z]+)" href="([^"]+)"', middle) == [
        ("prev", "./?view=a.jpg"),
        ("next", "./?view=c.jpg"),
    ]
    assert 'href="./#p2"' in middle
    assert 'rel="prev"' not in html(visit, "/?view=a.jpg")
    assert 'rel="next"' not in html(visit, "/?view=film.mp4")


def test_it_tells_what_the_camera_told_but_not_where(visit: Ask) -> None:
    told = html(visit, "/?view=b.jpg")
    for words in (
        "Canon EOS R5",
        "RF 24-70mm",
        "1/250 s, f/2.8, ISO 400, 35 mm",
        "2024-08-17 20:41",
        "3000 × 2000",
    ):
        assert words in told
    assert "33." not in told


def test_it_tells_where_if_one_says_so(place: Path) -> None:
    visit = asker(Pictures(Folder(place), show_location=True))
    assert "33.85680° S, 151.21530° E" in html(visit, "/?view=b.jpg")


def test_a_film_has_a_player_and_is_served_in_parts(visit: Ask) -> None:
    assert '<video controls preload="metadata" playsinline src="./film.mp4"' in html(visit, "/?view=film.mp4")
    assert "1 film" in html(visit, "/")
    response = visit("/film.mp4", range="bytes=4-7")
    assert (response.status, content(response)) == (206, b"ftyp")


@pytest.mark.parametrize(
    "view",
    [
        "missing.jpg",
        "notes.txt",
        "../a.jpg",
        ".a.jpg",
        "a.jpg/",
        "/a.jpg",
        "%2e%2e/a.jpg",
        "folder.jpg",
        "%00",
    ],
)
def test_what_is_no_picture_of_the_list_has_no_page(place: Path, visit: Ask, view: str) -> None:
    (place / "folder.jpg").mkdir()
    response = visit(f"/?view={view}")
    assert response.status == (200 if view == "%00" else 404)


def test_a_picture_that_breaks_off_has_a_page(place: Path, visit: Ask) -> None:
    (place / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    assert 'src="./cut.jpg"' in html(visit, "/?view=cut.jpg")


def test_screens_choose_among_sizes_made_by_the_server(place: Path) -> None:
    visit = asker(Pictures(Folder(place), links=Links()))
    found = re.findall(
        r"\./b\.jpg\?w=(\d+)&amp;h=\d+&amp;auto=format&amp;v=\w+ (\d+)w", html(visit, "/?view=b.jpg")
    )
    assert found == [("960", "960"), ("1440", "1440"), ("2160", "2160")]
    page = html(visit, "/")
    assert len(re.findall(r'<img src="\./b\.jpg\?w=1280&amp;h=320&amp;[^"]*" srcset="[^"]* 2x"', page)) == 1
    os.utime(place / "b.jpg", (1, 1))
    changed = html(asker(Pictures(Folder(place), links=Links())), "/")
    assert re.findall('b.jpg.*v=(.*?)[& "]', page) != re.findall('b.jpg.*v=(.*?)[& "]', changed)


@pytest.mark.parametrize(
    ("time", "said"), [(0.004, "1/250"), (1 / 3, "0.333"), (0.25, "1/4"), (30, "30"), (2.5, "2.5")]
)
def test_exposures_read_as_on_cameras(time: float, said: str) -> None:
    assert exposure(time) == said
