"""Many files in one: what unzips as it was, whatever the names, the sizes and what happens meanwhile."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbmon.http import Response
from nbmon.pictures import Folder, Pictures, bundle, zipped
from nbmon.pictures.names import natural
from nbmon.pictures.tokens import Tokens, token
from nbmon.pictures.zipped import Changed, Zip, dos_time, length_of, safe_name
from support.pictures import Ask, asker, descriptors

NAMES = ["a.jpg", "b\\c.jpg", "月光 👩\u200d👩\u200d👧.jpg", "C:evil.jpg", "line\nbreak.jpg", "'\"<b>.jpg",
         "\u202egpj.exe.jpg"]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "holi day"
    (folder / "in" / "deep").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(bytes([number]) * (number * 40_000))
    (folder / "notes.txt").write_text("hello")
    (folder / "in" / "one.jpg").write_bytes(b"1")
    (folder / "in" / "deep" / "two.jpg").write_bytes(b"22")
    (folder / "in" / "loop").symlink_to("..")
    (folder / ".secret.jpg").write_bytes(b"secret")
    (folder / os.fsdecode(b"\xff.jpg")).write_bytes(b"bytes")
    return folder


@pytest.fixture
def visit(place: Path) -> Ask:
    return asker(Pictures(Folder(place)))


def taken(response: Response) -> bytes:
    """What the stream gives; it is closed, as a server would."""
    stream = response.body
    assert isinstance(stream, Zip)
    assert stream.fileno() == -1
    try:
        data = b"".join(iter(stream.next_piece, None))
    finally:
        stream.close()
    assert stream.length in (None, len(data))
    return data


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {item.filename: archive.read(item) for item in archive.infolist()}


def test_all_that_is_shown_and_all_beneath_is_in_it_and_nothing_hidden(place: Path, visit: Ask) -> None:
    before = descriptors()
    response = visit("/?zip")
    assert response.status == 200
    found = unpacked(taken(response))
    assert descriptors() == before
    assert len(found) == len(NAMES) + 4
    assert found["in/deep/two.jpg"] == b"22"
    assert found["notes.txt"] == b"hello"
    assert found["b_c.jpg"] == (place / "b\\c.jpg").read_bytes()
    assert found["C_evil.jpg"] == (place / "C:evil.jpg").read_bytes()
    assert found["\ufffd.jpg"] == b"bytes"
    assert b"secret" not in found.values()
    assert not [name for name in found if ":" in name or "\\" in name or "\n" in name or "\u202e" in name]


def test_it_has_the_folders_name_and_is_never_shown_by_a_browser(visit: Ask) -> None:
    response = visit("/?zip")
    said = response.field(b"Content-Disposition")
    assert said == b"attachment; filename=\"holi day.zip\"; filename*=UTF-8''holi%20day.zip"
    response.body.close()
    within = visit("/in/?zip")
    assert b'filename="in.zip"' in (within.field(b"Content-Disposition") or b"")
    assert list(unpacked(taken(within)))[:2] == ["one.jpg", "deep/two.jpg"]


def test_what_is_chosen_is_in_it_and_nothing_else(visit: Ask) -> None:
    chosen = "/?zip=&n=a.jpg&n=in%2Fone.jpg&n=%25FF.jpg&n=.secret.jpg&n=..%2Fx&n=in&n=missing.jpg&n=a.jpg"
    assert list(unpacked(taken(visit(chosen)))) == ["a.jpg", "in/one.jpg", "\ufffd.jpg"]
    assert visit("/?zip=&n=missing.jpg").status == 404


def test_tokens_stand_for_names_and_few_signs_for_a_thousand(place: Path, visit: Ask) -> None:
    names = sorted((name for name in NAMES), key=lambda name: natural(os.fsencode(name)))
    tokens = [token(os.fsencode(name)) for name in names]
    picked = unpacked(taken(visit(f"/?zip=&k={tokens[0]}&k={tokens[2]}.{'x' * 6}")))
    assert list(picked.values()) == [(place / names[at]).read_bytes() for at in (0, 2)]
    spared = unpacked(taken(visit(f"/?zip&but={tokens[0]}.{tokens[2]}")))
    assert len(spared) == len(unpacked(taken(visit("/?zip&but=")))) - 2 == len(NAMES) - 1
    assert visit("/?zip=&k=").status == visit("/?zip=&k=nobody").status == 404
    assert len(f"/?zip=&k={'.'.join(tokens[:1] * 1_100)}") < 8_000


def test_tokens_are_of_the_list_that_is_shown(visit: Ask) -> None:
    two = token(b"in/deep/two.jpg")
    assert visit(f"/?zip=&k={two}").status == 404
    assert list(unpacked(taken(visit(f"/?zip=&q=two&k={two}")))) == ["in/deep/two.jpg"]
    assert visit(f"/?zip=&q=two&but={two}").status == 404


@given(st.sets(st.binary(max_size=9), max_size=20), st.sets(st.binary(max_size=9), max_size=20))
def test_names_are_known_by_their_tokens_and_nothing_else_is_one(
    some: set[bytes], others: set[bytes]
) -> None:
    tokens = Tokens([*map(token, some), "", "short", "in.valid", "\xff" * 6, "longer than it"])
    assert all(name in tokens for name in some)
    assert not [name for name in others - some if name in tokens]
    assert all(len(token(name)) == 6 for name in some)


def test_options_makes_nothing(visit: Ask) -> None:
    """Which methods there are hangs on nothing that a GET would find: nothing is looked for, or begun."""
    before = descriptors()
    for target in ("/?zip", "/?zip=&n=missing.jpg", "/?events"):
        response = visit(target, "OPTIONS")
        assert (response.status, response.body) == (200, b"")
        assert response.field(b"Allow") == b"GET, HEAD, OPTIONS"
    assert descriptors() == before


def test_what_a_search_found_is_in_it(visit: Ask) -> None:
    assert list(unpacked(taken(visit("/?zip&q=two")))) == ["in/deep/two.jpg"]


def test_its_order_is_always_the_same(visit: Ask) -> None:
    assert taken(visit("/?zip")) == taken(visit("/?zip"))


def test_the_length_of_many_is_not_told_but_all_are_in_it(visit: Ask, monkeypatch) -> None:
    whole = taken(visit("/?zip"))
    monkeypatch.setattr(bundle, "MAX_PLANNED", 3)
    response = visit("/?zip")
    assert response.body.length is None
    assert taken(response) == whole


def test_a_file_that_changes_meanwhile_ends_what_promised_its_length(place: Path, visit: Ask) -> None:
    response = visit("/?zip&q=two")
    (place / "in" / "deep" / "two.jpg").write_bytes(b"333")
    with pytest.raises(Changed):
        taken(response)


def test_a_file_that_is_gone_is_left_out_where_nothing_was_promised(place, visit, monkeypatch) -> None:
    monkeypatch.setattr(bundle, "MAX_PLANNED", 1)
    response = visit("/?zip")
    (place / "notes.txt").unlink()
    assert "notes.txt" not in unpacked(taken(response))


def test_other_programs_can_unpack_it(visit: Ask, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(taken(visit("/?zip")))
    out = tmp_path / "out"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", tmp_path / "all.zip", out], check=True, timeout=30)
    assert (out / "in" / "deep" / "two.jpg").read_bytes() == b"22"


class _Large:
    """A file of zeros without a disk."""

    is_folder = False

    def __init__(self, size: int) -> None:
        self.status = SimpleNamespace(st_size=size, st_mtime=1_700_000_000)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(min(length, self.status.st_size - offset))

    def __enter__(self) -> _Large:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def archive(sizes: list[int]) -> Iterator[bytes]:
    paths = iter([[b"%d.jpg" % number] for number in range(len(sizes))])
    stream = Zip(lambda path: _Large(sizes[int(path[0].split(b".")[0])]), paths, 0, sizes)  # type: ignore[arg-type]
    total = 0
    for piece in iter(stream.next_piece, None):
        total += len(piece)
        yield piece
    assert total == stream.length


def test_sizes_and_places_beyond_four_gigabytes_are_zip64(tmp_path: Path, monkeypatch) -> None:
    """With the border moved down, so that nobody has to write four gigabytes."""
    monkeypatch.setattr(zipped, "LARGE", 100_000)
    monkeypatch.setattr(zipped, "MANY", 3)
    sizes = [10, 99_999, 100_000, 250_000, 10]
    data = b"".join(archive(sizes))
    assert data.count(b"PK\x06\x06") == data.count(b"PK\x06\x07") == 1
    assert length_of([(b"%d.jpg" % n, size) for n, size in enumerate(sizes)]) == len(data)


def test_a_real_archive_of_more_than_four_gigabytes_has_its_length_told_right() -> None:
    size = 0xFFFFFFFF
    assert length_of([(b"a", size)]) - length_of([(b"a", size - 1)]) == 1 + 20 + 8 + 20


def test_more_files_than_sixteen_bits_count_are_all_in_it() -> None:
    data = b"".join(archive([0] * 66_000))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert len(opened.namelist()) == 66_000


def test_memory_does_not_grow_with_the_files() -> None:
    tracemalloc.start()
    try:
        for _ in archive([50_000_000]):
            pass
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda n: not set(n) & set(b"/\0")), max_size=8))
def test_names_are_safe_and_all_different(names: list[bytes]) -> None:
    used: set[str] = set()
    made = [safe_name([b"in", name], used).decode() for name in names]
    assert len({name.casefold() for name in made}) == len(made)
    for name in made:
        assert name.startswith("in/")
        assert not set(name[3:]) & set("/\\:\0\r\n")
        assert name[3:].strip()


@pytest.mark.parametrize("moment", [-(10**12), 0, 1e9, 4.3e9, 1e18, float("nan")])
def test_any_time_is_one_that_dos_knows(moment: float) -> None:
    clock, date = dos_time(moment)
    assert 0 <= clock < 24 << 11
    assert 1 <= date >> 5 & 15 <= 12
    assert date & 31 >= 1
