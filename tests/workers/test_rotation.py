"""A log that is bounded in size."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.workers import scribe
from nbmon.workers.rotation import RotatedFile, fitting_lines
from nbmon.workers.spec import Log

lines = st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"") + b"\n"), max_size=20)


@given(lines, st.integers(-10, 200), st.booleans())
def test_only_whole_lines_fit_and_an_empty_file_always_takes_one(parts, room, is_empty):
    data = b"".join(parts)
    taken = fitting_lines(data, room, is_empty)
    assert taken == 0 or data[:taken].endswith(b"\n")
    assert taken <= max(room, 0) or (is_empty and data[:taken].count(b"\n") == 1)
    if data and is_empty:
        assert taken > 0


@pytest.mark.parametrize("files", [0, 1, 3])
def test_the_newest_lines_are_kept_in_as_many_files_as_are_allowed(tmp_path, files):
    log = RotatedFile(str(tmp_path / "log"), 100, files)
    for number in range(100):
        log.write(b"line %03d\n" % number)
    log.close()
    names = ["log", *(f"log.{number}" for number in range(1, files + 1))]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    text = "".join((tmp_path / name).read_text() for name in reversed(names))
    assert text.splitlines() == [f"line {number:03}" for number in range(100 - len(text) // 9, 100)]
    assert all((tmp_path / name).stat().st_size == 99 for name in names[1:])


def test_an_existing_log_is_continued(tmp_path):
    (tmp_path / "log").write_bytes(b"x" * 95 + b"\n")
    log = RotatedFile(str(tmp_path / "log"), 100, 1)
    log.write(b"line 1\n")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"line 1\n"
    assert (tmp_path / "log.1").stat().st_size == 96


def test_what_is_no_regular_file_is_never_moved(tmp_path):
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    log = RotatedFile(str(fifo), 10, 1)
    for _ in range(5):
        log.write(b"a line\n")
    log.close()
    assert os.read(reading, 99) == b"a line\n" * 5
    os.close(reading)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_what_waits_for_the_disk_is_bounded_and_what_is_dropped_is_counted(tmp_path):
    writer = scribe.Scribe(-1, Log(str(tmp_path / "log")))
    for _ in range(100):
        writer._take(b"x" * 99_999 + b"\n")  # nobody takes it
    assert writer._size <= scribe.LARGEST_BACKLOG
    assert writer._size + writer._dropped == 100 * 100_000
    writer._over = True
    writer._write()
    text = (tmp_path / "log").read_bytes()
    assert text.startswith(b"nbmon: %d bytes are missing here" % (10_000_000 - text.count(b"x\n") * 100_000))
