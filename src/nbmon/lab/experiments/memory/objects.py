"""What reference counts and the garbage collector do to pages that a forked child only reads."""

from __future__ import annotations

import gc
from collections.abc import Callable

from nbmon.lab import proc
from nbmon.lab.experiment import Row
from nbmon.lab.forked import Forked, Talk

OBJECTS = {True: 100_000, False: 400_000}  # by `quick`
FLAT = 16 * 1024 * 1024  # bytes of one object that holds no others

Data = tuple[list[list[int]], bytes]


def object_rows(quick: bool) -> list[Row]:
    """What each way of reading copied, of what the parent had."""
    data: Data = ([[at] for at in range(OBJECTS[quick])], bytes(FLAT))
    gc.collect()
    cases: list[tuple[str, Callable[[Data], None], bool]] = [
        ("nothing", lambda _data: None, False),
        ("one large bytes object is read", lambda data: _sum(data[1]), False),
        ("every object is read once", _read, False),
        ("the garbage collector runs", lambda _data: _collect(), False),
        ("the same after gc.freeze()", lambda _data: _collect(), True),
    ]
    return [_row(what, act, frozen, data) for what, act, frozen in cases]


def _sum(flat: bytes) -> None:
    flat.count(b"\1")


def _read(data: Data) -> None:
    """A loop takes a reference to each object, and so writes its count."""
    for _one in data[0]:
        pass


def _collect() -> None:
    """A collection writes into the head of every object that it tracks."""
    gc.collect()


def _row(what: str, act: Callable[[Data], None], frozen: bool, data: Data) -> Row:
    if frozen:
        gc.freeze()
    had = proc.smaps()

    def life(talk: Talk) -> None:
        before = proc.smaps()["Private_Dirty"]
        act(data)
        talk.say(proc.smaps()["Private_Dirty"] - before)

    try:
        with Forked(life) as child:
            copied = max(0, child.talk.hear())
    finally:
        if frozen:
            gc.unfreeze()
    held = had["Private_Dirty"] + had["Shared_Dirty"]
    share = min(1.0, copied / held)
    return {
        "part": "what a child copies that only reads",
        "child": what,
        "copied_bytes": copied,
        "of_bytes": held,
        "copied_share": round(share, 3),
    }
