"""Samples: intervals that hold what they promise, loops that are calibrated, outliers that are named."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.lab.sampling import (
    Sample,
    calibrate,
    measure,
    order_ranks,
    outliers,
    percentile,
    sample_of,
)

values = st.lists(st.floats(0, 1e9, allow_nan=False), min_size=1, max_size=60)


def coverage(n, first, last):
    """How surely the order statistics of these ranks enclose the median: a sum of binomials."""
    return sum(math.comb(n, k) for k in range(first + 1, last + 1)) * 0.5**n


@pytest.mark.parametrize("n", range(6, 120))
def test_the_interval_of_the_median_is_as_sure_as_it_says_and_no_wider(n):
    first, last = order_ranks(n)
    assert coverage(n, first, last) >= 0.95
    assert last - first < 3 or coverage(n, first + 1, last - 1) < 0.95


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_values_give_all_of_their_range(n):
    assert order_ranks(n) == (0, n - 1)


@given(values)
def test_a_sample_encloses_its_median_and_lies_within_its_values(found):
    sample = sample_of(found)
    assert min(found) <= sample.low <= sample.median <= sample.high <= max(found)
    assert sample.n == len(found)


def test_intervals_of_many_samples_enclose_the_true_median_as_often_as_they_promise():
    draw = random.Random(7)
    hits = 0
    for _ in range(400):
        sample = sample_of([draw.expovariate(1.0) for _ in range(25)])
        hits += sample.low <= math.log(2) <= sample.high
    assert hits / 400 > 0.93  # promised 0.95; 400 draws scatter by 0.011


def test_no_values_are_no_sample():
    with pytest.raises(ValueError, match="needs a value"):
        sample_of([])


def test_an_outlier_is_named_and_moves_nothing():
    calm = sample_of([10.0, 11.0, 10.5, 10.2, 10.9, 10.4, 10.6])
    wild = sample_of([10.0, 11.0, 10.5, 10.2, 10.9, 10.4, 900.0])
    assert (calm.outliers, wild.outliers) == ((), (900.0,))
    assert abs(calm.median - wild.median) < 1


def test_few_values_have_no_outliers():
    assert outliers([1.0, 1.0, 1.0, 99.0]) == ()


@given(values, st.floats(0.001, 1000))
def test_scaling_a_sample_scales_all_of_it(found, factor):
    sample = sample_of(found)
    scaled = sample.scaled(factor)
    assert (scaled.median, scaled.low, scaled.high) == (
        sample.median * factor,
        sample.low * factor,
        sample.high * factor,
    )
    assert len(scaled.outliers) == len(sample.outliers)


def test_an_overhead_is_taken_off_but_never_below_nothing():
    taken = Sample(10.0, 4.0, 12.0, 7).less(5.0)
    assert (taken.low, taken.median, taken.high) == (0.0, 5.0, 7.0)


def test_keys_carry_the_unit():
    assert Sample(1234.56, 1200.0, 1300.0, 7).keys("ns") == {
        "median_ns": 1235.0,
        "low_ns": 1200.0,
        "high_ns": 1300.0,
    }


@given(values, st.sampled_from([1, 50, 95, 99, 100]))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(found, percent):
    value = percentile(found, percent)
    assert sum(one <= value for one in found) >= percent / 100 * len(found)
    assert sum(one < value for one in found) < percent / 100 * len(found)


@pytest.mark.parametrize("cost", [0.5, 30.0, 4_000.0, 9_000_000.0, 80_000_000.0])
def test_loops_are_calibrated_to_last_about_as_long_as_wanted(cost):
    asked = []

    def loop(loops):
        asked.append(loops)
        return cost * loops

    loops = calibrate(loop, target=20_000_000, limit=1 << 28)
    assert loops == 1 or 10_000_000 <= loops * cost <= 40_000_000
    assert sum(asked) <= 3 * loops  # calibrating costs no more than two runs


def test_a_clock_that_stands_still_does_not_hang_the_calibration():
    assert calibrate(lambda _loops: 0.0, limit=1000) == 1000


def test_measuring_gives_the_time_of_a_round():
    sample = measure(lambda loops: 50.0 * loops, runs=7, target=1e6)
    assert (sample.median, sample.n) == (50.0, 7)
