"""What happens in a folder is told to those who listen, and to nobody who has gone."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbmon.pictures import Folder, Pictures, feed
from nbmon.pictures.feed import BEGIN, CHANGE, Feed, Hub, NoFeed
from support.pictures import asker, descriptors


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def listen(hub: Hub, tmp_path: Path) -> Iterator[object]:
    feeds: list[Feed] = []

    def listen(folder: Path = tmp_path) -> Feed:
        fd = os.open(folder, os.O_RDONLY)
        try:
            feeds.append(hub.feed(fd))
        finally:
            os.close(fd)
        assert feeds[-1].next_piece() == BEGIN
        return feeds[-1]

    yield listen
    for one in feeds:
        one.close()


def told(one: Feed) -> bool:
    """Whether the feed is woken, and by a change."""
    awake = bool(select.select([one.fileno()], [], [], 0)[0])
    piece = one.next_piece()
    assert piece in (b"", CHANGE)
    assert awake or not piece
    return piece == CHANGE


def test_a_new_a_changed_and_a_removed_picture_are_told_once(listen, tmp_path: Path) -> None:
    one = listen()
    assert not told(one)
    for change in (
        lambda: (tmp_path / "a.jpg").write_bytes(b"x"),
        lambda: (tmp_path / "a.jpg").write_bytes(b"yy"),
        lambda: (tmp_path / "a.jpg").rename(tmp_path / "b.jpg"),
        lambda: (tmp_path / "b.jpg").unlink(),
        lambda: (tmp_path / "in").mkdir(),
    ):
        change()
        assert told(one)
        assert not told(one)


def test_hidden_files_are_not_told_of(listen, tmp_path: Path) -> None:
    one = listen()
    (tmp_path / ".a.jpg.part").write_bytes(b"x")
    assert not told(one)
    (tmp_path / ".a.jpg.part").rename(tmp_path / "a.jpg")
    assert told(one)


def test_all_who_listen_are_told_whoever_reads_first(listen, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    first, second, other = listen(), listen(), listen(tmp_path / "in")
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert told(second)
    assert told(first)
    assert not told(other)


def test_a_folder_that_is_removed_is_told_of(listen, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    one = listen(tmp_path / "in")
    (tmp_path / "in").rmdir()
    assert told(one)


def test_too_much_at_once_is_told_to_all(listen, hub: Hub, tmp_path: Path) -> None:
    one = listen()
    hub._tell(-1, feed._OVERFLOW)
    assert told(one)


def test_nothing_stays_behind(hub: Hub, tmp_path: Path) -> None:
    before = descriptors()
    fd = os.open(tmp_path, os.O_RDONLY)
    feeds = [hub.feed(fd) for _ in range(10)]
    for one in feeds[:5]:
        one.close()
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert feeds[7].next_piece() == BEGIN
    assert told(feeds[7])
    for one in feeds[5:]:
        one.close()
    os.close(fd)
    assert descriptors() == before


def test_there_are_not_more_than_so_many(hub: Hub, listen, monkeypatch) -> None:
    monkeypatch.setattr(feed, "MAX_FEEDS", 2)
    listen(), listen()
    with pytest.raises(NoFeed):
        listen()


def test_where_nothing_can_be_told_browsers_are_told_to_ask_no_more(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(feed, "MAX_FEEDS", 0)
    before = descriptors()
    assert asker(Pictures(Folder(tmp_path)))("/?events").status == 204
    assert descriptors() == before + 0


def test_a_page_can_listen(tmp_path: Path) -> None:
    response = asker(Pictures(Folder(tmp_path)))("/?events")
    assert response.field(b"Content-Type") == b"text/event-stream"
    assert isinstance(response.body, Feed)
    assert response.body.length is None
    response.body.close()


def test_a_forked_child_leaves_its_parents_queue_alone(hub: Hub, listen, tmp_path: Path) -> None:
    one = listen()
    pid = os.fork()
    if pid == 0:  # the child: a feed of its own, and all that happens read from it
        code = 1
        try:
            fd = os.open(tmp_path, os.O_RDONLY)
            own = hub.feed(fd)
            own.next_piece()
            (tmp_path / "a.jpg").write_bytes(b"x")
            code = 0 if own.next_piece() == CHANGE else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert told(one)
