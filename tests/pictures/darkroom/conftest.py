"""A darkroom of its own for each test that wants one, and pictures for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.darkroom import Room


@pytest.fixture
def room() -> Iterator[Callable[..., Room]]:
    """Makes darkrooms."""
    rooms: list[Room] = []

    def make(**given: Any) -> Room:
        rooms.append(Room(**given))
        return rooms[-1]

    yield make
    for one in rooms:
        one.close()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JPEG of 600 by 400 pixels."""
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    Image.effect_noise((600, 400), 60).convert("RGB").save(path, quality=90)
    return path
