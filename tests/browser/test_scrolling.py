"""Large folders are scrolled as one page, what is new shows itself, and many are downloaded as one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from support.browsing import until

NUMBER = 1_050  # pictures: six pages


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    sources = []
    for number, size in enumerate([(60, 40), (40, 60), (90, 40)]):
        sources.append(folder / f".{number}.png")
        Image.new("RGB", (4 * size[0], 4 * size[1]), ["teal", "olive", "plum"][number]).save(sources[-1])
    for number in range(NUMBER):
        (folder / f"p{number}.png").hardlink_to(sources[number % 3])
    (folder / "notes.txt").write_text("hello")
    return folder


def test_pages_come_and_go_as_one_scrolls(served, look, many: Path) -> None:
    page = look(served(many))
    assert page.locator("ul.window").count() == 6
    assert not page.locator(".pager").is_visible()
    for _ in range(60):
        page.mouse.wheel(0, 4_000)
        page.wait_for_timeout(20)
        if page.evaluate("scrollY + innerHeight > document.documentElement.scrollHeight - 200"):
            break
    page.wait_for_selector("text=p1049.png")
    page.wait_for_url("**?page=6")
    assert page.get_by_text("notes.txt").is_visible()
    assert page.locator("#p1").count() + page.locator("#p250").count() <= 2
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_selector("#p1 img")


def test_a_jump_to_the_middle_shows_the_middle(served, look, kept, many: Path) -> None:
    page = look(served(many))
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    until(
        page,
        """[...document.querySelectorAll('.window li')].some(tile => {
        const box = tile.getBoundingClientRect();
        return box.top < innerHeight && box.bottom > 0; })""",
    )
    kept(page, "many", whole=False)
    page.wait_for_url("**?page=*")
    page.reload()
    until(page, "scrollY > 1000")


def test_a_new_picture_shows_itself_and_a_removed_one_goes(served, look, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "a.png")
    page = look(served(tmp_path))
    until(page, "folder.events.readyState == 1")
    Image.new("RGB", (300, 200), "plum").save(tmp_path / "b.png")
    page.get_by_text("b.png").wait_for()
    assert page.get_by_text("2 pictures").is_visible()
    (tmp_path / "a.png").unlink()
    until(page, "document.querySelectorAll('.pictures li').length == 1")
    (tmp_path / "b.png").unlink()
    page.get_by_text("This folder is empty").wait_for()
    Image.new("RGB", (300, 200), "plum").save(tmp_path / "c.png")
    page.get_by_text("c.png").wait_for()


def test_chosen_pictures_are_downloaded_as_one(served, look, kept, many: Path, tmp_path: Path) -> None:
    page = look(served(many))
    page.get_by_role("button", name="Select", exact=True).click()
    for name in ("p3", "p5"):
        page.get_by_role("link", name=name, exact=True).click()
    assert page.get_by_text("2 selected").is_visible()
    kept(page, "chosen", whole=False)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    download.value.save_as(tmp_path / "chosen.zip")
    with zipfile.ZipFile(tmp_path / "chosen.zip") as archive:
        assert archive.namelist() == ["p3.png", "p5.png"]
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("2 selected").wait_for(state="hidden")


def test_with_shift_all_between_are_chosen_and_all_can_be_but_a_few(
    served, look, kept, many: Path, tmp_path: Path
) -> None:
    page = look(served(many))
    page.get_by_role("button", name="Select", exact=True).click()
    page.locator("#p4 a").click()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.locator("#p1050").wait_for()
    until(page, "!document.getElementById('p500')")
    page.locator("#p1050 a").click(modifiers=["Shift"])
    page.get_by_text("1047 selected").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert names_in(download.value, tmp_path) == {f"p{number}.png" for number in range(3, NUMBER)}
    page.get_by_role("button", name="Select all").click()
    page.get_by_text("1050 selected").wait_for()
    page.locator("#p1049 a").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert names_in(download.value, tmp_path) == {f"p{n}.png" for n in range(NUMBER) if n != 1_048}


def names_in(download, folder: Path) -> set[str]:
    download.save_as(folder / "chosen.zip")
    with zipfile.ZipFile(folder / "chosen.zip") as archive:
        return set(archive.namelist())


def test_scrolling_blocks_nobody_for_long(served, look, many: Path) -> None:
    page = look(served(many))
    page.evaluate("""() => { window.long = [];
        new PerformanceObserver(list => long.push(...list.getEntries().map(e => e.duration)))
            .observe({type: 'longtask'}); }""")
    for _ in range(30):
        page.mouse.wheel(0, 1_500)
        page.wait_for_timeout(30)
    assert max(page.evaluate("long"), default=0) < 2_000  # milliseconds: a gross hang, on a busy machine
