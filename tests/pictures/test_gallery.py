"""What a folder's page shows, and that no name on it is more than a name."""

from __future__ import annotations

import io
import os
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nbmon.pictures import Folder, Pictures
from nbmon.pictures.asked import Asked
from nbmon.pictures.cache.colours import Colours
from nbmon.pictures.facts import Known
from nbmon.pictures.gallery import ON_A_PAGE, Setting, contents, gallery, read_contents
from nbmon.pictures.page import assets, render
from nbmon.pictures.processing.urls import Links, version
from nbmon.pictures.words import EN
from support.pages import Page
from support.pictures import Ask, asker, content


def setting(folder: Folder) -> Setting:
    return Setting(folder, Known(folder))


def a_picture(path: Path, size: tuple[int, int] = (640, 480)) -> None:
    Image.new("RGB", size, "teal").save(path)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "holiday"
    folder.mkdir()
    return folder


@pytest.fixture
def visit(place: Path) -> Ask:
    return asker(Pictures(Folder(place)))


def page(visit: Ask, path: str = "/") -> Page:
    response = visit(path)
    assert response.status == 200
    return Page(content(response))


NASTY = [
    "<script>alert(1)<!--.jpg",
    "\"><img src=x onerror=alert(1)>.jpg",
    "' onload='alert(1).jpg",
    "&lt;b&gt;.jpg",
    "javascript:alert(1).jpg",
    "http:evil.jpg",
    "a\nb\r\nc.jpg",
    "\u202egpj.exe.jpg",
    "?page=2#top.jpg",
    "100%.jpg",
    "%2e%2e%2fsecret.jpg",
    "back\\slash.jpg",
    "月光 👩‍👩‍👧.jpg",
    "{{ 7*7 }}{% raw %}.jpg",
    "<bdi><plaintext>.jpg",
    " leading and trailing .jpg",
    "~tilde+plus;semi,comma@at.jpg",
]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("kind", ["picture", "other", "folder"])
def test_a_name_is_only_a_name_and_its_link_leads_to_it(
    place: Path, visit: Ask, name: str, kind: str
) -> None:
    if kind == "folder":
        (place / name).mkdir()
        a_picture(place / name / name)
    elif kind == "picture":
        a_picture(place / name)
    else:
        name += ".txt"
        (place / name).write_text("hello")
    seen = page(visit)
    target = next(t for t in seen.targets("/") if t.startswith("http://here/") and "#content" not in t)
    path = target.removeprefix("http://here")
    assert unquote_to_bytes(path).strip(b"/").removeprefix(b"?view=") == name.encode()
    assert visit(path).status == 200
    if kind == "picture":
        whole = content(visit(path)).decode()
        assert re.findall('<img src="([^"]*)"', unescape(whole)) == [seen.images[0]["src"]]
        assert Page(content(visit(path))).open == []
    for image in seen.images:
        source = urljoin("http://here/", str(image["src"])).removeprefix("http://here")
        assert visit(source).status == 200
    if kind == "folder":
        inner = page(visit, path)
        assert inner.targets(path)[1] == "http://here/"


names = st.binary(min_size=1, max_size=40).filter(lambda n: not set(n) & set(b"/\0") and n[:1] != b".")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.sets(names, min_size=1, max_size=5))
def test_any_names_make_a_whole_page(place: Path, found: set[bytes]) -> None:
    from nbmon.pictures.folder import Names

    listed = Names()
    listed.folders, listed.files = sorted(found)[:2], [n + b".png" for n in sorted(found)[2:]]
    with Folder(place) as folder:
        for where in ([], [next(iter(found))]):
            seen = Page(render(gallery(setting(folder), where, contents(listed), Asked())))
    linked = [unquote_to_bytes(re.sub(r"^\./(\?view=)?|/$", "", link)) for link in seen.links]
    assert set(listed.folders) | set(listed.files) <= set(linked)


