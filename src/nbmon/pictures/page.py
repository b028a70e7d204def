"""Pages as HTML: the templates, loaded and compiled once, and the server's own files that they refer to.

Every value is escaped by jinja2 where it stands. Pages refer to nothing outside this server; the only script
and the only style are files of this server's, and the policy that pages are sent with allows no others.
"""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nbmon.pictures.kinds import HTML, SVG
from nbmon.pictures.tints import rules

if TYPE_CHECKING:
    from jinja2 import Template

    from nbmon.pictures.gallery import Gallery
    from nbmon.pictures.view import View

RESERVED = b"-"  # first segment of the server's own resources; their names have a hash, no folder loses one

POLICY = (
    b"default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    b"media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGE_FIELDS: list[tuple[bytes, bytes]] = [
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Content-Security-Policy", POLICY),
    (b"Referrer-Policy", b"same-origin"),
]

_HERE = Path(__file__).parent / "assets"
_KINDS = (
    ("style.css", b"text/css; charset=utf-8"),
    ("viewer.js", b"text/javascript; charset=utf-8"),
    ("folder.js", b"text/javascript; charset=utf-8"),
    ("icon.svg", SVG),
)


class Asset(NamedTuple):
    """One of the server's own resources, named by its content, so that it may be kept for ever."""

    name: str
    kind: bytes
    content: bytes
    tag: bytes
    packed: bytes  # the same, gzipped
    packed_tag: bytes


def tag_of(content: bytes) -> bytes:
    """A strong entity tag for `content` (RFC 9110, section 8.8.3)."""
    return b'"' + blake2b(content, digest_size=9).hexdigest().encode() + b'"'


@cache
def assets() -> dict[bytes, Asset]:
    """The server's own resources by the name under `/-/`."""
    found = {}
    for name, kind in _KINDS:
        content = (_HERE / name).read_bytes()
        if name == "style.css":
            content += (_HERE / "viewer.css").read_bytes() + _shapes()
        stem, _, suffix = name.partition(".")
        tag = tag_of(content)
        packed = gzip.compress(content, mtime=0)
        asset = Asset(f"{stem}-{tag[1:9].decode()}.{suffix}", kind, content, tag, packed, tag_of(packed))
        found[asset.name.encode()] = asset
    return found


def _shapes() -> bytes:
    """A class for each ratio and colour of a place: the policy allows pages no style of their own."""
    from nbmon.pictures.gallery import NARROWEST, RATIO_STEP, WIDEST

    shapes = range(NARROWEST, WIDEST + 1, RATIO_STEP)
    ratios = (f".r{shape}{{--r:{shape / 100:g}}}" for shape in shapes)
    return "".join([*ratios, *rules(), "\n"]).encode()


def _asset(stem: str) -> Asset:
    return next(asset for asset in assets().values() if asset.name.startswith(stem + "-"))


def icon() -> Asset:
    """The server's icon."""
    return _asset("icon")


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda name: (_HERE / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _rendered(name: str, values: dict[str, object]) -> bytes:
    own = {f"{stem}_file": f"-/{_asset(stem).name}" for stem in ("style", "viewer", "folder", "icon")}
    return _template(name).render(values | own).encode("utf-8", "replace")


def render(gallery: Gallery) -> bytes:
    """The page of a folder as HTML in UTF-8."""
    return _rendered("folder.html", gallery._asdict())


def render_view(view: View) -> bytes:
    """The page of one picture as HTML in UTF-8."""
    return _rendered("view.html", view._asdict())


__all__ = ["HTML", "PAGE_FIELDS", "RESERVED", "Asset", "assets", "icon", "render", "render_view", "tag_of"]
