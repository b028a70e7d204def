"""The folder's page in a real browser: wide and on a phone, light and dark, in both languages, on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from support.browsing import until

EXAMPLES = Path(__file__).parents[2] / "examples" / "pictures"
WIDE, PHONE = (1280, 860), (390, 844)  # pixels
READABLE = 4.5  # WCAG 2.2, 1.4.3: contrast of text to what is behind it


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_picture_is_shown_and_nothing_is_wider_than_the_screen(
    served, look, kept, size, scheme
) -> None:
    url = served(EXAMPLES)
    for path, pictures in (("", 6), ("harbour/", 6)):
        page = look(url + path, size, scheme)
        kept(page, f"{path.strip('/') or 'top'}-{size[0]}-{scheme}")
        widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        assert len(widths) == pictures
        assert all(widths)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert page.evaluate("[...document.images].every(i => i.getBoundingClientRect().width >= 50)")


CONTRAST = """(selector) => {
  const rgb = (text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = (text) => rgb(text).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  return [...document.querySelectorAll(selector)].map(node => {
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
    return (a + .05) / (b + .05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(served, look, scheme, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.txt").write_text("x")
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "inner" / "a.png")
    for path in ("", "inner/"):
        page = look(served(tmp_path) + path, WIDE, scheme)
        found = page.evaluate(CONTRAST, "h1, h2, p, .name, .holds, .kind, .size, .crumbs a, .crumbs li")
        assert len(found) >= 5
        assert min(found) >= READABLE


def test_light_and_dark_follow_the_reader(served, look) -> None:
    url = served(EXAMPLES)
    colours = {
        look(url, WIDE, scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(colours) == 2


def test_the_turned_picture_stands_upright_and_nothing_jumps(served, look) -> None:
    page = look(served(EXAMPLES) + "harbour/")
    image = page.get_by_alt_text("Lighthouse at dusk")
    assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [960, 1280]
    assert image.evaluate("image => [image.width < image.height, image.getAttribute('width')]") == [
        True,
        "960",
    ]


def test_it_can_be_walked_by_the_keyboard(served, look) -> None:
    page = look(served(EXAMPLES))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/garden/**")
    page.get_by_role("link", name="pictures").click()
    page.wait_for_url(lambda url: url.endswith("/") and "garden" not in url)


def test_names_that_are_markup_do_nothing(served, look, kept, tmp_path: Path) -> None:
    for name in (
        "<img src=x onerror=alert(1)>",
        '"><svg onload=alert(1)>',
        "javascript:alert(1)",
        "' autofocus='",
    ):
        (tmp_path / name).mkdir()
        Image.new("RGB", (320, 200), "teal").save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text("hello")
    page = look(served(tmp_path), PHONE)
    kept(page, "names")
    assert (
        page.locator(
            "svg:not([aria-hidden]), script:not([src]), [onerror], [onload], [autofocus]:not(dialog)"
        ).count()
        == 0
    )
    page.locator(".pictures a").first.click()
    page.wait_for_selector("dialog[open] figure img")
    assert page.locator("dialog [onerror], dialog [onload]").count() == 0
    page.keyboard.press("Escape")
    page.get_by_role("link", name="javascript:alert(1)").first.click()
    page.wait_for_url(lambda url: url.endswith("/javascript%3Aalert%281%29/"))


def test_a_page_stranger_put_into_the_folder_runs_no_script(served, browser, tmp_path: Path) -> None:
    script = "<p id=p>was here</p><script>document.all.p.textContent = 'ran'</script>"
    (tmp_path / "evil.html").write_text(script)
    page = browser.new_page()
    page.goto(served(tmp_path) + "evil.html")
    assert page.locator("#p").text_content() == "was here"
    page.close()


def test_mixed_folders_long_names_and_odd_sizes_hold_together(served, look, kept, tmp_path: Path) -> None:
    for name, size in (
        ("panorama", (4000, 300)),
        ("tower", (200, 1600)),
        ("icon", (16, 16)),
        ("plain", (800, 600)),
    ):
        Image.new("RGB", size, "darkorange").save(tmp_path / f"{name}.png")
    long = "a-very-long-name-" * 12
    (tmp_path / f"{long}.txt").write_text("x")
    (tmp_path / long).mkdir()
    (tmp_path / "notes.md").write_text("x" * 12_345)
    for size in (WIDE, PHONE):
        page = look(served(tmp_path), size)
        kept(page, f"mixed-{size[0]}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_an_empty_folder_says_how_to_fill_it(served, look, kept, tmp_path: Path) -> None:
    page = look(served(tmp_path))
    kept(page, "empty")
    assert page.get_by_text("This folder is empty").is_visible()


def test_a_folder_of_folders_shows_what_is_in_each(served, look, kept, tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two", "three", "none")):
        (tmp_path / name).mkdir()
        for picture in range(number + 1 if name != "none" else 0):
            colour = ["teal", "darkorange", "slateblue"][picture % 3]
            Image.new("RGB", (400, 300), colour).save(tmp_path / name / f"{picture}.png")
    page = look(served(tmp_path))
    kept(page, "folders")
    assert page.locator(".folders img").count() == 6
    assert page.locator(".holds").all_text_contents() == ["empty", "1 picture", "3 pictures", "2 pictures"]


def test_a_broken_picture_among_good_ones_says_so_and_hurts_no_other(served, look, kept, tmp_path) -> None:
    for name in ("a", "c"):
        Image.new("RGB", (600, 400), "seagreen").save(tmp_path / f"{name}.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(whole[:400])
    page = look(served(tmp_path))
    page.wait_for_selector("li.broken")
    kept(page, "broken", whole=False)
    assert page.locator("li.broken").count() == 1
    page.locator("li.broken a").click()
    page.get_by_text("This picture cannot be shown.").wait_for()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**?view=c.jpg")
    until(page, "document.querySelector('dialog figure img').naturalWidth == 600")


def test_rows_are_filled_and_each_is_of_one_height(served, look) -> None:
    page = look(served(EXAMPLES) + "harbour/")
    rows: dict[float, set[int]] = {}
    for top, height in page.evaluate("""[...document.querySelectorAll('.pictures img')]
            .map(i => i.getBoundingClientRect()).map(r => [Math.round(r.top), Math.round(r.height)])"""):
        rows.setdefault(top, set()).add(height)
    assert len(rows) >= 2
    assert all(max(heights) - min(heights) <= 1 for heights in rows.values())


def test_chinese_readers_get_a_chinese_page(served, look, kept) -> None:
    page = look(served(EXAMPLES) + "harbour/", language="zh-CN")
    kept(page, "chinese")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    assert page.get_by_text("6 张图片").is_visible()
    assert page.get_by_role("button", name="搜索").is_visible()


def test_on_paper_there_are_pictures_and_no_buttons(served, look, kept) -> None:
    page = look(served(EXAMPLES) + "harbour/")
    page.emulate_media(media="print")
    kept(page, "print")
    assert page.locator(".pictures img").first.is_visible()
    assert not page.get_by_role("button", name="Search").is_visible()


def test_a_first_view_is_light_before_its_pictures(served, look, tmp_path: Path) -> None:
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "0.png")
    for number in range(1, 300):
        (tmp_path / f"a rather usual name of a picture {number}.png").hardlink_to(tmp_path / "0.png")
    page = look(served(tmp_path))
    sizes = page.evaluate("""performance.getEntries().filter(e => e.entryType == 'navigation' ||
        ['link', 'script'].includes(e.initiatorType)).map(e => e.transferSize)""")
    assert len(sizes) >= 4
    assert 5_000 < sum(sizes) <= 100_000
