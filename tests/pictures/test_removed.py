"""A folder that is removed, renamed or replaced while it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbmon.pictures import Folder, FolderError, Pictures
from support.pictures import INSIDE, Ask, asker, content, descriptors

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 500


@pytest.fixture
def removed(tmp_path: Path) -> tuple[Path, Ask]:
    """A folder that is removed while it is shown."""
    place = tmp_path / "gone"
    place.mkdir()
    (place / "a.jpg").write_bytes(JPEG)
    ask = asker(Pictures(Folder(place)))
    assert ask("/", "HEAD").status == 200
    (place / "a.jpg").unlink()
    place.rmdir()
    return place, ask


@pytest.mark.parametrize("path", ["/", "/a.jpg"])
def test_a_folder_that_was_removed_is_said_to_be_gone_and_logged_once(removed, caplog, path: str) -> None:
    _, ask = removed
    before = descriptors()
    for _ in range(3):
        response = ask(path)
        assert response.status == 503
        assert b"The folder that is shown here is gone" in content(response)
        assert b"tmp" not in content(response)
    assert descriptors() == before
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("path", ["/", "/b.jpg"])
def test_a_folder_that_comes_back_is_shown_again(removed, path: str) -> None:
    place, ask = removed
    assert ask("/").status == 503
    place.mkdir()
    (place / "b.jpg").write_bytes(JPEG)
    assert content(ask(path)) in (JPEG, content(ask("/")))
    assert ask("/a.jpg").status == 404


def test_a_folder_that_took_the_place_of_a_renamed_one_is_shown_after_reopening(
    ask: Ask, folder: Folder, shown: Path
) -> None:
    shown.rename(shown.with_name("old"))
    shown.mkdir()
    (shown / "new.jpg").write_bytes(JPEG)
    (shown / "in-absolute").symlink_to(shown / "new.jpg")
    assert content(ask("/plain.txt")) == INSIDE
    before = descriptors()
    folder.reopen()
    assert descriptors() == before
    assert ask("/plain.txt").status == 404
    assert content(ask("/new.jpg")) == JPEG
    assert content(ask("/in-absolute")) == JPEG


def test_a_folder_that_cannot_be_reopened_is_shown_as_it_was(ask: Ask, folder: Folder, shown: Path) -> None:
    shown.rename(shown.with_name("old"))
    with pytest.raises(FolderError, match="there is no folder"):
        folder.reopen()
    assert content(ask("/plain.txt")) == INSIDE
