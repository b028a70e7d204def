"""Rendered pages, kept for a moment: a burst of requests for one folder reads and renders it once.

A page is used again only while its directory is as it was and FRESH_FOR has not passed; the second bound
is for what a directory's own times do not tell (a picture overwritten in place, a picture added to a
sub-folder).
"""

from __future__ import annotations

import gzip
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple, TypeVar

from nbmon.pictures.asked import Asked
from nbmon.pictures.beneath import NotHere
from nbmon.pictures.folder import Entry
from nbmon.pictures.gallery import Setting, gallery, pages_of
from nbmon.pictures.listing import Contents, Shelf, State, read_contents, state_of
from nbmon.pictures.page import render, render_view, tag_of
from nbmon.pictures.view import view
from nbmon.pictures.words import Words

FRESH_FOR = 0.5  # seconds; a change must be seen within one
MAX_PAGES = 64  # rendered pages kept
MAX_LISTS = 8  # sorted folders kept, each of at most folder.MAX_NAMES names
MAX_ARRANGED = 4  # lists in another order, or of what a search found, of as many names
ARRANGED_FOR = 5.0  # seconds that such a list is good for: it hangs on more than its directory's times
SETTLED_AFTER = (
    2.0  # seconds since a directory's last change until its times can be trusted to tell of the next
)
LEVEL = 5  # of gzip: beyond, pages hardly get smaller

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Page(NamedTuple):
    """A rendered page with its validators; `since` in seconds since 1970."""

    content: bytes
    packed: bytes  # the same, gzipped
    tag: bytes
    packed_tag: bytes
    since: int


class _Kept(NamedTuple):
    page: Page
    state: State
    until: float  # monotonic seconds


class _Arranged(NamedTuple):
    held: Contents
    until: float  # monotonic seconds


class Pages:
    """The pages of one folder and of all within."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._shelf = Shelf(setting.folder, setting.known, setting.lists)
        self._lock = threading.Lock()  # held for the bookkeeping alone, never while reading or rendering
        self._pages: OrderedDict[tuple[bytes, Asked, str], _Kept] = OrderedDict()
        self._lists: OrderedDict[State, Contents] = OrderedDict()
        self._arranged: OrderedDict[tuple[State, Asked], _Arranged] = OrderedDict()

    def get(self, entry: Entry, where: list[bytes], asked: Asked, t: Words) -> Page:
        """The page asked for of the open folder `entry` at `where`; NotHere beyond the last, Unavailable."""
        key, state = (b"/".join(where), asked, t.tag), state_of(entry)
        kept = self._pages.get(key)
        if kept and kept.state == state and time.monotonic() < kept.until:
            return kept.page
        content = self._render(entry, where, asked, t, state)
        page = kept.page if kept and kept.page.content == content else _page(content)
        self._keep(self._pages, key, _Kept(page, state, time.monotonic() + FRESH_FOR), MAX_PAGES)
        return page

    def _render(self, entry: Entry, where: list[bytes], asked: Asked, t: Words, state: State) -> bytes:
        held = self.held(entry, where, asked, state)
        if asked.view:
            return render_view(view(self._setting, where, held, asked, t))
        if asked.page > pages_of(held):
            raise NotHere
        note = t(str(held.note[0]), *held.note[1:]) if held.note else ""
        return render(gallery(self._setting, where, held, asked, t, note=note))

    def held(self, entry: Entry, where: list[bytes], asked: Asked, state: State | None = None) -> Contents:
        """The list that is asked for, in its order."""
        state = state or state_of(entry)
        plain = asked.list()
        key = (state, plain)
        arranged = self._arranged.get(key)
        if arranged and time.monotonic() < arranged.until:
            return arranged.held
        held = self._shelf.arranged(self._plain(entry, where, state), where, plain)
        if plain != Asked():
            self._keep(self._arranged, key, _Arranged(held, time.monotonic() + ARRANGED_FOR), MAX_ARRANGED)
        return held

    def _plain(self, entry: Entry, where: list[bytes], state: State) -> Contents:
        lists = self._setting.lists
        if lists is not None and (kept := lists.contents(state)) is not None:
            return kept
        held = self._listed(entry, where, state)
        if held.complete or lists is None:
            return held
        older = lists.contents(state, even_if_older=True)
        if older is not None:
            return older
        return held._replace(note=("counting", max(lists.seen(state) or 0, held.total)))

    def _listed(self, entry: Entry, where: list[bytes], state: State) -> Contents:
        held = self._lists.get(state)
        if held is None:
            held = read_contents(self._setting.folder, entry, where)
            if _settled(state) and state_of(entry) == state:
                self._keep(self._lists, state, held, MAX_LISTS)
        return held

    def _keep(self, kept: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
        with self._lock:
            kept[key] = value
            kept.move_to_end(key)
            while len(kept) > most:
                kept.popitem(last=False)


def _page(content: bytes) -> Page:
    packed = gzip.compress(content, LEVEL, mtime=0)
    return Page(content, packed, tag_of(content), tag_of(packed), int(time.time()))


def _settled(state: State) -> bool:
    """Whether a further change would get a later time; files' clocks tick in milliseconds."""
    return time.time() - state[3] / 1e9 > SETTLED_AFTER
