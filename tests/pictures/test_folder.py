"""Names are resolved beneath the folder, whichever way the kernel allows; with real links, fifos, rights."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from nbmon.pictures import Folder, FolderError, NotHere, Unavailable, beneath
from nbmon.pictures.beneath import walk
from support.pictures import INSIDE, SECRET, as_a_common_user, descriptors, openings
from support.proc import GROSS_HANG

THERE = {
    "plain.txt": [b"plain.txt"],
    "in a folder": [b"deep", b"deeper", b"low.txt"],
    "a backslash": [b"a\\b.txt"],
    "a percent sign": [b"50% off.txt"],
    "a link": [b"in-file"],
    "a link to a link": [b"in-chain"],
    "beneath a linked folder": [b"in-folder", b"low.txt"],
    "a link up and down": [b"in-up"],
    "a link up to the top": [b"deep", b"in-top"],
    "an absolute link that stays inside": [b"in-absolute", b"deeper", b"low.txt"],
}
NOT_THERE = {
    "missing": [b"missing"],
    "up": [b".."],
    "up and back": [b"..", b"shown", b"plain.txt"],
    "up from below": [b"deep", b"..", b"plain.txt"],
    "here": [b".", b"plain.txt"],
    "a dotfile": [b".dotfile"],
    "in a hidden folder": [b".hidden", b"low.txt"],
    "a link to a hidden file": [b"to-hidden"],
    "an absolute path in a name": [b"/etc/passwd"],
    "an empty name, then an absolute one": [b"", b"/etc/passwd"],
    "a path in a name": [b"deep/../../secret"],
    "a NUL": [b"plain.txt\0.jpg"],
    "a link out": [b"out-file"],
    "a link above the top, to a name that is also at the top": [b"out-above"],
    "a linked folder out": [b"out-folder", b"secret"],
    "an absolute link out": [b"out-absolute"],
    "a link out and in again": [b"out-and-in"],
    "an absolute link to a sibling of the same beginning": [b"out-sibling"],
    "a link to the root": [b"out-root", b"etc", b"passwd"],
    "a link two up": [b"deep", b"out-up"],
    "a loop": [b"loop"],
    "a loop of two": [b"loop-a"],
    "a magic link": [b"magic", b"etc", b"passwd"],
    "a magic link to a descriptor": [b"magic-fd"],
    "a dangling link": [b"dangling"],
    "a link through a file": [b"through-file"],
    "a file as a folder": [b"plain.txt", b""],
    "a file within a file": [b"plain.txt", b"x"],
    "a fifo": [b"fifo"],
    "a socket": [b"socket"],
    "a name too long": [b"x" * 300],
    "a path too long": [b"x" * 200] * 40,
}


@pytest.mark.parametrize("segments", THERE.values(), ids=THERE.keys())
def test_what_is_inside_is_found(folder: Folder, segments: list[bytes]) -> None:
    with folder.open(segments) as entry:
        assert entry.read(0, 100) == INSIDE


@pytest.mark.parametrize("segments", NOT_THERE.values(), ids=NOT_THERE.keys())
def test_what_is_outside_hidden_or_no_file_is_not_there(folder: Folder, segments: list[bytes]) -> None:
    before = descriptors()
    with pytest.raises(NotHere):
        folder.open(segments)
    assert descriptors() == before


@pytest.mark.parametrize(
    "segments", [[], [b""], [b"deep"], [b"deep", b""], [b"in-folder", b""], [b"in-absolute"]]
)
def test_folders_are_found(folder: Folder, segments: list[bytes]) -> None:
    with folder.open(segments) as entry:
        assert entry.is_folder


def test_a_walk_by_hand_ends_at_a_hidden_name_by_itself(shown: Path) -> None:
    root = os.open(shown, os.O_PATH)
    try:
        with pytest.raises(NotHere):
            walk(root, [b".dotfile"])
    finally:
        os.close(root)


def test_a_listing_shows_what_can_be_opened_and_nothing_else(folder: Folder) -> None:
    with folder.open([]) as top:
        names = folder.names(top, [])
        again = folder.names(top, [])
    assert sorted(names.folders) == [b"deep", b"in-absolute", b"in-folder"]
    assert sorted(names.files) == [
        b"50% off.txt",
        b"a\\b.txt",
        b"in-chain",
        b"in-file",
        b"in-up",
        b"plain.txt",
    ]
    assert names.complete
    assert again.files == names.files


def test_a_listing_has_an_end(folder: Folder) -> None:
    with folder.open([]) as top:
        names = folder.names(top, [], limit=3)
    assert not names.complete
    assert len(names.files) + len(names.folders) <= 3


def test_names_that_are_not_utf8_are_names(tmp_path: Path) -> None:
    odd = b"\xff\xfe\xe9.jpg"
    with open(os.fsencode(tmp_path) + b"/" + odd, "wb") as file:
        file.write(INSIDE)
    with Folder(tmp_path) as folder, folder.open([]) as top, folder.open([odd]) as entry:
        assert folder.names(top, []).files == [odd]
        assert entry.read(0, 100) == INSIDE


def test_a_fifo_is_looked_at_and_never_opened(folder: Folder, shown: Path) -> None:
    """Opening it, even without blocking, would wake whoever waits to write into it."""
    with openings(shown / "fifo") as seen:
        with pytest.raises(NotHere):
            folder.open([b"fifo"])
        assert not seen()
        os.close(os.open(shown / "fifo", os.O_RDONLY | os.O_NONBLOCK))
        assert seen()


def become(path: Path, what: str) -> None:
    path.unlink()
    if what == "a fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("../secret")


@pytest.mark.parametrize("what", ["a link out", "a fifo"])
def test_a_file_that_turns_into_another_after_the_look_is_not_there(
    folder: Folder, shown: Path, what: str, monkeypatch
) -> None:
    open_by_hand, openat2 = os.open, beneath._openat2

    def late_open(name, flags, **rest):
        if flags == beneath.READ:
            become(shown / "plain.txt", what)
        return open_by_hand(name, flags, **rest)

    def late_openat2(root, name, how):
        if how == beneath._READ_AT:
            become(shown / "plain.txt", what)
        return openat2(root, name, how)

    before = descriptors()
    monkeypatch.setattr(beneath.os, "open", late_open)
    monkeypatch.setattr(beneath, "_openat2", late_openat2)
    with pytest.raises(NotHere):
        folder.open([b"plain.txt"])
    monkeypatch.undo()
    assert descriptors() == before


def test_an_absolute_link_to_a_sibling_is_not_cut_into_a_name_inside(folder: Folder, shown: Path) -> None:
    (shown / "-too").mkdir()
    (shown / "-too" / "secret").write_bytes(INSIDE)
    with pytest.raises(NotHere):
        folder.open([b"out-sibling"])


SWAP = """
import os, sys
os.chdir(sys.argv[1])
print("swapping", flush=True)
while True:
    for one, other in (("here", "aside"), ("there", "here"), ("here", "there"), ("aside", "here")):
        os.rename(one, other)
