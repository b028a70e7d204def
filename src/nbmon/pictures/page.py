"""Pages as HTML: the template, loaded and compiled once, and the stylesheet and icon that it refers to.

Every value is escaped by jinja2 where it stands. Pages refer to nothing outside this server, hold no
script, and are sent with a policy that allows none.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nbmon.pictures.kinds import HTML, SVG

if TYPE_CHECKING:
    from jinja2 import Template

    from nbmon.pictures.gallery import Gallery

RESERVED = b"-"  # first segment of the server's own resources; their names have a hash, no folder loses one

POLICY = (
    b"default-src 'none'; img-src 'self'; style-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_FIELDS: list[tuple[bytes, bytes]] = [
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Content-Security-Policy", POLICY),
    (b"Referrer-Policy", b"same-origin"),
]

_HERE = Path(__file__).parent / "assets"


class Asset(NamedTuple):
    """One of the server's own resources, named by its content, so that it may be kept for ever."""

    name: str
    kind: bytes
    content: bytes
    tag: bytes


def tag_of(content: bytes) -> bytes:
    """A strong entity tag for `content` (RFC 9110, section 8.8.3)."""
    return b'"' + blake2b(content, digest_size=9).hexdigest().encode() + b'"'


@cache
def assets() -> dict[bytes, Asset]:
    """The server's own resources by the name under `/-/`."""
    found = {}
    for name, kind in (("style.css", b"text/css; charset=utf-8"), ("icon.svg", SVG)):
        content = (_HERE / name).read_bytes()
        stem, _, suffix = name.partition(".")
        tag = tag_of(content)
        asset = Asset(f"{stem}-{tag[1:9].decode()}.{suffix}", kind, content, tag)
        found[asset.name.encode()] = asset
    return found


def _asset(stem: str) -> Asset:
    return next(asset for asset in assets().values() if asset.name.startswith(stem + "-"))


def icon() -> Asset:
    """The server's icon."""
    return _asset("icon")


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((_HERE / name).read_text("utf-8"))


def render(gallery: Gallery) -> bytes:
    """The page as HTML in UTF-8."""
    own = {"style": f"-/{_asset('style').name}", "icon": f"-/{icon().name}"}
    text = _template("folder.html").render(gallery._asdict() | own)
    return text.encode("utf-8", "replace")


__all__ = ["HTML", "PAGE_FIELDS", "RESERVED", "Asset", "assets", "icon", "render", "tag_of"]
