"""The universal scalability law is found again in curves that were made by it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.lab.experiments.scale import law

COUNTS = (1, 2, 3, 4, 8, 16, 32)


def points(made: law.Law) -> list[tuple[float, float]]:
    return [(n, made.at(n)) for n in COUNTS]


@given(
    rate=st.floats(1.0, 1e6),
    contention=st.floats(0.0, 0.9),
    coherency=st.floats(0.0, 0.05),
)
def test_a_made_curve_gives_its_law_back(rate, contention, coherency):
    found = law.fit(points(law.Law(rate, contention, coherency)))
    assert found is not None
    assert found.rate == pytest.approx(rate, rel=1e-3)
    assert found.contention == pytest.approx(contention, abs=1e-3)
    assert found.coherency == pytest.approx(coherency, abs=1e-4)


@given(rates=st.lists(st.floats(0.1, 1e5), min_size=5, max_size=5))
def test_whatever_is_measured_no_term_is_negative(rates):
    found = law.fit(list(zip((1, 2, 4, 8, 16), rates, strict=True)))
    assert found is None or (found.rate > 0 and found.contention >= 0 and found.coherency >= 0)


@given(noise=st.lists(st.floats(0.97, 1.03), min_size=len(COUNTS), max_size=len(COUNTS)))
def test_a_little_noise_moves_the_law_a_little(noise):
    made = law.Law(100.0, 0.2, 0.01)
    noisy = [(n, rate * by) for (n, rate), by in zip(points(made), noise, strict=True)]
    found = law.fit(noisy)
    assert found is not None
    for n in COUNTS:
        assert found.at(n) == pytest.approx(made.at(n), rel=0.1)


@pytest.mark.parametrize(
    ("made", "bends"),
    [
        (law.Law(1, 0.0, 0.0), "neither"),
        (law.Law(1, 0.5, 0.0), "contention"),
        (law.Law(1, 0.0, 0.05), "coherency"),
    ],
)
def test_the_term_that_bends_is_named(made, bends):
    assert made.bend(32) == bends


def test_the_peak_is_where_one_more_or_less_does_less():
    made = law.Law(10, 0.1, 0.01)
    assert made.at(made.peak) >= max(made.at(made.peak - 1), made.at(made.peak + 1))
    assert law.Law(10, 0.1, 0.0).peak == math.inf


def test_two_numbers_of_workers_are_too_few():
    assert law.fit([(1, 1.0), (2, 2.0)]) is None
    assert law.fit([(1, 1.0), (2, 0.0), (3, 0.0)]) is None


def test_the_law_is_gunthers():
    made = law.Law(10, 0.1, 0.01)
    assert made.at(1) == 10
    assert made.at(3) == pytest.approx(30 / (1 + 0.1 * 2 + 0.01 * 3 * 2))
