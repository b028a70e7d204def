"""Copy on write, seen page by page; and the same with memory that is shared on purpose."""

from __future__ import annotations

import os

from nbmon.lab import proc
from nbmon.lab.experiment import Row
from nbmon.lab.experiments.memory.frames import Area, Page
from nbmon.lab.forked import Forked, Talk

PAGES = 8
MINE, THEIRS = 1, 2  # what the parent and the child write


def address_rows() -> list[Row]:
    """One address, read and written in parent and child: private memory, then shared."""
    return [_address(shared) for shared in (False, True)]


def _address(shared: bool) -> Row:
    area = Area(1, shared)

    def life(talk: Talk) -> None:
        talk.say([area.address, area.value()])
        area.touch(range(1), THEIRS)
        talk.say(area.value())

    with Forked(life) as child:
        address, before = child.talk.hear()
        theirs = child.talk.hear()
        return {
            "part": "one address, two processes",
            "memory": "shared mapping" if shared else "private",
            "address": f"{address:#x}",
            "same_address": address == area.address,
            "child_before": before,
            "child_after_its_write": theirs,
            "parent_after_it": area.value(),
            "one_memory": area.value() == theirs,
        }


def page_rows(shared: bool = False) -> list[Row]:
    """For each page: does the same frame lie behind it in both processes, before and after the child's write?

    The child writes every other page. Where the page map is refused, there are no rows.
    """
    area = Area(PAGES, shared)
    written = range(0, PAGES, 2)

    def life(talk: Talk) -> None:
        for at in range(PAGES):
            area.value(at)  # fork leaves the entries of a shared mapping to be made at the first use
        talk.say([_plain(page) for page in area.pages()])
        talk.hear()
        area.touch(written, THEIRS)
        talk.say([_plain(page) for page in area.pages()])
        talk.hear()

    try:
        area.pages()
    except OSError:
        return []  # refused, or not built into this kernel
    with Forked(life) as child:
        before = _pairs(area, child)
        child.talk.say("write")
        after = _pairs(area, child)
    return [_row(at, at in written, before[at], after[at], shared) for at in range(PAGES)]


def _plain(page: Page) -> list[int]:
    return [page.present, page.alone, page.frame]


def _pairs(area: Area, child: Forked) -> list[tuple[Page, Page]]:
    """The pages of both, looked at while both are there."""
    theirs = [Page(bool(one), bool(two), frame) for one, two, frame in child.talk.hear()]
    return list(zip(area.pages(), theirs, strict=True))


def _row(at: int, wrote: bool, before: tuple[Page, Page], after: tuple[Page, Page], shared: bool) -> Row:
    return {
        "part": f"page by page, {'a shared mapping' if shared else 'private memory'}",
        "page": at,
        "child_wrote": wrote,
        "common_before": common(*before),
        "common_after": common(*after),
        "frame_parent": _frame(after[0]),
        "frame_child": _frame(after[1]),
    }


def common(one: Page, other: Page) -> bool:
    """Whether two processes have one frame: by its number; where that is hidden, neither is alone on it."""
    if one.frame and other.frame:
        return one.frame == other.frame
    return one.present and other.present and not one.alone and not other.alone


def _frame(page: Page) -> str:
    return f"{page.frame:#x}" if page.frame else "hidden"


def rollup_row(megabytes: int = 16) -> Row:
    """The same by smaps_rollup, which needs no privilege: memory that the child writes becomes its own."""
    area = Area(megabytes * 1024 * 1024 // os.sysconf("SC_PAGE_SIZE"))
    half = range(area.count // 2)

    def life(talk: Talk) -> None:
        before = proc.smaps()
        area.touch(half, THEIRS)
        after = proc.smaps()
        talk.say([after[key] - before[key] for key in ("Private_Dirty", "Shared_Dirty", "Rss")])

    with Forked(life) as child:
        private, shared, resident = child.talk.hear()
    return {
        "part": "half of it written, by smaps_rollup",
        "memory_bytes": megabytes * 1024 * 1024,
        "written_bytes": len(half) * os.sysconf("SC_PAGE_SIZE"),
        "became_private_bytes": private,
        "shared_changed_bytes": shared,
        "resident_changed_bytes": resident,
    }
