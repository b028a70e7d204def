"""The index of large folders: as true as the folder, in every order, after whatever has happened to it."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nbmon.pictures import Folder, Pictures, listing, pages
from nbmon.pictures.index import Index, index_file, tables, writing
from nbmon.pictures.index.tables import Unusable, opened_to_write
from nbmon.pictures.index.worker import throw_away
from nbmon.pictures.index.writing import Writer, state_of
from nbmon.pictures.listing import Contents, contents
from nbmon.pictures.names import natural
from support.pictures import asker, content

NUMBER = 40
OLD = 1_600_000_000  # seconds since 1970


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few names are many."""
    monkeypatch.setattr(writing, "SMALL", 10)
    monkeypatch.setattr(writing, "SETTLED_AFTER", -1.0)
    monkeypatch.setattr(writing, "AT_ONCE", 7)
    monkeypatch.setattr(tables, "BLOCK", 8)
    monkeypatch.setattr("nbmon.pictures.index.lists.BLOCK", 8)
    monkeypatch.setattr("nbmon.pictures.index.reading.TRY_AGAIN", 0.0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    (top / "few").mkdir(parents=True)
    (top / "few" / "a.jpg").touch()
    large = top / "many"
    large.mkdir()
    for number in range(NUMBER):
        path = large / f"P{number} é.jpg"
        path.write_bytes(b"x" * (number * 7 % 5))
        os.utime(path, (OLD + number * 13 % 40, OLD))
        os.utime(path, (OLD, OLD + number * 13 % 40))
    (large / "film.mp4").touch()
    (large / "notes.txt").touch()
    (large / "within").mkdir()
    (large / ".hidden.jpg").touch()
    return top


@pytest.fixture
def folder(place: Path) -> Iterator[Folder]:
    with Folder(place) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "index.sqlite")


def renew(folder: Folder, path: str, **more: object) -> bool:
    connection = opened_to_write(path)
    try:
        return Writer(folder, connection, **more).renew()  # type: ignore[arg-type]
    finally:
        connection.close()


def kept(folder: Folder, index: Index, where: list[bytes], *, older: bool = False) -> Contents | None:
    with folder.open(where) as entry:
        return index.contents(state_of(entry), even_if_older=older)


def read(folder: Folder, where: list[bytes]) -> Contents:
    with folder.open(where) as entry:
        return contents(folder.names(entry, where))


def same(found: Contents | None, folder: Folder, where: list[bytes]) -> bool:
    assert found is not None
    exact = read(folder, where)
    return [list(part) for part in found[:3]] == [list(part) for part in exact[:3]]


def test_a_large_folder_stands_in_it_as_it_is_and_a_small_one_does_not(folder: Folder, path: str) -> None:
    assert renew(folder, path)
    index = Index(path)
    found = kept(folder, index, [b"many"])
    assert same(found, folder, [b"many"])
    assert found is not None
    assert (found.films, found.total, found.note) == (1, NUMBER + 3, ())
    assert kept(folder, index, [b"few"]) is None


@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize("sort", ["name", "date", "size"])
def test_every_part_and_every_place_in_every_order_is_right(
    folder: Folder, path: str, sort: str, falls: bool
) -> None:
    renew(folder, path)
    found = kept(folder, Index(path), [b"many"])
    assert found is not None
    pictures = found.pictures.ordered(sort, falls=falls)  # type: ignore[attr-defined]

    def key(name: bytes) -> tuple[int, bytes]:
        status = folder.look([b"many", name])
        return {"name": 0, "date": int(status.st_mtime), "size": status.st_size}[sort], natural(name)

    exact = sorted(read(folder, [b"many"]).pictures, key=key, reverse=falls)
    assert list(pictures) == exact
    assert list(pictures[::-1]) == exact[::-1]
    for at in range(0, len(exact), 3):
        assert pictures[at : at + 11] == exact[at : at + 11]
        assert pictures[at] == exact[at]
        assert pictures.index(exact[at]) == at
    assert pictures[-1] == exact[-1]
    assert exact[0] in pictures
    assert b"missing.jpg" not in pictures
    with pytest.raises(IndexError):
        pictures[len(exact)]


def test_a_change_is_not_hidden_by_it(folder: Folder, place: Path, path: str) -> None:
    renew(folder, path)
    index = Index(path)
    (place / "many" / "new.jpg").touch()
    assert kept(folder, index, [b"many"]) is None
    older = kept(folder, index, [b"many"], older=True)
    assert older is not None
    assert older.note == ("behind",)
    renew(folder, path)
    assert same(kept(folder, index, [b"many"]), folder, [b"many"])


def test_what_happens_while_nobody_looks_is_found_out(folder: Folder, place: Path, path: str) -> None:
    chance = random.Random(1)
    for _ in range(6):
        renew(folder, path)
        names = sorted(os.listdir(place / "many"))
        for name in chance.sample([name for name in names if name.endswith("jpg")], 4):
            (place / "many" / name).unlink()
        for _ in range(5):
            (place / "many" / f"n{chance.randrange(10**6)}.jpg").write_bytes(b"y" * chance.randrange(9))
    renew(folder, path)
    index = Index(path)
    found = kept(folder, index, [b"many"])
    assert same(found, folder, [b"many"])
    assert found is not None
    sizes = [folder.look([b"many", n]).st_size for n in found.pictures.ordered("size", falls=False)]  # type: ignore[attr-defined]
    assert sizes == sorted(sizes)


