"""The last lines of a log, and what is added to it, through rotation."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.services import tail


@pytest.fixture
def log(tmp_path):
    return tmp_path / "some.log"


def last(path, lines):
    fd = os.open(path, os.O_RDONLY)
    try:
        return b"".join(tail.blocks(fd, tail.start_of_last(fd, lines)))
    finally:
        os.close(fd)


@given(st.lists(st.sampled_from([b"", b"a", b"bb"]), max_size=12), st.booleans(), st.integers(0, 14))
def test_the_last_lines_are_those_that_splitlines_gives(tmp_path_factory, pieces, ended, lines):
    data = b"\n".join(pieces) + (b"\n" if ended else b"")
    path = tmp_path_factory.mktemp("tail") / "log"
    path.write_bytes(data)
    whole = data.splitlines(keepends=True)
    assert last(path, lines) == b"".join(whole[len(whole) - lines :] if lines < len(whole) else whole)


def test_lines_longer_than_a_block_are_found_whole(log):
    data = b"first\n" + b"x" * (3 * tail.BLOCK) + b"\n" + b"y" * tail.BLOCK + b"\n"
    log.write_bytes(data)
    assert last(log, 2) == data[6:]
    assert last(log, 1) == b"y" * tail.BLOCK + b"\n"


class Steps:
    """Stands for the waiting: does the next thing to the log, and ends the following after the last."""

    def __init__(self, *steps):
        self.steps = list(steps)

    def __call__(self):
        if not self.steps:
            return False
        self.steps.pop(0)()
        return True


def followed(path, *steps, offset=0):
    fd = tail.open_log(str(path))
    try:
        return b"".join(tail.follow(str(path), fd, offset, Steps(*steps)))
    finally:
        os.close(fd)


def append(path, text):
    def step():
        with path.open("a") as file:
            file.write(text)

    return step


def test_what_is_added_is_shown(log):
    log.write_text("old\n")
    assert followed(log, append(log, "new\n"), append(log, "er\n"), offset=4) == b"new\ner\n"


def test_a_renamed_log_is_read_to_its_end_then_the_new_one_from_its_beginning(log):
    log.write_text("1\n")

    def rotate():
        log.rename(f"{log}.1")
        append(log.with_name("some.log.1"), "2\n")()
        log.write_text("3\n")

    assert followed(log, rotate, append(log, "4\n")) == b"1\n2\n3\n4\n"


def test_what_was_written_just_before_the_change_of_place_is_not_lost(log, monkeypatch):
    log.write_text("1\n")
    look = tail._reopened

    def rotate_and_look(path, fd):
        if log.read_text() == "1\n":
            append(log, "2\n")()
            log.rename(f"{log}.1")
            log.write_text("3\n")
        return look(path, fd)

    monkeypatch.setattr(tail, "_reopened", rotate_and_look)
    assert followed(log) == b"1\n2\n3\n"


def test_a_renamed_log_without_successor_goes_on(log):
    log.write_text("1\n")
    away = log.with_name("away")
    steps = [lambda: log.rename(away), append(away, "2\n"), lambda: log.write_text("3\n")]
    assert followed(log, *steps) == b"1\n2\n3\n"


def test_a_cut_log_is_read_from_its_beginning(log):
    log.write_text("one\ntwo\n")
    assert followed(log, lambda: log.write_text("3\n")) == b"one\ntwo\n3\n"


def test_no_descriptor_is_left_after_rotations(log):
    log.write_text("1\n")
    before = len(os.listdir("/proc/self/fd"))

    def rotate():
        log.rename(f"{log}.1")
        log.write_text("again\n")

    assert followed(log, *[rotate] * 5) == b"1\n" + b"again\n" * 5
    assert len(os.listdir("/proc/self/fd")) == before