"""


def test_a_name_swapped_for_a_link_out_leads_nowhere(folder: Folder, shown: Path) -> None:
    """A folder that turns into a link to the outside and back, many times, while it is being opened."""
    (shown / "here").mkdir()
    (shown / "here" / "secret").write_bytes(INSIDE)
    (shown / "there").symlink_to("../outside")
    with subprocess.Popen([sys.executable, "-c", SWAP, shown], stdout=subprocess.PIPE) as swapper:
        assert swapper.stdout
        swapper.stdout.readline()
        seen: Counter[bytes] = Counter()
        deadline = time.monotonic() + GROSS_HANG
        while seen.total() < 2000 or (len(seen) < 2 and time.monotonic() < deadline):
            try:
                with folder.open([b"here", b"secret"]) as entry:
                    seen[entry.read(0, 100)] += 1
            except NotHere:
                seen[b""] += 1
        swapper.kill()
    assert SECRET not in seen
    assert INSIDE in seen


def test_a_moved_folder_is_still_the_folder(folder: Folder, shown: Path) -> None:
    shown.rename(shown.parent / "moved")
    with folder.open([b"plain.txt"]) as entry:
        assert entry.read(0, 100) == INSIDE


def test_a_removed_folder_is_empty(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    with Folder(gone) as folder:
        gone.rmdir()
        with pytest.raises(NotHere):
            folder.open([b"plain.txt"])
        with folder.open([]) as top:
            assert folder.names(top, []).files == []


def test_what_may_not_be_read_is_not_there() -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "shown" / "closed").mkdir(parents=True)
        (place / "shown" / "unreadable.jpg").touch(mode=0)
        (place / "shown" / "closed").chmod(0)
        place.chmod(0o755)
        for by_hand in (False, True):
            with as_a_common_user(), Folder(place / "shown", by_hand=by_hand) as folder:
                for segments in ([b"unreadable.jpg"], [b"closed"], [b"closed", b"x"]):
                    with pytest.raises(NotHere):
                        folder.open(segments)


@pytest.mark.parametrize("by_hand", [False, True])
def test_without_descriptors_it_is_unavailable_not_absent(shown: Path, by_hand: bool) -> None:
    code = (
        "import os, resource, sys; from nbmon.pictures import Folder, Unavailable\n"
        f"folder = Folder(sys.argv[1], by_hand={by_hand})\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20)); held = []\n"
        "try:\n  while True: held.append(os.dup(0))\nexcept OSError: pass\n"
        "try: folder.open([b'plain.txt'])\nexcept Unavailable as why: print(why)\n"
        "os.close(held.pop()); os.close(held.pop())\n"
        "print(folder.open([b'plain.txt']).read(0, 100).decode())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, shown], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.splitlines() == [os.strerror(24), INSIDE.decode()]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "missing", "there is no folder"),
        (lambda p: p / "file", "is not a folder"),
        (lambda p: p / "file" / "x", "is not a folder"),
        (lambda p: "", "is no name of a folder"),
        (lambda p: "a\0b", "is no name of a folder"),
        (lambda p: p / ("x" * 300), "cannot be opened: File name too long"),
        (lambda p: p / "loop", "cannot be opened: Too many levels of symbolic links"),
    ],
)
def test_a_folder_that_cannot_be_shown_says_why(tmp_path: Path, make, says: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    before = descriptors()
    with pytest.raises(FolderError) as error:
        Folder(make(tmp_path))
    assert says in str(error.value)
    assert error.value.__cause__ is None
    assert descriptors() == before


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100])
def test_a_folder_without_the_right_to_list_and_enter_says_so(mode: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "closed").mkdir()
        if os.geteuid() == 0:
            os.chown(place / "closed", 65534, 65534)
        (place / "closed").chmod(mode)
        with as_a_common_user(), pytest.raises(FolderError, match="may not be read"):
            Folder(place / "closed")


def test_a_relative_folder_is_that_of_the_place_where_it_was_named(shown: Path, monkeypatch) -> None:
    monkeypatch.chdir(shown.parent)
    with Folder("shown") as folder:
        monkeypatch.chdir("/")
        assert folder.path == str(shown)
        assert folder.title == "shown"
        folder.open([b"plain.txt"]).close()


def test_a_closed_entry_is_closed_once_and_says_so(folder: Folder) -> None:
    entry = folder.open([b"plain.txt"])
    entry.close()
    entry.close()
    with pytest.raises(ValueError, match="closed"):
        entry.fileno()


def test_a_forgotten_entry_closes_itself(folder: Folder) -> None:
    before = descriptors()
    for _ in range(10):
        folder.open([b"plain.txt"])
    assert descriptors() == before


def test_very_deep_folders_by_hand_stop_at_a_bound(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    place = os.open(tmp_path, os.O_PATH)
    for _ in range(300):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_PATH, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    with (
        Folder(tmp_path, by_hand=True) as folder,
        pytest.raises((NotHere, Unavailable) if limit < 512 else NotHere),
    ):
        folder.open([b"d"] * 300)
