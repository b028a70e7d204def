"""The key of the pages' own links: kept, private, one for all daemons, another for each folder."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbmon.pictures.cache.secret import FILE, KEY_BYTES, pages_key


def test_the_key_outlives_who_made_it(tmp_path: Path) -> None:
    first = pages_key(str(tmp_path), "/a")
    assert first is not None
    assert pages_key(str(tmp_path), "/a") == first
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_each_folder_has_its_own_and_none_is_the_file(tmp_path: Path) -> None:
    keys = {pages_key(str(tmp_path), folder) for folder in ("/a", "/b")}
    assert len(keys | {(tmp_path / FILE).read_bytes()}) == 3


def test_all_who_begin_at_once_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: pages_key(str(tmp_path), "/a"), range(40)))) == 1


@pytest.mark.parametrize("length", [0, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_file_that_is_no_key_is_made_anew(tmp_path: Path, length: int) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"k" * length)
    path.chmod(0o600)
    assert pages_key(str(tmp_path), "/a") == pages_key(str(tmp_path), "/a") is not None
    assert len(path.read_bytes()) == KEY_BYTES


def test_a_key_that_others_could_read_is_made_anew(tmp_path: Path) -> None:
    before, path = pages_key(str(tmp_path), "/a"), tmp_path / FILE
    path.chmod(0o640)
    assert pages_key(str(tmp_path), "/a") != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"k" * KEY_BYTES)
    (tmp_path / "other").chmod(0o600)
    os.symlink("other", tmp_path / FILE)
    assert pages_key(str(tmp_path), "/a") is not None
    assert not (tmp_path / FILE).is_symlink()


def test_without_a_folder_there_is_none(tmp_path: Path) -> None:
    assert pages_key(str(tmp_path / "missing"), "/a") is None