def test_folders_pictures_and_other_files_stand_in_natural_order(place: Path, visit: Ask) -> None:
    for name in ("p10.png", "p9.png", "P8.png"):
        a_picture(place / name)
    for name in ("b.txt", "a.zip", ".hidden.txt"):
        (place / name).write_bytes(b"x" * 1500)
    (place / "day 2").mkdir()
    (place / "day 10").mkdir()
    (place / ".git").mkdir()
    os.mkfifo(place / "fifo.jpg")
    seen = page(visit)
    assert seen.links[1:] == [
        "./day%202/",
        "./day%2010/",
        "./?view=P8.png",
        "./?view=p9.png",
        "./?view=p10.png",
        "./a.zip",
        "./b.txt",
    ]
    assert "2 folders, 3 pictures, 2 other files" in seen.text
    assert "1.5 kB" in seen.text
    assert "ZIP" in seen.text


def test_pictures_have_words_and_a_size_so_that_nothing_jumps(place: Path, visit: Ask) -> None:
    a_picture(place / "two_old boats.png", (640, 480))
    (place / "odd.jpg").write_bytes(b"no picture")
    images = {str(image["alt"]): image for image in page(visit).images}
    assert images["two old boats"]["width"] == "640"
    assert images["two old boats"]["height"] == "480"
    assert "width" not in images["odd"]
    assert all(image["loading"] == "lazy" for image in images.values())


def test_a_sub_folder_says_what_it_holds_and_shows_its_first_pictures(place: Path, visit: Ask) -> None:
    for name in ("empty", "files", "folders/inner", "pictures"):
        (place / name).mkdir(parents=True)
    (place / "files" / "a.txt").touch()
    for number in (10, 9, 2, 1):
        a_picture(place / "pictures" / f"{number}.png")
    seen = page(visit)
    assert [t for t in seen.text if t in ("empty", "1 file", "1 folder", "4 pictures")] == [
        "empty", "empty", "1 file", "1 folder", "4 pictures",
    ]  # fmt: skip
    assert [i["src"] for i in seen.images] == ["./pictures/1.png", "./pictures/2.png", "./pictures/9.png"]
    assert all(image["alt"] == "" for image in seen.images)


def test_an_empty_folder_says_so(visit: Ask) -> None:
    assert any("This folder is empty" in text for text in page(visit).text)


def test_the_way_to_a_folder_leads_back(place: Path, visit: Ask) -> None:
    (place / "2024" / "summer").mkdir(parents=True)
    seen = page(visit, "/2024/summer/")
    assert seen.targets("/2024/summer/")[1:] == ["http://here/", "http://here/2024/"]
    assert seen.text.count("summer") == 2  # in the title, and as the heading at the end of the way


