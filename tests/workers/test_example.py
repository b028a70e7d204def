"""The tree that the documentation shows, run for real."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.proc import GROSS_HANG, wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "tree.py"
LINES = (
    "resizer-4 (process",
    "watcher (thread",
    "feed (coroutine",
    "front/web (process",
    "front/warm (coroutine",
)


@pytest.fixture
def example(tmp_path):
    shutil.copy(EXAMPLE, tmp_path)
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "tree.py"], cwd=tmp_path, stdout=file, stderr=file)
    try:
        wait_until(lambda: all(line in log.read_text() for line in LINES), what="all five")
        yield process, log
    finally:
        process.kill()
        process.wait()


def test_the_example_runs_and_stops_as_ctrl_c_asks(example):
    process, log = example
    process.send_signal(signal.SIGINT)
    assert process.wait(GROSS_HANG) == 0
    text = log.read_text()
    assert "feed (coroutine, restarted 0 times): hangs up" in text
    assert text.count("has put its work away") == 4
    assert "Traceback" not in text


def test_what_is_killed_in_the_example_is_back_and_with_front_web_comes_front_warm(example):
    process, log = example
    os.kill(pid_of("resizer-1", log), signal.SIGKILL)
    wait_until(lambda: "resizer-1 (process, restarted 1 times)" in log.read_text())
    os.kill(pid_of("front/web", log), signal.SIGKILL)
    wait_until(lambda: "front/web (process, restarted 1 times)" in log.read_text())
    wait_until(lambda: log.read_text().count("warms up") == 2)
    assert log.read_text().count("follows") == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(GROSS_HANG) == 0


def pid_of(name, log):
    return int(next(line for line in log.read_text().splitlines() if line.startswith(name)).split()[-1])
