"""The process that keeps the index: woken by changes, one for each folder, ended by SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbmon.pictures import Folder
from nbmon.pictures.index import Index, worker, writing
from nbmon.pictures.index.tables import opened_to_write
from nbmon.pictures.index.writing import is_large_within
from nbmon.pictures.listing import state_of
from support.proc import GROSS_HANG, wait_until

KEEP = """
import sys
from nbmon.pictures.index import worker, writing
writing.SMALL, worker.SETTLED_AFTER, writing.SETTLED_AFTER, worker.RETRY = 10, 0.05, 0.05, 0.05
worker.run(sys.argv[1], sys.argv[2])
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number}.jpg").touch()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "index.sqlite"


@pytest.fixture
def keep(place: Path, file: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def keep() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", KEEP, place, file]))
        return started[-1]

    yield keep
    for one in started:
        one.kill()
        one.wait(GROSS_HANG)


def count(place: Path, file: Path) -> int | None:
    """How many pictures the index has of the folder as it is now; None if it does not know it so."""
    with Folder(place) as folder, folder.open([]) as entry:
        held = Index(str(file)).contents(state_of(entry))
        return None if held is None else len(held.pictures)


def test_it_follows_what_happens_in_the_folder(keep, place: Path, file: Path) -> None:
    keep()
    wait_until(lambda: count(place, file) == 50)
    (place / "new.jpg").touch()
    wait_until(lambda: count(place, file) == 51)
    (place / "new.jpg").unlink()
    wait_until(lambda: count(place, file) == 50)


def test_a_killed_one_leaves_nothing_that_hinders_the_next(keep, place: Path, file: Path) -> None:
    first = keep()
    wait_until(lambda: count(place, file) == 50)
    first.send_signal(signal.SIGKILL)
    first.wait(GROSS_HANG)
    (place / "while down.jpg").touch()
    keep()
    wait_until(lambda: count(place, file) == 51)


def test_of_two_for_one_folder_the_second_takes_over(keep, place: Path, file: Path) -> None:
    first = keep()
    wait_until(lambda: count(place, file) == 50)
    second = keep()
    first.terminate()
    assert first.wait(GROSS_HANG) == 0
    (place / "new.jpg").touch()
    wait_until(lambda: count(place, file) == 51)
    assert second.poll() is None


def test_a_damaged_file_is_made_anew(keep, place: Path, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"no database " * 1000)
    keep()
    wait_until(lambda: count(place, file) == 50)


def test_a_file_of_another_version_is_made_anew(keep, place: Path, file: Path) -> None:
    file.parent.mkdir()
    connection = opened_to_write(str(file))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    keep()
    wait_until(lambda: count(place, file) == 50)


def test_only_its_owner_may_look_into_it(keep, place: Path, file: Path) -> None:
    keep()
    wait_until(lambda: count(place, file) == 50)
    assert os.stat(file.parent).st_mode & 0o077 == 0


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (worker, writing):
        monkeypatch.setattr(module, "SETTLED_AFTER", 0.05)
    monkeypatch.setattr(writing, "SMALL", 10)


def test_what_is_large_is_found_and_links_in_a_ring_end(quickly: None, place: Path) -> None:
    inner = place / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "ring").symlink_to("../..")
    with Folder(place) as folder:
        assert is_large_within(folder)
    for file in place.glob("*.jpg"):
        file.rename(inner / file.name)
    with Folder(place) as folder:
        assert is_large_within(folder)
    for file in inner.glob("*.jpg"):
        file.unlink()
    with Folder(place) as folder:
        assert not is_large_within(folder)


def test_without_a_large_folder_no_file_is_made(
    quickly: None, tmp_path: Path, file: Path, monkeypatch
) -> None:
    def slept(seconds: float) -> None:
        assert seconds == worker.LOOK_AGAIN
        raise InterruptedError

    monkeypatch.setattr(worker.time, "sleep", slept)
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "a.jpg").touch()
    with Folder(tmp_path / "few") as folder, pytest.raises(InterruptedError):
        worker._keep(folder, file)
    assert not file.parent.exists()


def test_a_file_that_nothing_large_needs_any_more_goes(quickly: None, keep, place: Path, file: Path) -> None:
    first = keep()
    wait_until(lambda: count(place, file) == 50)
    first.terminate()
    first.wait(GROSS_HANG)
    for picture in place.glob("*.jpg"):
        picture.unlink()
    with Folder(place) as folder:
        worker._keep(folder, file)
    assert not file.exists()