def test_a_large_folder_is_shown_in_pages_that_miss_nothing(place: Path, visit: Ask) -> None:
    for number in range(2_000):
        (place / f"{number}.jpg").touch()
    found = []
    for number in range(1, 2_000 // ON_A_PAGE + 1):
        links = page(visit, f"/?page={number}").links
        on_page = [link for link in links if link.endswith(".jpg")]
        assert len(on_page) == ON_A_PAGE
        assert ("./" if number == 2 else f"./?page={number - 1}") in links or number == 1
        assert (f"./?page={number + 1}" in links) == (number < 10)
        found += on_page
    assert found == [f"./?view={number}.jpg" for number in range(2_000)]
    assert visit("/?page=11").status == 404


def test_pages_run_on_from_folders_to_pictures_to_files(place: Path) -> None:
    for number in range(150):
        (place / f"folder {number}").mkdir()
        (place / f"{number}.png").touch()
        (place / f"{number}.txt").touch()
    with Folder(place) as folder, folder.open([]) as top:
        held = read_contents(folder, top, [])
        pages = [gallery(setting(folder), [], held, Asked(number)) for number in (1, 2, 3)]
    assert [(len(p.folders), len(p.pictures), len(p.others)) for p in pages] == [
        (150, 50, 0),
        (0, 100, 100),
        (0, 0, 50),
    ]
    assert {p.pages for p in pages} == {3}
    assert pages[1].pictures[0].name == "50.png"


def test_a_folder_too_large_to_list_says_so(place: Path) -> None:
    for number in range(20):
        (place / f"{number}.png").touch()
    with Folder(place) as folder, folder.open([]) as top:
        held = contents(folder.names(top, [], limit=10))
        html = render(gallery(setting(folder), [], held, Asked()))
    assert b"holds more names than a page can list" in html


def test_pages_are_kept_within_bounds(place: Path) -> None:
    from nbmon.pictures.pages import MAX_PAGES, Pages

    with Folder(place) as folder, folder.open([]) as top:
        pages = Pages(setting(folder))
        for number in range(3 * MAX_PAGES):
            pages.get(top, [b"%d" % number], Asked(), EN)
        assert len(pages._pages) == MAX_PAGES


def test_a_settled_listing_is_read_once_and_a_changed_one_again(place: Path, monkeypatch) -> None:
    from nbmon.pictures import pages

    a_picture(place / "1.png")
    monkeypatch.setattr(pages, "FRESH_FOR", 0.0)  # seconds
    monkeypatch.setattr(pages, "SETTLED_AFTER", -1.0)  # seconds
    with Folder(place) as folder:
        kept = pages.Pages(setting(folder))
        reads = []
        monkeypatch.setattr(pages, "read_contents", lambda *a: reads.append(a) or read_contents(*a))
        for _ in range(3):
            with folder.open([]) as top:
                first = kept.get(top, [], Asked(), EN)
        assert len(reads) == 1
        a_picture(place / "2.png")
        with folder.open([]) as top:
            second = kept.get(top, [], Asked(), EN)
    assert len(reads) == 2
    assert first.tag != second.tag


def test_a_page_stays_the_same_while_nothing_changes(place: Path, monkeypatch) -> None:
    from nbmon.pictures import pages

    monkeypatch.setattr(pages, "FRESH_FOR", 0.0)  # seconds
    with Folder(place) as folder, folder.open([]) as top:
        kept = pages.Pages(setting(folder))
        first = kept.get(top, [], Asked(), EN)
        assert kept.get(top, [], Asked(), EN) is first


def test_pictures_that_nothing_can_show_stand_among_the_others_with_their_kind(
    place: Path, visit: Ask
) -> None:
    for name in ("a.heic", "b.tif", "c.jxl"):
        (place / name).write_bytes(b"whatever")
    a_picture(place / "d.png")
    seen = page(visit)
    assert "4 pictures" in seen.text
    assert [image["src"] for image in seen.images] == ["./d.png"]
    assert [text for text in seen.text if text in ("HEIC", "TIF", "JXL")] == ["HEIC", "TIF", "JXL"]
    alone = content(visit("/?view=a.heic")).decode()
    assert "Browsers do not show pictures of this kind (HEIC)" in alone
    assert 'href="./a.heic" download' in alone


def test_what_can_be_made_small_is_shown_by_what_is_made_of_it(place: Path, monkeypatch) -> None:
    monkeypatch.setattr("nbmon.pictures.gallery.readable_kinds", lambda: {b"image/heic", b"image/png"})
    for name in ("a.heic", "b.jxl"):
        (place / name).write_bytes(b"whatever")
    visit = asker(Pictures(Folder(place), links=Links()))
    assert [str(image["src"])[:9] for image in page(visit).images] == ["./a.heic?"]
    alone = content(visit("/?view=a.heic")).decode()
    assert 'src="./a.heic?w=1440' in alone
    assert 'href="./a.heic" download' in alone


def test_a_place_waits_in_its_pictures_colours_once_they_are_known(place: Path, tmp_path: Path) -> None:
    a_picture(place / "a.png", (640, 480))
    a_picture(place / "icon.png", (16, 16))
    a_picture(place / "new.png", (640, 480))
    colours = Colours(str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    with Folder(place) as folder, folder.open([]) as top:
        for name in ("a.png", "icon.png"):
            colours.put(version((place / name).stat()), b"\0\0\0\xff\0\0\0\xff\0\xff\xff\xff")
        of_all = setting(folder)._replace(links=Links(), colours=colours)
        shapes = [p.shape for p in gallery(of_all, [], read_contents(folder, top, []), Asked()).pictures]
    assert shapes == ["r135 lit a0 b294 c42 d342", "small", "r135"]
    style = next(asset.content for name, asset in assets().items() if name.startswith(b"style-"))
    assert b".b294{--b:#ff0000}" in style
    assert b".d342{--d:#ffffff}" in style


def test_a_picture_that_cannot_be_measured_is_still_shown(place: Path, visit: Ask) -> None:
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG")
    (place / "cut.png").write_bytes(out.getvalue()[:15])
    assert page(visit).images[0]["src"] == "./cut.png"
