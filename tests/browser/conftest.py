"""The pages in a real browser, served by the real server. What was seen is kept under artifacts/screenshots.

One browser serves all tests of a process; a page fails its test if the browser complains of it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support.browsing import until

KEPT = Path(__file__).parents[2] / "artifacts" / "screenshots"
PHONE = 600  # pixels: narrower ones are phones
SERVE = """
import sys
from nbmon.pictures import Folder, Pictures
from nbmon.serve import CoroutineServer, listen, url_of
sockets = listen("127.0.0.1", 0)
app = Pictures(Folder(sys.argv[1]))
CoroutineServer(app, sockets, on_serving=lambda: print(url_of(sockets), flush=True)).serve()
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def served() -> Iterator[Callable[[Path], str]]:
    """A server of that folder; its URL."""
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

    def look(
        url: str,
        size: tuple[int, int] = (1280, 860),
        scheme: str = "light",
        *,
        script: bool = True,
        language: str = "en-GB",
        touch: bool | None = None,
    ) -> Any:
        phone = size[0] < PHONE if touch is None else touch
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            is_mobile=phone,
            has_touch=phone,
            java_script_enabled=script,
            locale=language,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("requestfailed", failed)
        page.goto(url)
        if script:
            show_all(page)
        return page

    yield look
    for context in contexts:
        context.close()
    assert complaints == []


def show_all(page: Any) -> None:
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    until(page, "[...document.images].every(image => image.complete)")
    page.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => {})))")


@pytest.fixture
def kept() -> Callable[..., None]:
    """Keeps what is seen, under that name."""

    def kept(page: Any, name: str, *, whole: bool = True) -> None:
        KEPT.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=KEPT / f"{name}.png", full_page=whole)

    return kept
