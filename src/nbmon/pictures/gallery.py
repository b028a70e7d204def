"""What the page of one folder shows: sub-folders, pictures, other files, in order, a page at a time.

Reads the folder (through `Folder` alone) and gives plain values; how they look is the template's affair.
All work is bounded: names read, pictures measured, sub-folders counted.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from nbmon.pictures.asked import SORTS, Asked
from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.cache.colours import Colours
from nbmon.pictures.facts import Known
from nbmon.pictures.folder import MAX_COUNTED, Folder, Names
from nbmon.pictures.kinds import BY_SUFFIX, SHOWN, SVG, film_by_name, picture_by_name, suffix_of
from nbmon.pictures.listing import Contents, Lists, contents, is_tile, read_contents
from nbmon.pictures.names import bytes_for_people, described, natural, readable
from nbmon.pictures.paths import encode
from nbmon.pictures.processing.readers import readable_kinds
from nbmon.pictures.processing.urls import Links
from nbmon.pictures.tints import classes
from nbmon.pictures.tokens import token
from nbmon.pictures.words import EN, Words

ON_A_PAGE = 200  # folders, pictures and files together
COUNTED_ON_A_PAGE = 10_000  # names looked at in all sub-folders of a page; then no more are counted
COVERS = 3  # pictures that stand for a sub-folder
SMALL_SIDE = 200  # pixels: a picture with no side above this is not blown up

ROW = 320  # pixels: height of a picture in a row, and what it may be wide
LONGEST = 1_280
COVER = (480, 360)  # pixels
FINE = 2  # device pixels to a pixel, on most phones and good screens

RATIO_STEP = 5  # hundredths: ratios of width to height are classes of the stylesheet, rounded to this
NARROWEST, WIDEST = 40, 360  # hundredths; beyond, a tile shows the middle of its picture
FILM_RATIO = 180  # hundredths; nobody has looked into the film
UNKNOWN_RATIO = 135

GIF = b"image/gif"


class Crumb(NamedTuple):
    """One step of the way from the top to here."""

    name: str
    href: str


class SubFolder(NamedTuple):
    """A folder within; `covers` are the sources of its first pictures."""

    name: str
    href: str
    holds: str
    covers: list[Source]


class Source(NamedTuple):
    """What an <img> loads, and what it loads on a fine screen instead (or nothing).

    Without `src`, nothing can show it here.
    """

    src: str
    fine: str
    tint: str = ""  # classes of the stylesheet: the colours of what comes, where they are known


class Picture(NamedTuple):
    """A picture or film on the page; `width` and `height` are 0 where the header does not tell."""

    name: str
    value: str  # a short stand-in for its path, for the form with which pictures are chosen
    view: str  # reference of its own page
    alt: str
    source: Source
    width: int
    height: int
    shape: str  # class of the stylesheet
    film: bool
    kind: str  # as people call it, where nothing can show it


class OtherFile(NamedTuple):
    """Any other file."""

    name: str
    href: str
    kind: str
    size: str


class Gallery(NamedTuple):
    """One page of a folder."""

    t: Words
    title: str
    crumbs: list[Crumb]
    to_top: str  # relative reference of the top folder
    here: str  # the folder's path as in its URL, which is what the page's script asks for anew
    summary: str
    folders: list[SubFolder]
    pictures: list[Picture]
    others: list[OtherFile]
    page: int
    pages: int
    first: int  # number of the first picture of this page, from 1
    total: int  # pictures on all pages
    before: int  # what stands on the pages before the first picture
    each: int  # how much stands on a page
    complete: bool
    note: str
    asked: Asked
    sorts: list[tuple[str, str, str]]  # key, words, reference
    downloads: str  # reference of all that is shown, as one file


class Setting(NamedTuple):
    """What all pages of a server have in common."""

    folder: Folder
    known: Known
    links: Links | None = None  # of processed pictures; None: originals are shown
    show_location: bool = False
    lists: Lists | None = None  # of large folders
    colours: Colours | None = None  # of pictures that were made small before


def pages_of(held: Contents) -> int:
    """How many pages the folder fills; an empty one fills one."""
    return max(1, -(-held.total // ON_A_PAGE))


def gallery(
    setting: Setting, where: list[bytes], held: Contents, asked: Asked, t: Words = EN, *, note: str = ""
) -> Gallery:
    """The page that is asked for of the folder at the segments `where`, whose arranged list is `held`."""
    depth = len(where)
    names = [setting.folder.title, *(readable(name) for name in where)]
    folders, pictures, others = on_page(held, asked.page)
    budget, under = _Budget(), under_of(where)
    return Gallery(
        t=t,
        title=names[-1],
        crumbs=[Crumb(name, "../" * (depth - level)) for level, name in enumerate(names[:-1])],
        to_top="../" * depth or "./",
        here=quote_from_bytes(under),
        summary=_summary(held, t),
        folders=[_sub_folder(setting, where, name, budget, t) for name in folders],
        pictures=[_picture(setting, where, name, asked) for name in pictures],
        others=[_other(setting.folder, where, name, t) for name in others],
        page=asked.page,
        pages=pages_of(held),
        first=max(0, (asked.page - 1) * ON_A_PAGE - len(held.folders)) + 1,
        total=len(held.pictures),
        before=len(held.folders),
        each=ON_A_PAGE,
        complete=held.complete,
        note=note,
        asked=asked,
        sorts=[(key, t(key), asked.href(sort=key, page=1)) for key in SORTS],
        downloads=asked.href(page=1).replace("./?", "./?zip&") if asked.list() != Asked() else "./?zip",
    )


def under_of(where: list[bytes]) -> bytes:
    """The decoded path of the folder, as `a/b/`; empty at the top."""
    return b"".join(name + b"/" for name in where)


def on_page(held: Contents, page: int) -> list[list[bytes]]:
    """The part of each list that stands on the page, when they are laid end to end."""
    begin = (page - 1) * ON_A_PAGE
    parts = []
    for names in (held.folders, held.pictures, held.others):
        parts.append(list(names[max(0, begin) : max(0, begin + ON_A_PAGE)]))
        begin -= len(names)
    return parts


def _summary(held: Contents, t: Words) -> str:
    """`2 folders, 7 pictures, 1 other file`, without what there is none of."""
    films = held.films
    parts = (
        (len(held.folders), "folder"),
        (len(held.pictures) - films, "picture"),
        (films, "film"),
        (len(held.others), "other"),
    )
    return t.comma.join(t.counted(number, what) for number, what in parts if number)


class _Budget:
    """How many names may still be looked at for the sake of counts."""

    def __init__(self) -> None:
        self.left = COUNTED_ON_A_PAGE


def _sub_folder(setting: Setting, where: list[bytes], name: bytes, budget: _Budget, t: Words) -> SubFolder:
    href = encode(name) + "/"
    inside = [*where, name]
    if budget.left <= 0:
        return SubFolder(readable(name), href, "", [])
    try:
        with setting.folder.open(inside) as entry:
            names = setting.folder.names(entry, inside, min(MAX_COUNTED, budget.left))
    except (NotHere, Unavailable):  # gone meanwhile, or not readable
        return SubFolder(readable(name), href, t("not_readable"), [])
    budget.left -= 1 + len(names.files) + len(names.folders)
    pictures = [name for name in names.files if picture_by_name(name)]
    shown = (name for name in pictures if can_show(setting, name))
    covers = [_cover(setting, where, name, picture) for picture in nsmallest(COVERS, shown, key=natural)]
    films = sum(map(film_by_name, names.files))
    return SubFolder(readable(name), href, _holds(names, len(pictures), films, t), covers)


def _cover(setting: Setting, where: list[bytes], name: bytes, picture: bytes) -> Source:
    width, height = COVER
    path = [*where, name, picture]
    version = setting.known.get(path).version if setting.links else ""
    return source(setting, where, name + b"/" + picture, version, (width, height), fit="crop")


def _holds(names: Names, pictures: int, films: int, t: Words) -> str:
    more = not names.complete
    if pictures or films:
        what = ((pictures, "picture"), (films, "film"))
        return t.comma.join(t.counted(number, name, more=more) for number, name in what if number)
    if names.folders:
        return t.counted(len(names.folders), "folder", more=more)
    return t.counted(len(names.files), "file", more=more) if names.files else t("is_empty")


def source(
    setting: Setting, where: list[bytes], name: bytes, version: str, box: tuple[int, int], **more: str
) -> Source:
    """What stands for the picture within that box: made smaller by the server, or as it is."""
    href = reference(name)
    kind = BY_SUFFIX.get(suffix_of(name), b"")
    if not made_small(setting, kind):
        return Source(href if kind in SHOWN else "", "")
    more = {"auto": "format", **more} | ({"v": version} if version else {})
    more |= (
        {"frame": "1"} if kind == GIF else {}
    )  # a page on which much moves is hard to look at, and to make
    under = under_of(where)
    width, height = box
    assert setting.links is not None  # else nothing is made small
    colours = setting.colours.get(version) if setting.colours is not None else None
    return Source(
        setting.links.thumbnail(href, width, height, under=under, **more),
        setting.links.thumbnail(href, FINE * width, FINE * height, under=under, **more),
        classes(colours) if colours else "",
    )


def made_small(setting: Setting, kind: bytes) -> bool:
    """Whether the server sends pictures of that kind in other sizes and formats."""
    return setting.links is not None and kind != SVG and kind in readable_kinds()


def can_show(setting: Setting, name: bytes) -> bool:
    """Whether a browser can be shown the picture of that name."""
    kind = BY_SUFFIX.get(suffix_of(name), b"")
    return kind in SHOWN or made_small(setting, kind)


def reference(name: bytes) -> str:
    """A relative reference to the path `name`, of one segment or several."""
    return "./" + "/".join(quote_from_bytes(segment, safe="") for segment in name.split(b"/"))


def shape_of(width: int, height: int) -> int:
    """The ratio of width to height in hundredths, as the stylesheet knows it; of nothing, a usual one."""
    if not width or not height:
        return UNKNOWN_RATIO
    exact = min(WIDEST, max(NARROWEST, 100 * width / height))
    return RATIO_STEP * round(exact / RATIO_STEP)


def _picture(setting: Setting, where: list[bytes], name: bytes, asked: Asked) -> Picture:
    film = film_by_name(name)
    facts = setting.known.get([*where, *name.split(b"/")])
    width, height = (0, 0) if film else (facts.width, facts.height)
    shape = f"r{FILM_RATIO if film else shape_of(width, height)}"
    if 0 < max(width, height) <= SMALL_SIDE:
        shape = "small"
    elif not width and not film:
        shape = f"{shape} unmeasured"
    shown = source(setting, where, name, facts.version, (LONGEST, ROW))
    if shown.tint and width and shape != "small":
        shape = f"{shape} {shown.tint}"
    return Picture(
        readable(name),
        token(name),
        asked.href(view=name, page=1),
        described(name),
        shown,
        width,
        height,
        shape,
        film,
        label(name),
    )


def label(name: bytes) -> str:
    """The file's suffix as people write it: `HEIC`."""
    return readable(suffix_of(name)).upper() if 0 < len(suffix_of(name)) <= 8 else ""


def _other(folder: Folder, where: list[bytes], name: bytes, t: Words) -> OtherFile:
    return OtherFile(readable(name), encode(name), label(name), _length(folder, [*where, name], t))


def _length(folder: Folder, path: list[bytes], t: Words) -> str:
    try:
        return bytes_for_people(folder.look(path).st_size)
    except (NotHere, Unavailable):
        return t("not_readable")


__all__ = ["Contents", "Gallery", "Setting", "contents", "gallery", "is_tile", "pages_of", "read_contents"]
