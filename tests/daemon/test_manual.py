"""Every program and every command of docs/daemon.md is run, and answers what the manual shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from support.kit import environment
from support.proc import GROSS_HANG
from support.programs import MARK, Runner

MANUAL = Path(__file__).parents[2] / "docs" / "daemon.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str, str]]:
    """A program's name, its text, and the commands that follow it."""
    blocks = BLOCK.findall(MANUAL.read_text())
    pairs = [pair for pair in pairwise(blocks) if pair[0][0] == "python"]
    return [(code.split()[1], code, commands) for (_, code), (kind, commands) in pairs if kind == "console"]


def test_each_program_has_commands_that_run_it():
    kinds = [kind for kind, _ in BLOCK.findall(MANUAL.read_text())]
    assert len(examples()) == kinds.count("python") == kinds.count("console") > 0
    assert set(kinds) <= {"python", "console", "ini"}


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    Runner(tmp_path, tmp_path).end_all()


@pytest.mark.parametrize(("name", "code", "commands"), examples(), ids=[name for name, _, _ in examples()])
def test_an_example_does_what_the_manual_shows(folder, name, code, commands):
    (folder / name).write_text(code)
    for step in commands.removeprefix("$ ").split("\n$ "):
        command, *expected = step.strip().split("\n")
        assert numbers_aside(answer_to(command, folder), str(folder)) == expected, command


def answer_to(command: str, folder: Path) -> list[str]:
    """The lines that a terminal would show, and the exit code if it is not 0; `python` is this Python."""
    (folder / "bin").mkdir(exist_ok=True)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error "$@"\n')
    python.chmod(0o755)
    names = {**environment(), MARK: str(folder), "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=names,
        timeout=GROSS_HANG,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout.splitlines() + [f"[exit {done.returncode}]"] * (done.returncode != 0)


def numbers_aside(lines: list[str], folder: str) -> list[str]:
    """The lines as the manual shows them: its pid, its user's folder."""
    return [re.sub(r"pid \d+", "pid 4711", line.replace(folder, "/home/you")) for line in lines]