def test_folders_that_are_gone_or_small_now_leave_it(folder: Folder, place: Path, path: str) -> None:
    renew(folder, path)
    (place / "many").rename(place.parent / "elsewhere")
    renew(folder, path)
    with closing(sqlite3.connect(path)) as database:
        for table in ("folder", "block", "fact", "progress"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_who_is_ended_midway_goes_on_where_it_was(folder: Folder, path: str, steps: int, monkeypatch) -> None:
    left = [steps]

    def going() -> bool:
        left[0] -= 1
        return left[0] >= 0

    renew(folder, path, going=going)
    read_anew = []
    exact = writing.facts_of
    monkeypatch.setattr(writing, "facts_of", lambda *a: read_anew.append(1) or exact(*a))
    assert renew(folder, path)
    assert same(kept(folder, Index(path), [b"many"]), folder, [b"many"])
    assert len(read_anew) <= NUMBER + 1 - 7 * max(0, steps - 4)
    read_anew.clear()
    assert renew(folder, path)
    assert read_anew == []


def test_what_is_not_settled_is_looked_at_again(folder: Folder, path: str, monkeypatch) -> None:
    monkeypatch.setattr(writing, "SETTLED_AFTER", 1e9)
    assert not renew(folder, path)
    assert kept(folder, Index(path), [b"many"]) is None
    assert kept(folder, Index(path), [b"many"], older=True) is not None


@pytest.mark.parametrize("damage", [b"no database at all", b""])
def test_a_damaged_or_missing_file_has_no_answer_and_is_made_anew(
    folder: Folder, path: str, damage: bytes
) -> None:
    index = Index(path)
    assert kept(folder, index, [b"many"]) is None
    renew(folder, path)
    assert kept(folder, index, [b"many"]) is not None
    throw_away(Path(path))
    if damage:
        Path(path).write_bytes(damage * 100)
        with pytest.raises(Unusable):
            opened_to_write(path)
    assert kept(folder, index, [b"many"]) is None
    throw_away(Path(path))
    renew(folder, path)
    assert same(kept(folder, index, [b"many"]), folder, [b"many"])


def test_a_file_of_another_version_is_not_read(folder: Folder, path: str) -> None:
    renew(folder, path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
        database.commit()
    assert kept(folder, Index(path), [b"many"]) is None
    with pytest.raises(Unusable):
        opened_to_write(path)


def test_pages_come_from_it_and_say_what_is_not_known_yet(place: Path, path: str, monkeypatch) -> None:
    monkeypatch.setattr(listing, "MAX_NAMES", 10)
    monkeypatch.setattr("nbmon.pictures.folder.MAX_NAMES", 10)
    monkeypatch.setattr(Folder.names, "__defaults__", (10, None))
    monkeypatch.setattr(pages, "FRESH_FOR", 0.0)
    with Folder(place) as folder:
        ask = asker(Pictures(folder, lists=Index(path)))

        def page(query: str = "") -> str:
            return content(ask(f"/many/{query}")).decode()

        assert "Still counting: this folder holds 10 names or more" in page()
        renew(folder, path)
        assert f"1 folder, {NUMBER} pictures, 1 film, 1 other file" in page()
        assert 'class="note"' not in page("?sort=-date")
        assert "P39" in page("?q=p39")
        assert "4 of 41" in page("?view=P2%20%C3%A9.jpg")


def test_dates_that_are_not_read_yet_are_said_to_be_missing(folder: Folder, path: str) -> None:
    renew(folder, path, going=iter([True, True, True, True, *[False] * 9]).__next__)
    html = content(asker(Pictures(folder, lists=Index(path)))("/many/?sort=date")).decode()
    assert "Dates and sizes are still being read" in html


def test_a_forked_child_reads_it_by_itself(folder: Folder, path: str) -> None:
    renew(folder, path)
    index = Index(path)
    assert kept(folder, index, [b"many"]) is not None
    pid = os.fork()
    if pid == 0:
        ok = same(kept(folder, index, [b"many"]), folder, [b"many"])
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert same(kept(folder, index, [b"many"]), folder, [b"many"])


def test_a_server_without_an_index_does_not_load_sqlite(tmp_path: Path) -> None:
    program = (
        "import sys; from nbmon.pictures.index import Index; i = Index(sys.argv[1]); "
        "assert i.contents((1, 2, 3, 4)) is None; assert i.seen((1, 2, 3, 4)) is None; "
        "sys.exit('sqlite3' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "none.sqlite"], check=True)


def test_each_folder_has_its_own_file_whatever_way_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert index_file("/c", str(tmp_path / "a")) == index_file("/c", str(tmp_path / "link"))
    assert index_file("/c", str(tmp_path / "a")) != index_file("/c", str(tmp_path))
