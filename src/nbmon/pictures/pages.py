"""Rendered pages, kept for a moment: a burst of requests for one folder reads and renders it once.

A page is used again only while its directory is as it was and FRESH_FOR has not passed; the second bound
is for what a directory's own times do not tell (a picture overwritten in place, a picture added to a
sub-folder).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import NamedTuple, TypeVar

from nbmon.pictures.beneath import NotHere
from nbmon.pictures.folder import Entry, Folder
from nbmon.pictures.gallery import Contents, gallery, pages_of, read_contents
from nbmon.pictures.page import render, tag_of

FRESH_FOR = 0.5  # seconds; a change must be seen within one
MAX_PAGES = 64  # rendered pages kept
MAX_LISTS = 8  # sorted folders kept, each of at most folder.MAX_NAMES names
SETTLED_AFTER = (
    2.0  # seconds since a directory's last change until its times can be trusted to tell of the next
)

Key = TypeVar("Key")
Value = TypeVar("Value")
State = tuple[int, int, int, int]  # device, inode, mtime, ctime (nanoseconds)


class Page(NamedTuple):
    """A rendered page with its validators; `since` in seconds since 1970."""

    content: bytes
    tag: bytes
    since: int


class _Kept(NamedTuple):
    page: Page
    state: State
    until: float  # monotonic seconds


class Pages:
    """The pages of one folder and of all within."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._lock = threading.Lock()  # held for the bookkeeping alone, never while reading or rendering
        self._pages: OrderedDict[tuple[bytes, int], _Kept] = OrderedDict()
        self._lists: OrderedDict[State, Contents] = OrderedDict()

    def get(self, entry: Entry, where: list[bytes], number: int) -> Page:
        """Page `number`, from 1, of the open folder `entry` at `where`; NotHere beyond, Unavailable."""
        key, state = (b"/".join(where), number), _state(entry)
        kept = self._pages.get(key)
        if kept and kept.state == state and time.monotonic() < kept.until:
            return kept.page
        content = self._render(entry, where, number, state)
        tag = tag_of(content)
        unchanged = kept is not None and kept.page.tag == tag
        page = kept.page if kept and unchanged else Page(content, tag, int(time.time()))
        self._keep(self._pages, key, _Kept(page, state, time.monotonic() + FRESH_FOR), MAX_PAGES)
        return page

    def _render(self, entry: Entry, where: list[bytes], number: int, state: State) -> bytes:
        held = self._lists.get(state)
        if held is None:
            held = read_contents(self._folder, entry, where)
            if _settled(state) and _state(entry) == state:
                self._keep(self._lists, state, held, MAX_LISTS)
        if number > pages_of(held):
            raise NotHere
        return render(gallery(self._folder, where, held, number))

    def _keep(self, kept: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
        with self._lock:
            kept[key] = value
            kept.move_to_end(key)
            while len(kept) > most:
                kept.popitem(last=False)


def _state(entry: Entry) -> State:
    # Not entry.status, which is as old as the opening
    status = entry.look()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _settled(state: State) -> bool:
    """Whether a further change would get a later time; files' clocks tick in milliseconds."""
    return time.time() - state[3] / 1e9 > SETTLED_AFTER
