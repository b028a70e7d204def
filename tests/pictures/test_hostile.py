"""Pictures that mean harm: each has its answer, soon, and plain pictures are made before and after it."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from nbmon.pictures.darkroom.limits import Limits
from support.darkroom import Room, content, result
from support.hostile import MAKERS, SUFFIXES, flipped, good

# What the darkroom itself answers; the server refuses much of it before that, by the header.
MADE = {
    "900-large-frames.gif",  # of which a JPEG is made, so of the first frame
    "bomb-99-megapixels-allowed.png",
    "claims-90-megapixels-with-200-lines.jpg",
    "directory-loop.tif",
    "exif-loop.jpg",
    "page-behind.jpg",
    "thousands-of-scans.jpg",
    "too-much-data.png",
}
EITHER = {
    name
    for name in MAKERS
    if name.startswith(("cut.", "flipped.", "header.", "20000", "boxes", "claims-268"))
}
EITHER |= {"bomb-text-chunk.png", "bomb-profile.png"}


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    one = Room()
    yield one
    errors = one.close()
    assert "Traceback" not in errors


@pytest.mark.parametrize("name", MAKERS)
def test_what_means_harm_costs_one_answer(room: Room, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(MAKERS[name]())
    begin = time.monotonic()
    made = room.make(path, "w=100")
    assert time.monotonic() - begin < Limits().seconds  # none needs the deadline
    status = made.reply.status
    assert status in ((200, 422) if name in EITHER else (200,) if name in MADE else (422,)), made
    if status == 200:
        with Image.open(io.BytesIO(content(made))) as picture:
            assert picture.width <= 100
    else:
        assert made.reply.sentence.endswith(".")
    assert room.program.poll() is None


def test_an_animation_without_end_is_refused_at_once(room: Room, tmp_path: Path) -> None:
    for name in ("20000-frames.gif", "900-large-frames.gif"):
        path = tmp_path / name
        path.write_bytes(MAKERS[name]())
        reply = room.make(path, "w=10", "gif").reply
        assert (reply.status, "too many frames" in reply.sentence) == (422, True)
        assert reply.took < 10


def test_harm_takes_no_more_memory_than_one_picture_may(tmp_path: Path) -> None:
    one = Room(limits={"pixels": 1_000_000})
    try:
        for name in ("bomb-99-megapixels-allowed.png", "bomb-text-chunk.png", "too-much-data.png"):
            path = tmp_path / name
            path.write_bytes(MAKERS[name]())
            assert one.make(path, "w=100").reply.status in (200, 422)
        status = Path(f"/proc/{one.program.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        assert peak < 200_000  # kB, of the broker, which decodes nothing
    finally:
        one.close()


FUZZED = 25  # of each format


@pytest.mark.parametrize("fm", SUFFIXES)
def test_changed_bytes_are_answered(room: Room, tmp_path: Path, fm: str) -> None:
    seed = random.randrange(1 << 30)
    data = good(fm, (60, 40))
    waiting = []
    for number in range(FUZZED):
        path = tmp_path / f"{number}.{SUFFIXES[fm]}"
        path.write_bytes(flipped(data, 1 + number // 2, seed + number))
        waiting.append(room.ask(path, "w=30", ("jpg", "webp", "gif")[number % 3]))
    for number, one in enumerate(waiting):
        made = result(one)
        assert made.reply.status in (200, 400, 422), (seed + number, made)
        if made.reply.status == 200:
            content(made)
