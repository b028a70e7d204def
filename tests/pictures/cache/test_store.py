"""Results on disk: whole or not there, whatever becomes of the file."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from nbmon.pictures.cache.bounds import DOWN_TO, Seen, clear, oldest, sweep, total
from nbmon.pictures.cache.entry import TRAILER_BYTES, Stored, digest_of, key_of, read_trailer, trailer
from nbmon.pictures.cache.store import Store, Wrote
from nbmon.pictures.processing.parsing import recipe_of

CONTENT = b"a picture" * 100
STORED = Stored("webp", 320, 240, len(CONTENT), digest_of(CONTENT))
KEY = "ab" + "0" * 38


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def content_of(store: Store, key: str = KEY) -> bytes | None:
    found = store.get(key)
    if found is None:
        return None
    data = os.pread(found.fileno(), found.stored.length, 0)
    found.close()
    return data


def test_what_was_put_is_found(store: Store) -> None:
    assert store.put(KEY, CONTENT, STORED) == Wrote(len(CONTENT) + TRAILER_BYTES)
    assert content_of(store) == CONTENT
    found = store.get(KEY)
    assert found is not None
    assert found.stored == STORED
    found.close()
    found.close()
    with pytest.raises(ValueError, match="closed"):
        found.fileno()


def test_what_was_not_put_is_not_there(store: Store) -> None:
    assert store.get(KEY) is None
    assert store.state_of(KEY) is None


def damage(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize(
    "size", [0, 1, TRAILER_BYTES - 1, TRAILER_BYTES, 500, len(CONTENT) + TRAILER_BYTES - 1]
)
def test_a_cut_file_is_made_anew(store: Store, size: int) -> None:
    store.put(KEY, CONTENT, STORED)
    path = Path(store.file(KEY))
    damage(path, path.read_bytes()[:size])
    assert store.get(KEY) is None
    assert not path.exists()
    store.put(KEY, CONTENT, STORED)
    assert content_of(store) == CONTENT


@pytest.mark.parametrize("place", [0, 450, len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 9, -1])
def test_a_flipped_bit_is_noticed(store: Store, place: int) -> None:
    store.put(KEY, CONTENT, STORED)
    path = Path(store.file(KEY))
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    damage(path, bytes(data))
    assert store.get(KEY) is None


def test_a_link_is_not_followed(store: Store, tmp_path: Path) -> None:
    store.put(KEY, CONTENT, STORED)
    path = Path(store.file(KEY))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert store.get(KEY) is None


def test_twice_is_once(store: Store) -> None:
    store.put(KEY, CONTENT, STORED)
    assert store.put(KEY, b"other", STORED) == Wrote(0)
    assert content_of(store) == CONTENT


def test_where_the_disk_cannot_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    wrote = Store(str(tmp_path / "file")).put(KEY, CONTENT, STORED)
    assert wrote.bytes == 0
    assert wrote.error


def test_many_writers_and_readers_see_whole_files(store: Store) -> None:
    wrong: list[object] = []

    def work(own: Store) -> None:
        for number in range(30):
            own.put(KEY, CONTENT, STORED)
            found = content_of(own)
            if found not in (CONTENT, None):
                wrong.append(found)
            if number % 3 == 0:
                clear(own.path)

    threads = [threading.Thread(target=work, args=(Store(str(Path(store.path).parent)),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_use_of_a_file_is_seen_in_its_time(store: Store) -> None:
    store.put(KEY, CONTENT, STORED)
    os.utime(store.file(KEY), (1_000, 1_000))
    before = store.state_of(KEY)
    content_of(store)
    status = os.stat(store.file(KEY))
    assert time.time() - status.st_atime < 60
    assert status.st_mtime == 1_000
    assert store.state_of(KEY) == before


def test_a_key_tells_sources_and_recipes_apart(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    first = path.stat()
    keys = {key_of(first, recipe_of(query).settled("jpg")) for query in ("w=1", "w=2", "h=1", "w=1&q=5")}
    keys.add(key_of(first, recipe_of("w=1").settled("png")))
    keys.add(key_of(first, recipe_of("w=1").settled("jpg"), "another version"))
    os.utime(path, ns=(1, 1))
    keys.add(key_of(path.stat(), recipe_of("w=1").settled("jpg")))
    assert len(keys) == 7
    assert {len(key) for key in keys} == {40}


@pytest.mark.parametrize("data", [b"", b"x" * TRAILER_BYTES, trailer(STORED)[:-1]])
def test_what_is_no_trailer_is_none(data: bytes) -> None:
    assert read_trailer(data, len(CONTENT) + TRAILER_BYTES) is None


def test_a_trailer_is_read_back() -> None:
    assert read_trailer(trailer(STORED), len(CONTENT) + TRAILER_BYTES) == STORED
    assert read_trailer(trailer(STORED), len(CONTENT)) is None


# Bounds


def test_the_least_used_go_first_and_no_more_than_needed() -> None:
    files = [Seen(used, 100, str(used)) for used in (5, 3, 9, 1, 7)]
    assert oldest(files, 500) == []
    assert [file.used for file in oldest(files, 400)] == [1, 3]  # down to 90 per cent of 400
    assert [file.used for file in oldest(files, 0)] == [1, 3, 5, 7, 9]


def put_many(store: Store, count: int) -> None:
    for number in range(count):
        key = f"{number:040x}"[::-1]
        store.put(key, CONTENT, STORED)
        os.utime(store.file(key), (1_000_000 + number, 1))


def test_a_sweep_keeps_what_was_used_last(store: Store) -> None:
    put_many(store, 20)
    each = total(store.path).bytes // 20
    left = sweep(store.path, 10 * each)
    assert left is not None
    assert left <= 10 * each * DOWN_TO
    kept = total(store.path)
    assert (kept.files, kept.bytes) == (9, left)
    assert kept.oldest == 1_000_011 * 10**9


def test_one_sweeps_at_a_time(store: Store) -> None:
    import fcntl

    put_many(store, 3)
    assert sweep(store.path, 1 << 30) is not None
    with open(f"{store.path}/sweep.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sweep(store.path, 0) is None
    assert total(store.path).files == 3
    assert sweep(store.path, 0) == 0


def test_clearing_tells_what_was_there(store: Store) -> None:
    put_many(store, 5)
    assert clear(store.path).files == 5
    assert total(store.path).files == 0
    assert clear(store.path).files == 0
