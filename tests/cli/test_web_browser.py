"""The page of nbmon web in a real browser: with script and without, wide, on a phone, light and dark.

What was seen is kept as pictures under artifacts/.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from cli.test_web import demo, web

KEPT = Path(__file__).parents[2] / "artifacts" / "web"
LONGEST = 30_000  # milliseconds

pytestmark = pytest.mark.browser
__all__ = ["demo"]


@pytest.fixture
def opened(browser):
    """Opens an address and, at the end, insists that the browser had no complaint."""
    complaints, contexts = [], []

    def open_at(address, width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONGEST)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector("main")
        return page

    open_at.complaints = complaints
    yield open_at
    for context in contexts:
        context.close()
    assert complaints == []


def keep(page, name):
    KEPT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=KEPT / f"{name}.png")


def test_the_page_is_live_and_a_worker_restarted_by_a_button(demo, opened):
    with web(demo) as served:
        page = opened(served.address)
        page.wait_for_selector("tr[data-key='demo/web-1'] .pill.running")
        assert "token" not in page.url
        pid = page.inner_text("tr[data-key='demo/web-1'] .pid")
        os.kill(int(pid), signal.SIGKILL)
        page.wait_for_function(
            "pid => { const row = document.querySelector(\"tr[data-key='demo/web-1']\");"
            " return row.querySelector('.pid').textContent !== pid"
            " && row.querySelector('.death').textContent.includes('SIGKILL'); }",
            arg=pid,
        )
        page.click("tr[data-key='demo/web-2'] [data-ask]")
        page.wait_for_selector("dialog[open]")
        keep(page, "question")
        page.click("dialog [data-no]")
        assert page.query_selector("dialog[open]") is None
        page.click("tr[data-key='demo/web-2'] [data-ask]")
        page.click("dialog .yes")
        page.wait_for_selector("text=restart demo/web-2: done")
        keep(page, "wide")


def test_it_works_without_script(demo, opened):
    with web(demo) as served:
        page = opened(served.address, java_script_enabled=False)
        page.click("thead .name a")
        assert "sort=n" in page.url
        page.fill("#filter", "web-1")
        page.click("text=Filter")
        assert page.locator("tbody tr").count() == 2
        page.click("tr[data-key='demo/web-1'] [data-ask]")
        page.click("text=Yes")
        page.wait_for_selector("text=/restart demo.web-1/")
        assert "filter=web-1" in page.url
        assert "sort=n" in page.url


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("phone", 390, "light"), ("dark", 1280, "dark"), ("tablet", 820, "dark")]
)
def test_it_fits_and_can_be_read(demo, opened, name, width, scheme):
    with web(demo) as served:
        page = opened(served.address, width=width, color_scheme=scheme)
        page.wait_for_selector("tr[data-key='demo/feed']")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("(s => s.scrollWidth - s.clientWidth)(document.querySelector('.scroll'))") <= 0
        keep(page, name)


def test_an_end_of_the_server_is_said(demo, opened):
    with web(demo) as served:
        page = opened(served.address)
        page.wait_for_selector("tbody")
        served.process.terminate()
        page.wait_for_selector("#lost:not([hidden])")
    opened.complaints[:] = [words for words in opened.complaints if "ERR_CONNECTION" not in words]
