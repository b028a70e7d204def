"""For the tests of pages: reading one as a browser would, and what a camera writes into a picture."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

VOID = {"meta", "link", "img", "input"}
ALLOWED = VOID | {"html", "head", "title", "body", "a", "header", "nav", "ol", "li", "bdi", "h1", "p", "span",
                  "main", "section", "h2", "ul", "footer", "form", "button", "script", "details",
                  "summary", "div", "label", "svg", "path", "circle", "rect", "figure", "template", "aside",
                  "dl", "dt", "dd"}  # fmt: skip


class Page(HTMLParser):
    """The page as a browser would read it: its elements, their nesting checked, and its text."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.links: list[str] = []  # but for those of the tools
        self.tools: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.classes: list[str] = []  # of those that are open
        self.ids: list[str] = []
        self.feed(html.decode("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        given = dict(attributes)
        assert not [name for name in given if name.startswith("on") or name == "style"]
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag == "a":
            (self.tools if "tools" in self.classes else self.links).append(str(given["href"]))
        if tag == "img":
            self.images.append(given)
        if tag not in VOID:
            self.open.append(tag)
            self.classes.append(given.get("class") or "")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in ("circle", "path", "rect")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.classes.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())

    def targets(self, at: str) -> list[str]:
        return [urljoin("http://here" + at, link) for link in self.links]


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x010F], made[0x0110] = "Canon", "Canon EOS R5"
    shot = made.get_ifd(0x8769)
    shot[0x9003] = "2024:08:17 20:41:05"
    shot[0xA434] = "RF 24-70mm"
    shot[0x829A], shot[0x829D], shot[0x920A] = IFDRational(1, 250), IFDRational(28, 10), IFDRational(35)
    shot[0x8827] = 400
    place = made.get_ifd(0x8825)
    place[1], place[2] = "S", (IFDRational(33), IFDRational(51), IFDRational(2448, 100))
    place[3], place[4] = "E", (IFDRational(151), IFDRational(12), IFDRational(5508, 100))
    return made
