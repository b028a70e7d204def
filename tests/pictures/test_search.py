"""What a search finds, and in which order pictures stand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from nbmon.pictures import Folder, Pictures, listing
from support.pages import Page
from support.pictures import Ask, asker, content

HOUR = 3600  # seconds


def a_picture(path: Path, taken: str = "", modified: int = 1_700_000_000, side: int = 20) -> None:
    exif = Image.Exif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    Image.new("RGB", (side, 20), "teal").save(path, exif=exif)
    os.utime(path, (modified, modified))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "2024" / "summer").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    a_picture(tmp_path / "Boat old.jpg", "2024:08:17 10:00:00", side=900)
    a_picture(tmp_path / "boat 2.jpg", "2023:01:01 00:00:00", side=30)
    a_picture(tmp_path / "boat 10.png", modified=1_600_000_000)
    a_picture(tmp_path / "2024" / "Bôat.jpg", "2024:12:31 23:59:59")
    a_picture(tmp_path / "2024" / "summer" / "sea.jpg", "2024:07:01 12:00:00")
    a_picture(tmp_path / ".hidden" / "boat.jpg")
    (tmp_path / "boat.txt").write_text("no picture")
    (tmp_path / "2024" / "up").symlink_to("..")
    return tmp_path


@pytest.fixture
def visit(place: Path) -> Ask:
    return asker(Pictures(Folder(place)))


def names(visit: Ask, query: str, path: str = "/") -> list[str]:
    response = visit(f"{path}?{query}")
    assert response.status == 200
    return [str(image["src"]) for image in Page(content(response)).images if image["alt"]]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", ["boat%202.jpg", "boat%2010.png", "Boat%20old.jpg"]),
        ("-name", ["Boat%20old.jpg", "boat%2010.png", "boat%202.jpg"]),
        ("date", ["boat%2010.png", "boat%202.jpg", "Boat%20old.jpg"]),
        ("-date", ["Boat%20old.jpg", "boat%202.jpg", "boat%2010.png"]),
        ("-size", ["Boat%20old.jpg", "boat%202.jpg", "boat%2010.png"]),
    ],
)
def test_pictures_stand_in_the_order_that_is_asked_for(visit: Ask, sort: str, order: list[str]) -> None:
    assert names(visit, f"sort={sort}") == [f"./{name}" for name in order]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=boat", ["boat%202.jpg", "boat%2010.png", "Boat%20old.jpg", "2024/B%C3%B4at.jpg"]),
        ("q=OLD+boat", ["Boat%20old.jpg"]),
        ("q=b%C3%B4at&from=2024", ["Boat%20old.jpg", "2024/B%C3%B4at.jpg"]),
        ("from=2024-07&to=2024-08", ["Boat%20old.jpg", "2024/summer/sea.jpg"]),
        ("to=2023", ["boat%202.jpg", "boat%2010.png"]),
        ("from=2024-12-31&to=2024-12-31", ["2024/B%C3%B4at.jpg"]),
        ("q=sea&sort=-date", ["2024/summer/sea.jpg"]),
        ("q=nothing", []),
        ("q=hidden", []),
        ("q=summer", []),
    ],
)
def test_a_search_finds_by_name_and_date_here_and_within(visit: Ask, query: str, found: list[str]) -> None:
    assert names(visit, query) == [f"./{name}" for name in found]


def test_a_search_within_a_folder_stays_there(visit: Ask) -> None:
    assert names(visit, "q=e", "/2024/summer/") == ["./sea.jpg"]


def test_what_is_found_has_its_own_page_in_the_order_of_the_search(visit: Ask) -> None:
    html = content(visit("/?q=boat&view=Boat%20old.jpg")).decode()
    assert "3 of 4" in html
    assert 'href="./?q=boat&amp;view=2024/B%C3%B4at.jpg"' in html
    assert content(visit("/2024/B%C3%B4at.jpg"))


def test_nothing_found_is_said(visit: Ask) -> None:
    html = content(visit("/?q=nothing")).decode()
    assert "No picture found" in html
    assert "Clear search" in html


def test_a_search_is_bounded_and_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_FOLDERS", 2)
    visit = asker(Pictures(Folder(place)))
    response = content(visit("/?q=sea")).decode()
    assert "sea.jpg" not in response
    monkeypatch.setattr(listing, "MAX_FOLDERS", 3)
    assert names(asker(Pictures(Folder(place))), "q=sea") == ["./2024/summer/sea.jpg"]


def test_dates_of_many_pictures_are_those_of_their_files(place: Path, monkeypatch) -> None:
    monkeypatch.setattr(listing, "MAX_DATED", 2)
    visit = asker(Pictures(Folder(place)))
    assert names(visit, "sort=date")[0] == "./boat%2010.png"
    assert names(visit, "from=2023-11&to=2023-11") == ["./boat%202.jpg", "./Boat%20old.jpg", *[
        "./2024/B%C3%B4at.jpg", "./2024/summer/sea.jpg"]]  # fmt: skip


def test_what_is_asked_of_a_page_goes_along_with_its_links(visit: Ask) -> None:
    page = Page(content(visit("/?sort=-date&q=boat")))
    assert all("sort=-date&q=boat" in link for link in page.links if "view=" in link)
