"""A folder with everything in it that a stranger could try to get out by, and a secret beside it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbmon.pictures import Folder, Pictures
from support.pictures import INSIDE, SECRET, Ask, asker


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """`tmp_path/shown`, with links of all sorts; `tmp_path/secret` is what must never be read."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(SECRET)
    folder = tmp_path / "shown"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in (
        "plain.txt",
        "deep/deeper/low.txt",
        ".dotfile",
        ".hidden/low.txt",
        "a\\b.txt",
        "50% off.txt",
    ):
        (folder / name).write_bytes(INSIDE)
    links = {
        "in-file": "plain.txt",
        "in-chain": "in-file",
        "in-folder": "deep/deeper",
        "in-up": "deep/../plain.txt",
        "in-absolute": str(folder / "deep"),
        "deep/in-top": "../plain.txt",
        "out-file": "../secret",
        "out-folder": "../outside",
        "out-absolute": str(tmp_path / "secret"),
        "out-and-in": "../shown/plain.txt",
        "out-sibling": str(tmp_path / "shown-too" / "secret"),
        "out-above": "../plain.txt",
        "out-root": "/",
        "deep/out-up": "../../secret",
        "to-hidden": ".hidden/low.txt",
        "loop": "loop",
        "loop-a": "loop-b",
        "loop-b": "loop-a",
        "magic": "/proc/self/root",
        "magic-fd": "/proc/self/fd/0",
        "dangling": "nowhere",
        "through-file": "plain.txt/..",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    (tmp_path / "shown-too").mkdir()
    (tmp_path / "shown-too" / "secret").write_bytes(SECRET)
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path is short
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    return folder


@pytest.fixture(params=[False, True], ids=["openat2", "by-hand"])
def folder(request: pytest.FixtureRequest, shown: Path) -> Iterator[Folder]:
    with Folder(shown, by_hand=request.param) as opened:
        if not request.param and not opened._openat2:
            pytest.skip("this kernel, or a filter before it, has no openat2")
        yield opened


@pytest.fixture
def ask(folder: Folder) -> Ask:
    return asker(Pictures(folder))
