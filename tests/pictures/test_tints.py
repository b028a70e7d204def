"""The colours of places: every class has its rule, and what was snapped stays as it is and of its hue."""

from __future__ import annotations

import re
from colorsys import rgb_to_hls

from hypothesis import given
from hypothesis import strategies as st

from nbmon.pictures.tints import LEVELS, classes, rules, snapped

corners = st.binary(min_size=12, max_size=12)
RULES = dict(re.findall(r"\.(\w+)\{--\w:#(\w+)\}", "".join(rules())))


@given(corners)
def test_what_was_snapped_is_of_the_stylesheet(colours: bytes) -> None:
    fixed = snapped(colours)
    lit, *names = classes(fixed).split()
    assert lit == "lit"
    assert bytes.fromhex("".join(RULES[name] for name in names)) == fixed == snapped(fixed)


@given(corners)
def test_every_colour_has_a_class(colours: bytes) -> None:
    assert set(classes(colours).split()) - {"lit"} <= set(RULES)


def test_hues_are_kept_where_each_part_alone_would_lose_them() -> None:
    for colour in ((246, 222, 184), (15, 25, 70), (150, 205, 235), (20, 60, 45), (200, 90, 120)):
        hue = rgb_to_hls(*(part / 255 for part in colour))[0]
        kept = rgb_to_hls(*(part / 255 for part in snapped(bytes(colour) * 4)[:3]))[0]
        assert min(abs(hue - kept), 1 - abs(hue - kept)) < 0.08, colour


def test_grey_stays_grey() -> None:
    for grey in range(0, 256, 5):
        red, green, blue = snapped(bytes([grey]) * 12)[:3]
        assert red == green == blue
        assert red in LEVELS
