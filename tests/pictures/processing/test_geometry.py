"""How large a result is, and what it shows: a table, and what holds for every size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.pictures.processing.geometry import Fit, fit, rect_of, turned, window
from nbmon.pictures.processing.parsing import BadRecipe, recipe_of

TABLE: list[tuple[str, tuple[int, int], tuple[int, int]]] = [
    # what is asked, the source's size, the result's
    ("w=320", (4000, 3000), (320, 240)),
    ("h=240", (4000, 3000), (320, 240)),
    ("w=320&h=320", (4000, 3000), (320, 240)),
    ("w=320&h=320", (3000, 4000), (240, 320)),
    ("w=320", (100, 50), (100, 50)),
    ("w=320&enlarge=true", (100, 50), (320, 160)),
    ("w=320&fit=max", (100, 50), (100, 50)),
    ("w=320&dpr=2", (4000, 3000), (640, 480)),
    ("w=1", (10, 4000), (1, 400)),
    ("h=1", (10, 4000), (1, 1)),
    ("w=300&h=300&fit=crop", (4000, 3000), (300, 300)),
    ("w=300&h=300&fit=crop", (10, 10), (300, 300)),
    ("w=300&h=100&fit=fill", (4000, 3000), (300, 100)),
    ("w=300&h=300&fit=crop&crop=entropy", (4000, 3000), (300, 300)),
    ("rect=0,0,100,50&w=50", (4000, 3000), (50, 25)),
    ("rect=3900,2950,500,500", (4000, 3000), (100, 50)),
    ("rot=90&w=300", (4000, 3000), (300, 400)),
    ("rot=180", (40, 30), (40, 30)),
    ("rot=45", (100, 100), (142, 142)),
    ("lqip=blur", (4000, 3000), (32, 24)),
    ("lqip=blur", (8, 6), (8, 6)),
    ("fm=webp", (40, 30), (40, 30)),
]


@pytest.mark.parametrize(("query", "source", "size"), TABLE)
def test_a_result_has_its_size(query: str, source: tuple[int, int], size: tuple[int, int]) -> None:
    assert fit(recipe_of(query), source).canvas == size


BOXES: list[tuple[str, tuple[float, float, float, float]]] = [
    ("", (50, 0, 150, 100)),
    ("&crop=left", (0, 0, 100, 100)),
    ("&crop=right", (100, 0, 200, 100)),
    ("&crop=top", (50, 0, 150, 100)),
    ("&crop=bottom,right", (100, 0, 200, 100)),
    ("&crop=focalpoint&fp-x=0.3&fp-y=0.5", (10, 0, 110, 100)),
    ("&crop=focalpoint&fp-x=0&fp-y=0", (0, 0, 100, 100)),
    ("&crop=focalpoint&fp-x=1&fp-y=1", (100, 0, 200, 100)),
]


@pytest.mark.parametrize(("more", "box"), BOXES)
def test_a_crop_shows_the_part_that_was_named(more: str, box: tuple[float, ...]) -> None:
    assert fit(recipe_of("w=50&h=50&fit=crop" + more), (200, 100)).box == pytest.approx(box)


def test_the_content_decides_where_entropy_cuts() -> None:
    assert fit(recipe_of("w=50&h=50&fit=crop&crop=entropy"), (200, 100)) == Fit(None, (100, 50), (50, 50))


def test_filling_lies_in_the_middle() -> None:
    assert fit(recipe_of("w=300&h=100&fit=fill"), (40, 40)) == Fit(
        (0, 0, 40, 40), (100, 100), (300, 100), (100, 0)
    )


@pytest.mark.parametrize("query", ["rect=4000,0,1,1", "rect=0,3000,5,5"])
def test_a_rect_outside_is_refused(query: str) -> None:
    with pytest.raises(BadRecipe, match="outside of the picture, which is 4000 by 3000 pixels"):
        rect_of(recipe_of(query), (4000, 3000))


@pytest.mark.parametrize(("query", "source"), [("fm=webp", (16384, 10)), ("w=8000&enlarge=true", (10, 100))])
def test_a_result_that_is_too_large_is_refused(query: str, source: tuple[int, int]) -> None:
    with pytest.raises(BadRecipe, match="16383 at most"):
        fit(recipe_of(query), source)


sides = st.integers(1, 65_535)
wanted = st.integers(1, 8_192)


@given(sides, sides, wanted, wanted)
def test_what_is_clipped_lies_in_its_box_and_keeps_its_shape(
    w: int, h: int, most_w: int, most_h: int
) -> None:
    width, height = fit(recipe_of(f"w={most_w}&h={most_h}"), (w, h)).canvas
    assert 1 <= width <= min(w, most_w)
    assert 1 <= height <= min(h, most_h)
    scale = min(1.0, most_w / w, most_h / h)
    assert abs(width - w * scale) <= 1
    assert abs(height - h * scale) <= 1


@given(sides, sides, wanted, wanted, st.sampled_from(["", "&crop=top,left", "&crop=bottom", "&crop=right"]))
def test_a_crop_lies_in_the_source_and_has_the_results_shape(
    w: int, h: int, to_w: int, to_h: int, more: str
) -> None:
    found = fit(recipe_of(f"w={to_w}&h={to_h}&fit=crop{more}"), (w, h))
    assert found.canvas == found.size == (to_w, to_h)
    assert found.box is not None
    left, top, right, bottom = found.box
    assert 0 <= left < right <= w * (1 + 1e-9)
    assert 0 <= top < bottom <= h * (1 + 1e-9)
    assert (right - left) * to_h == pytest.approx((bottom - top) * to_w)


@given(sides, sides, st.integers(0, 359))
def test_what_is_turned_holds_all_of_it(w: int, h: int, degrees: int) -> None:
    width, height = turned(recipe_of(f"rot={degrees}&w=1"), (w, h))
    assert width * height >= w * h
    assert max(width, height) <= w + h + 1


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.data())
def test_the_window_with_most_detail_is_found(edges: list[int], data: st.DataObject) -> None:
    length = data.draw(st.integers(1, len(edges)))
    begin = window(edges, length)
    assert 0 <= begin <= len(edges) - length
    assert sum(edges[begin : begin + length]) == max(
        sum(edges[i : i + length]) for i in range(len(edges) - length + 1)
    )
