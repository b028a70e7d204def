from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.programs import Runner

PROGRAMS = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(PROGRAMS, tmp_path)
    yield runner
    runner.end_all()
