"""From runs to a figure with an interval: calibrated loops, warm-up, medians, outliers, overheads taken off.

The statistics are pure. Only `calibrate` and `measure` run what they are given; the time comes from it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

CONFIDENCE = 0.95
RUNS, QUICK_RUNS = 25, 7
TARGET = 20_000_000  # ns: how long one run shall last, so that the clock's grain does not matter
MAX_LOOPS = 1 << 24
NOISY = 0.25  # an interval wider than this share of the median makes a verdict unsure
FENCE = 3.0  # interquartile ranges beyond the quartiles: Tukey's "far out"

Loop = Callable[[int], float]  # does its thing so many times, returns the ns that it took


@dataclass(frozen=True, slots=True)
class Sample:
    """A median with its interval of CONFIDENCE, from `n` runs."""

    median: float
    low: float
    high: float
    n: int
    outliers: tuple[float, ...] = ()  # far out; they stay in the median, which they do not move

    def scaled(self, factor: float) -> Sample:
        """In another unit, or each of several parts."""
        far = tuple(one * factor for one in self.outliers)
        return replace(
            self, median=self.median * factor, low=self.low * factor, high=self.high * factor, outliers=far
        )

    def less(self, overhead: float) -> Sample:
        """Without what the measuring itself costs; never below nothing."""
        low, median, high = (max(0.0, one - overhead) for one in (self.low, self.median, self.high))
        return replace(self, low=low, median=median, high=high)

    def keys(self, unit: str, digits: int = 4) -> dict[str, float]:
        """As three keys of a row: `median_ns`, `low_ns`, `high_ns`, to so many significant digits."""
        values = (("median", self.median), ("low", self.low), ("high", self.high))
        return {f"{key}_{unit}": rounded(value, digits) for key, value in values}

    def far(self, unit: str) -> dict[str, list[float]]:
        """The outliers as one key of a row: `outliers_ns`."""
        return {f"outliers_{unit}": [rounded(one) for one in self.outliers]}

    @property
    def spread(self) -> float:
        """Width of the interval as a share of the median."""
        return (self.high - self.low) / self.median if self.median else math.inf


def rounded(value: float, digits: int = 4) -> float:
    """To significant digits; more of them would be noise.

    >>> rounded(123456.0), rounded(0.0012345)
    (123500.0, 0.001234)
    """
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def sample_of(values: Sequence[float]) -> Sample:
    """The median of `values` with its distribution-free interval. ValueError if there is none."""
    if not values:
        raise ValueError("a sample needs a value")
    ordered = sorted(values)
    first, last = order_ranks(len(ordered))
    far = outliers(ordered)
    return Sample(statistics.median(ordered), ordered[first], ordered[last], len(ordered), far)


def order_ranks(n: int, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """Indexes of the order statistics that enclose the median with `confidence`.

    Each value lies below the median with probability 1/2, so the ranks are binomial. With fewer than six
    values no pair of them is that sure: the smallest and the largest are taken.
    """
    below, rank = 0.5**n, 0
    while rank + 1 < n - 1 - rank:
        following = below + math.comb(n, rank + 1) * 0.5**n
        if following > (1 - confidence) / 2:
            break
        below, rank = following, rank + 1
    return rank, n - 1 - rank


def outliers(values: Sequence[float]) -> tuple[float, ...]:
    """Those beyond Tukey's far fences; none among fewer than five."""
    if len(values) < 5:
        return ()
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    reach = FENCE * (third - first)
    return tuple(sorted(one for one in values if not first - reach <= one <= third + reach))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank).

    >>> percentile([4, 1, 3, 2], 50), percentile([4, 1, 3, 2], 99)
    (2, 4)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def calibrate(loop: Loop, target: float = TARGET, limit: int = MAX_LOOPS) -> int:
    """How many rounds make one run last `target` ns. It also warms up: caches, branches, specialised code."""
    loops = 1
    while True:
        took = loop(loops)
        if took >= target / 2 or loops >= limit:
            return loops
        grown = loops * 10 if took <= 0 else int(loops * target / took) + 1
        loops = min(limit, max(loops * 2, min(grown, loops * 10)))


def measure(
    loop: Loop,
    *,
    runs: int = RUNS,
    target: float = TARGET,
    limit: int = MAX_LOOPS,
) -> Sample:
    """Nanoseconds a round: calibrated, warmed up, `runs` times."""
    loops = calibrate(loop, target, limit)
    loop(loops)
    return sample_of([loop(loops) / loops for _ in range(runs)])
