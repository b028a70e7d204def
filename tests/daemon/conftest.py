from __future__ import annotations

import pytest

from support.kit import Kit


@pytest.fixture
def kit(tmp_path):
    kit = Kit(tmp_path)
    yield kit
    kit.clean_up()
