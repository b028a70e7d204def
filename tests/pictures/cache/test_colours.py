"""The table of colours: what is put in is found, what is broken is not there, and it stays of one size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbmon.pictures.cache import colours
from nbmon.pictures.cache.colours import BUCKETS, COLOURS_BYTES, TABLE_BYTES, WAYS, Colours

ONE, OTHER = bytes(range(COLOURS_BYTES)), bytes(range(100, 100 + COLOURS_BYTES))


@pytest.fixture
def table(tmp_path: Path) -> Colours:
    return Colours(str(tmp_path))


def test_what_was_put_in_is_found(table: Colours) -> None:
    table.put("0123456789ab", ONE)
    table.put("0123456789ac", OTHER)
    assert table.get("0123456789ab") == ONE
    assert table.get("0123456789ac") == OTHER
    assert table.get("0123456789ad") is None
    table.put("0123456789ab", OTHER)
    assert table.get("0123456789ab") == OTHER


@pytest.mark.parametrize("version", ["", "0", "no version", "0123456789abcd", "000000000000"])
def test_what_is_no_version_has_no_colours(table: Colours, version: str) -> None:
    table.put(version, ONE)
    assert table.get(version) is None


def test_another_process_puts_in_what_this_one_finds(table: Colours, tmp_path: Path, monkeypatch) -> None:
    assert table.get("0123456789ab") is None
    monkeypatch.setattr(colours, "TRY_AGAIN", 0.0)
    table = Colours(str(tmp_path))
    Colours(str(tmp_path)).put("0123456789ab", ONE)
    assert table.get("0123456789ab") == ONE
    (tmp_path / colours.FILE).unlink()
    Colours(str(tmp_path)).put("0123456789ab", OTHER)
    assert table.get("0123456789ab") == OTHER


def test_it_forgets_rather_than_grows(table: Colours, tmp_path: Path) -> None:
    versions = [f"aabb{number:08x}" for number in range(10 * WAYS)]
    for version in versions:
        table.put(version, ONE)
    found = [version for version in versions if table.get(version)]
    assert 1 <= len(found) <= WAYS
    table.put("ffff00000001", OTHER)
    assert table.get("ffff00000001") == OTHER
    assert (tmp_path / colours.FILE).stat().st_size <= TABLE_BYTES
    assert BUCKETS == 65_536  # the last place is that of ffff


def test_a_cut_or_flipped_entry_is_not_there(table: Colours, tmp_path: Path) -> None:
    file = tmp_path / colours.FILE
    table.put("000100000001", ONE)
    whole = file.read_bytes()
    assert table.get("000100000001") == ONE
    for at in range(len(whole) - 20, len(whole)):
        broken = bytearray(whole)
        broken[at] ^= 0x10
        file.write_bytes(broken)
        assert table.get("000100000001") is None
    file.write_bytes(whole[:-1])
    assert table.get("000100000001") is None
    file.write_bytes(b"")
    assert table.get("000100000001") is None


def test_a_disk_that_cannot_is_nobodys_error(tmp_path: Path) -> None:
    table = Colours(str(tmp_path / "not there"))
    table.put("0123456789ab", ONE)
    assert table.get("0123456789ab") is None
    os.symlink("/etc/passwd", tmp_path / colours.FILE)
    table = Colours(str(tmp_path))
    table.put("0123456789ab", ONE)
    assert table.get("0123456789ab") is None
