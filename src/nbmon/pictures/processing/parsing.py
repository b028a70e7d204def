"""From the query of a URL to a `Recipe`, or to a sentence that says what is wrong with it. Pure.

A query without a word of ours is none of our business: the original is served. One with such a word must be
right throughout: an unknown, doubled or senseless word is an error and not a riddle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from nbmon.pictures.processing.recipe import (
    EDGES,
    FITS,
    FORMATS,
    GRAVITIES,
    LARGEST_DPR,
    LARGEST_SIDE,
    LAST_FRAME,
    LONGEST_RECT,
    LQIPS,
    STRONGEST_BLUR,
    STRONGEST_SHARP,
    Recipe,
)

LONGEST_QUERY = 1_024  # bytes
SHOWN = 40  # characters of a wrong value
_HEX = frozenset("0123456789abcdef")
_OPAQUE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class BadRecipe(ValueError):  # noqa: N818 - the request is bad, not this program
    """The client's fault; `str()` is a finished sentence."""


class Asked(NamedTuple):
    """A recipe, and what else its query says."""

    recipe: Recipe
    preset: str = ""  # its name, if it was asked for by name
    version: str = ""  # of the source, as the link's maker knew it
    expires: int | None = None  # seconds since 1970


class _Wrong(Exception):  # noqa: N818 - never leaves this file
    """The value is not what is accepted."""


def parse(query: bytes | None, presets: Mapping[str, Recipe] | None = None) -> Asked | None:
    """What `query` asks for; None where it has no word of ours. BadRecipe."""
    pairs = [pair.partition(b"=") for pair in (query or b"").split(b"&") if pair]
    if not any(key in _OURS for key, _, _ in pairs):
        return None
    if len(query or b"") > LONGEST_QUERY:
        raise BadRecipe(f"The query is longer than {LONGEST_QUERY} bytes.")
    values: dict[str, Any] = {}
    for key, equals, value in pairs:
        name = _text(key)
        if name not in _READERS:
            raise BadRecipe(f"{_shown(name)} is no parameter of a picture; known are {', '.join(_READERS)}.")
        if name in values:
            raise BadRecipe(f"{name} is given twice; give it once.")
        values[name] = _read(name, _text(value) if equals else "")
    return _put_together(values, presets or {})


def recipe_of(query: str) -> Recipe:
    """The recipe of a preset's text. BadRecipe."""
    asked = parse(query.encode())
    if asked is None or asked.preset or asked.version or asked.expires is not None:
        raise BadRecipe(f"{_shown(query)} is no recipe; give parameters, as in w=320&h=240&fit=crop.")
    return asked.recipe


def _text(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode("utf-8", "replace")


def _shown(text: str) -> str:
    plain = "".join(c if c.isprintable() else "\ufffd" for c in text[: SHOWN + 1])
    return f"'{plain}'" if len(plain) <= SHOWN else f"'{plain[:SHOWN]}…'"


def _read(name: str, text: str) -> Any:
    reader, accepted = _READERS[name]
    try:
        return reader(text)
    except _Wrong:
        raise BadRecipe(f"{name} is {_shown(text)}; accepted is {accepted}.") from None


# One reader for each sort of value


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 12 and least <= int(text) <= most):
            raise _Wrong
        return int(text)

    return read


