"""A darkroom in a process of its own, and what a test says to it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

from nbmon.pictures.cache.entry import key_of
from nbmon.pictures.darkroom.client import Darkroom, Made, Waiting
from nbmon.pictures.darkroom.job import Job
from nbmon.pictures.processing.parsing import recipe_of

PROGRAM = Path(__file__).with_name("darkroom_program.py")
HANG = 30.0  # seconds


class Room:
    """A broker in a process of its own."""

    def __init__(self, **given: Any) -> None:
        self.program = subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(given)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.program.stdout is not None
        self.address = bytes.fromhex(self.program.stdout.readline().decode())
        self.darkroom = Darkroom(self.address)
        self.asked: list[Waiting] = []

    def ask(self, path: Path, query: str, fm: str = "jpg") -> Waiting:
        with path.open("rb") as file:
            recipe = recipe_of(query).settled(fm)
            job = Job(key_of(os.fstat(file.fileno()), recipe), recipe)
            waiting = self.darkroom.ask(job, file.fileno(), keep)
        assert isinstance(waiting, Waiting)
        self.asked.append(waiting)
        return waiting

    def make(self, path: Path, query: str, fm: str = "jpg") -> Made:
        return result(self.ask(path, query, fm))

    def close(self) -> str:
        for waiting in self.asked:
            waiting.close()
        self.program.kill()
        _, errors = self.program.communicate()
        return errors.decode()


def keep(made: Made) -> Any:
    return made


def wait_for(waiting: Any) -> Any:
    """What came of it, as a server waits for it."""
    poll = select.poll()
    poll.register(waiting.fileno(), select.POLLIN)
    assert poll.poll(HANG * 1e3), "no answer"
    try:
        return waiting.result()
    finally:
        waiting.close()


def result(waiting: Waiting) -> Made:
    """What came of it; the caller closes `result`."""
    made = wait_for(waiting)
    assert isinstance(made, Made)
    return made


def content(made: Made) -> bytes:
    assert made.reply.status == 200, made
    data = os.pread(made.result, made.reply.length + 1, 0)
    os.close(made.result)
    assert len(data) == made.reply.length
    return data
