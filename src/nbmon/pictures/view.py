"""The page of one picture or film: itself, its neighbours in the list, what is known of it.

Plain values again; the template shows them, and the page's script shows the same piece of HTML above the
folder's page.
"""

from __future__ import annotations

from typing import NamedTuple

from nbmon.pictures.asked import Asked
from nbmon.pictures.beneath import NotHere
from nbmon.pictures.exif import Shot, exif_of, shot_of
from nbmon.pictures.facts import ahead, facts_of, local, seconds, shown
from nbmon.pictures.folder import Entry
from nbmon.pictures.gallery import (
    GIF,
    ON_A_PAGE,
    Setting,
    Source,
    can_show,
    label,
    made_small,
    reference,
    under_of,
)
from nbmon.pictures.kinds import BY_SUFFIX, SHOWN, film_by_name, suffix_of
from nbmon.pictures.listing import Contents, is_tile
from nbmon.pictures.names import bytes_for_people, described, readable
from nbmon.pictures.words import Words

SIDES = (960, 1440, 2160)  # pixels: boxes in which a picture is offered, for screens of all sizes
USUAL = 1  # of these, for browsers that do not choose


class Whole(NamedTuple):
    """One picture, to fill the window."""

    src: str
    srcset: str
    width: int
    height: int
    alt: str


class View(NamedTuple):
    """The page of one picture."""

    t: Words
    asked: Asked
    title: str
    to_top: str
    picture: Whole | None  # None: a film, or what nothing can show here
    film: bool
    href: str  # the file as it is
    kind: str  # as people call it
    number: int
    total: int
    previous: str  # references of the neighbours' pages; empty at the ends
    next: str
    first: str
    last: str
    near: list[Whole]  # the neighbours' pictures, for the script to load ahead
    up: str  # reference of the page of the folder that shows it
    facts: list[tuple[str, str]]
    map: str  # where it was taken, for a map


def view(setting: Setting, where: list[bytes], held: Contents, asked: Asked, t: Words) -> View:
    """The page of the picture `asked.view`; NotHere if the list does not hold it."""
    name = asked.view
    if not is_tile(name):
        raise NotHere
    try:
        at = held.pictures.index(name)
    except ValueError:
        raise NotHere from None
    with setting.folder.open([*where, *name.split(b"/")]) as entry:
        if entry.is_folder:
            raise NotHere
        shot, facts, size = _read(entry, name, t, place=setting.show_location)
    around = [held.pictures[n] for n in (at - 1, at + 1) if 0 <= n < len(held.pictures)]
    return View(
        t=t,
        asked=asked,
        title=readable(name.rpartition(b"/")[2]),
        to_top="../" * len(where) or "./",
        picture=_whole(setting, where, name, size) if can_show(setting, name) else None,
        film=film_by_name(name),
        href=reference(name),
        kind=label(name),
        number=at + 1,
        total=len(held.pictures),
        previous=asked.href(view=held.pictures[at - 1]) if at > 0 else "",
        next=asked.href(view=held.pictures[at + 1]) if at + 1 < len(held.pictures) else "",
        first=asked.href(view=held.pictures[0]) if at > 0 else "",
        last=asked.href(view=held.pictures[-1]) if at + 1 < len(held.pictures) else "",
        near=[_near(setting, where, name) for name in around if can_show(setting, name)],
        up=asked.href(page=(len(held.folders) + at) // ON_A_PAGE + 1) + f"#p{at + 1}",
        facts=facts,
        map=f"{shot.place[0]:.5f},{shot.place[1]:.5f}" if shot.place else "",
    )


def _near(setting: Setting, where: list[bytes], name: bytes) -> Whole:
    facts = setting.known.get([*where, *name.split(b"/")])
    return _whole(setting, where, name, (facts.width, facts.height))


def _whole(setting: Setting, where: list[bytes], name: bytes, size: tuple[int, int]) -> Whole:
    href, (width, height) = reference(name), size
    kind = BY_SUFFIX.get(suffix_of(name), b"")
    alt = described(name.rpartition(b"/")[2])
    if not made_small(setting, kind) or kind == GIF or (not width and kind in SHOWN):
        return Whole(href, "", width, height, alt)
    assert setting.links is not None  # else nothing is made small
    version = setting.known.get([*where, *name.split(b"/")]).version
    more = {"auto": "format"} | ({"v": version} if version else {})
    made: list[tuple[Source, int]] = []
    for side in SIDES:
        url = setting.links.thumbnail(href, side, side, under=under_of(where), **more)
        made.append((Source(url, ""), round(width * min(1, side / max(width, height, 1)))))
        if 0 < max(width, height) <= side:
            break
    srcset = ", ".join(f"{source.src} {wide}w" for source, wide in made)
    return Whole(
        made[min(USUAL, len(made) - 1)][0].src, srcset if width and len(made) > 1 else "", width, height, alt
    )


def _read(
    entry: Entry, name: bytes, t: Words, *, place: bool
) -> tuple[Shot, list[tuple[str, str]], tuple[int, int]]:
    """How it was taken, all that is told of it, and its size."""
    status = entry.status
    first, last = (t("file"), readable(name)), (t("changed"), shown(local(status.st_mtime)))
    length = bytes_for_people(status.st_size)
    if film_by_name(name):
        return Shot(), [first, (t("dimensions"), length), last], (0, 0)
    try:
        read = ahead(entry.read)
        size, shot = facts_of(read, status)[:2], shot_of(exif_of(read), place=place)
    except OSError:  # the disk fails: the picture's name at least
        size, shot = (0, 0), Shot()
    if all(size):
        length = f"{t('pixels', *size)}, {length}"
    return shot, [first, (t("dimensions"), length), *_told(shot, t), last], size


def _told(shot: Shot, t: Words) -> list[tuple[str, str]]:
    parts = (
        f"{exposure(shot.exposure)} s" if shot.exposure else "",
        f"f/{shot.aperture:.3g}" if shot.aperture else "",
        f"ISO {shot.speed}" if shot.speed else "",
        f"{shot.focal:.3g} mm" if shot.focal else "",
    )
    rows = (
        (t("taken"), shown(seconds(shot.taken)) if shot.taken else ""),
        (t("camera"), shot.camera),
        (t("lens"), shot.lens),
        (t("exposure"), ", ".join(filter(None, parts))),
        (t("place"), _degrees(shot.place)),
    )
    return [row for row in rows if row[1]]


def exposure(time: float) -> str:
    """`1/250`, `0.5`, `30`, as cameras show it."""
    return f"1/{round(1 / time)}" if 0 < time < 0.3 else f"{time:.3g}"


def _degrees(place: tuple[float, float] | None) -> str:
    if place is None:
        return ""
    north, east = place
    return f"{abs(north):.5f}° {'N' if north >= 0 else 'S'}, {abs(east):.5f}° {'E' if east >= 0 else 'W'}"
