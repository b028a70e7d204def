"""The folder's page in a real browser, wide and on a phone, light and dark, served by the real server.

What was seen is kept as pictures under artifacts/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "pictures"
KEPT = ROOT / "artifacts" / "pictures"
WIDE, PHONE = (1280, 860), (390, 844)  # pixels
READABLE = 4.5  # WCAG 2.2, 1.4.3: contrast of text to what is behind it
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
SERVE = """
import sys
from nbmon.pictures import Folder, Pictures
from nbmon.serve import CoroutineServer, listen, url_of
sockets = listen("127.0.0.1", 0)
app = Pictures(Folder(sys.argv[1]))
CoroutineServer(app, sockets, on_serving=lambda: print(url_of(sockets), flush=True)).serve()
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Debian's chromium is not installed: apt-get install chromium"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=os.geteuid() != 0
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Callable[[Path], str]]:
    servers: list[subprocess.Popen[str]] = []

    @cache
    def serve(folder: Path) -> str:
        server = subprocess.Popen([sys.executable, "-c", SERVE, folder], stdout=subprocess.PIPE, text=True)
        servers.append(server)
        assert server.stdout
        return server.stdout.readline().strip()

    yield serve
    for server in servers:
        server.terminate()
        server.communicate(timeout=30)


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page, waits for its pictures, and at the end insists that the browser had no complaint."""
    contexts, complaints = [], []

    def failed(request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # the reader went on before all was there
            complaints.append(f"{request.failure}: {request.url}")

    def look(url: str, size: tuple[int, int] = WIDE, scheme: str = "light") -> Any:
        phone = size == PHONE
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            is_mobile=phone,
            has_touch=phone,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("requestfailed", failed)
        page.goto(url)
        show_all(page)
        return page

    yield look
    for context in contexts:
        context.close()
    assert complaints == []


def show_all(page: Any) -> None:
    for image in page.query_selector_all("img"):
        image.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.evaluate("window.scrollTo(0, 0)")


def kept(page: Any, name: str) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=KEPT / f"{name}.png", full_page=True)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_picture_is_shown_and_nothing_is_wider_than_the_screen(served, look, size, scheme) -> None:
    url = served(EXAMPLES)
    for path, pictures in (("", 6), ("harbour/", 6)):
        page = look(url + path, size, scheme)
        kept(page, f"{path.strip('/') or 'top'}-{size[0]}-{scheme}")
        widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        assert len(widths) == pictures
        assert all(widths)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert page.evaluate("[...document.images].every(i => i.getBoundingClientRect().width >= 80)")


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
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/garden/")
    page.get_by_role("link", name="fern").click()
    page.wait_for_url("**/garden/fern.jpg")
    page.go_back()
    page.get_by_role("link", name="pictures").click()
    page.wait_for_url(lambda url: url.endswith("/") and "garden" not in url)


def test_names_that_are_markup_do_nothing(served, look, tmp_path: Path) -> None:
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
    assert page.locator("svg, script, [onerror], [onload], [autofocus]").count() == 0
    page.get_by_role("link", name="javascript:alert(1)").first.click()
    page.wait_for_url(lambda url: url.endswith("/javascript%3Aalert%281%29/"))


def test_a_page_stranger_put_into_the_folder_runs_no_script(served, browser, tmp_path: Path) -> None:
    script = "<p id=p>was here</p><script>document.all.p.textContent = 'ran'</script>"
    (tmp_path / "evil.html").write_text(script)
    page = browser.new_page()
    page.goto(served(tmp_path) + "evil.html")
    assert page.locator("#p").text_content() == "was here"
    page.close()


def test_mixed_folders_long_names_and_odd_sizes_hold_together(served, look, tmp_path: Path) -> None:
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
    (tmp_path / "void").mkdir()
    kept(look(served(tmp_path / "void")), "empty")