def _number(least: float, most: float) -> Callable[[str], float]:
    """Digits, with a point among them and two behind it at most: no signs, exponents, nan."""

    def read(text: str) -> float:
        before, point, behind = text.partition(".")
        digits = before + behind
        if not (digits.isascii() and digits.isdigit() and len(before) <= 4 and len(behind) <= 2):
            raise _Wrong
        if (point and not behind) or not least <= float(text) <= most:
            raise _Wrong
        return float(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise _Wrong
        return text

    return read


def _several_of(*words: str) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        if not set(found) <= set(words) or len(set(found)) < len(found):
            raise _Wrong
        return found

    return read


def _crop(text: str) -> tuple[str, ...]:
    found = _several_of(*GRAVITIES)(text)
    across = [len(set(found) & set(edges)) for edges in (EDGES[:2], EDGES[2:])]
    if len(found) > 1 and across != [1, 1]:
        raise _Wrong
    return tuple(sorted(found))


def _colour(text: str) -> str:
    lower = text.removeprefix("#").lower()
    if len(lower) not in (3, 6) or not set(lower) <= _HEX:
        raise _Wrong
    return "".join(c * 2 for c in lower) if len(lower) == 3 else lower


def _rect(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != 4:
        raise _Wrong
    place = [_whole(0, LONGEST_RECT)(part) for part in parts[:2]]
    return (*place, *(_whole(1, LONGEST_RECT)(part) for part in parts[2:]))


def _yes(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}.get(text) or _no(text)


def _no(text: str) -> bool:
    if text not in ("false", "0"):
        raise _Wrong
    return False


def _name(text: str) -> str:
    if not 0 < len(text) <= SHOWN or not set(text) <= _OPAQUE:
        raise _Wrong
    return text


def _flip(text: str) -> str:
    return "hv" if text == "vh" else _one_of("h", "v", "hv")(text)


_side = _whole(1, LARGEST_SIDE), f"a whole number from 1 to {LARGEST_SIDE}"
_part = _number(0, 1), "a number from 0 to 1, with two decimals at most"
_name_of = "letters, digits, _ and -"
_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "w": _side,
    "h": _side,
    "fit": (_one_of(*FITS), ", ".join(FITS)),
    "crop": (_crop, f"{', '.join(GRAVITIES)}, or two edges that meet, as in top,left"),
    "fp-x": _part,
    "fp-y": _part,
    "bg": (_colour, "a colour, as in f80 or ff8800"),
    "dpr": (_number(1, LARGEST_DPR), f"a number from 1 to {LARGEST_DPR:g}, with two decimals at most"),
    "fm": (_one_of(*FORMATS), ", ".join(FORMATS)),
    "q": (_whole(1, 100), "a whole number from 1 to 100"),
    "auto": (_several_of("format", "compress"), "format, compress or format,compress"),
    "blur": (_number(0.1, STRONGEST_BLUR), f"a number of pixels from 0.1 to {STRONGEST_BLUR:g}"),
    "sharp": (_whole(1, STRONGEST_SHARP), f"a whole number from 1 to {STRONGEST_SHARP}"),
    "rot": (_whole(0, 359), "whole degrees from 0 to 359, clockwise"),
    "flip": (_flip, "h, v or hv"),
    "rect": (_rect, "x,y,width,height in pixels, as in 10,20,300,200"),
    "frame": (_whole(1, LAST_FRAME), f"a whole number from 1 to {LAST_FRAME}"),
    "lqip": (_one_of(*LQIPS), ", ".join(LQIPS)),
    "enlarge": (_yes, "true or false"),
    "meta": (_one_of("keep", "strip"), "keep or strip"),
    "p": (_name, f"a preset's name, of {_name_of}"),
    "v": (_name, f"up to {SHOWN} {_name_of}"),
    "expires": (_whole(0, 99_999_999_999), "a time in whole seconds since 1970"),
    "s": (_name, "the signature that nbmon sign gives"),
}
PARAMETERS = tuple(_READERS)
# A query with none of these is left alone. `v`, `s` and `expires` alone are others' as often as ours.
_OURS = frozenset(name.encode() for name in _READERS) - {b"v", b"s", b"expires"}
_BESIDE = frozenset(("p", "v", "s", "expires"))


def _put_together(values: dict[str, Any], presets: Mapping[str, Recipe]) -> Asked:
    own = values.keys() - _BESIDE
    beside = values.get("v", ""), values.get("expires")
    if (name := values.get("p")) is not None:
        if own:
            raise BadRecipe(f"p={name} stands for a whole recipe; {min(own)} cannot be given beside it.")
        if name not in presets:
            raise BadRecipe(f"There is no preset {_shown(name)} here.")
        return Asked(presets[name], name, *beside)
    return Asked(_checked(_recipe({key: values[key] for key in own})), "", *beside)


def _recipe(values: dict[str, Any]) -> Recipe:
    auto = values.pop("auto", ())
    values["meta"] = values.pop("meta", "strip") == "keep"
    fields = {key.replace("-", "_"): value for key, value in values.items()}
    return Recipe(auto_format="format" in auto, auto_compress="compress" in auto, **fields)


def _checked(recipe: Recipe) -> Recipe:
    for wrong, sentence in _SENSELESS:
        if wrong(recipe):
            raise BadRecipe(sentence)
    if any(side is not None and side > LARGEST_SIDE for side in recipe.box()):
        raise BadRecipe(f"w and h times dpr are {LARGEST_SIDE} at most; ask for less.")
    return recipe


_SENSELESS: tuple[tuple[Callable[[Recipe], bool], str], ...] = (
    (
        lambda r: r.fit in ("crop", "fill") and (r.w is None or r.h is None),
        "fit=crop and fit=fill need both w and h.",
    ),
    (lambda r: r.fit == "max" and r.w is r.h is None, "fit=max needs w or h."),
    (lambda r: r.fit == "max" and r.enlarge, "fit=max never enlarges; leave out one of fit and enlarge."),
    (lambda r: bool(r.crop) and r.fit != "crop", "crop needs fit=crop."),
    (
        lambda r: (r.fp_x is not None or r.fp_y is not None) and r.crop != ("focalpoint",),
        "fp-x and fp-y need crop=focalpoint.",
    ),
    (
        lambda r: r.crop == ("focalpoint",) and (r.fp_x is None or r.fp_y is None),
        "crop=focalpoint needs fp-x and fp-y.",
    ),
    (lambda r: r.dpr != 1 and r.w is r.h is None, "dpr needs w or h."),
    (lambda r: r.fm is not None and r.auto_format, "fm and auto=format contradict each other."),
    (lambda r: r.fm in ("png", "gif") and r.q is not None, "q is for jpg, webp and avif."),
    (
        lambda r: bool(r.lqip) and r.changed().keys() - {"lqip", "rect", "rot", "flip", "frame"} != set(),
        "lqip goes with rect, rot, flip and frame alone.",
    ),
)
