"""From values to places and back to words: the ticks of an axis. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nbmon.lab.plots import Axis

WANTED = 5  # ticks on an axis, about
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` become places from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        """The place of a value."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = (math.log10(max(one, self.low)) for one in (value, low, high))
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def scale(values: Sequence[float], axis: Axis, start: float, end: float, wanted: int = WANTED) -> Scale:
    """One that shows all of the values, and ends at ticks. A linear one begins at zero, where bars do."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not axis.log)]
    if axis.log:
        low, high = min(finite, default=1.0), max(finite, default=10.0)
        ticks = log_ticks(low, high, wanted)
    else:
        low, high = min(0.0, min(finite, default=0.0)), max(finite, default=1.0)
        ticks = linear_ticks(low, high if high > low else low + 1, wanted)
    return Scale(min(low, ticks[0]), max(high, ticks[-1]), start, end, axis.log, ticks)


def linear_ticks(low: float, high: float, wanted: int = WANTED) -> tuple[float, ...]:
    """Round numbers that enclose both ends.

    >>> linear_ticks(0, 23)
    (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
    """
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(one for one in STEPS if one * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(float(f"{at * step:.12g}") for at in range(first, last + 1))


def log_ticks(low: float, high: float, wanted: int = WANTED) -> tuple[float, ...]:
    """Powers of ten that enclose both ends; with 2 and 5 where there are few, fewer where there are many.

    >>> log_ticks(3, 4000)
    (1.0, 10.0, 100.0, 1000.0, 10000.0)
    >>> log_ticks(1.5, 8), log_ticks(560, 1960)
    ((1.0, 2.0, 5.0, 10.0), (500.0, 1000.0, 2000.0))
    """
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    fine = [step * 10.0**power for power in range(first, last) for step in STEPS[:-1]] + [10.0**last]
    begin = max(at for at, one in enumerate(fine) if one <= low * (1 + 1e-9))
    end = min(at for at, one in enumerate(fine) if one >= high * (1 - 1e-9))
    if end - begin < wanted:
        return tuple(fine[begin : max(end, begin + 1) + 1])
    every = math.ceil((last - first) / wanted)
    powers = [*range(first, last, every), first + math.ceil((last - first) / every) * every]
    return tuple(10.0**power for power in powers)
