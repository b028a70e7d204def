"""Gunther's universal scalability law, fitted by least squares. Pure.

X(N) = rate · N / (1 + contention · (N - 1) + coherency · N · (N - 1)). Contention is the share of the work
that only one may do at a time (Amdahl); coherency is what each pair of workers costs, which lets it fall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]  # workers, throughput
BENDS = 0.1  # a term that adds less than this to the denominator does not bend the curve


@dataclass(frozen=True, slots=True)
class Law:
    """One fitted curve."""

    rate: float  # what one worker does a second
    contention: float
    coherency: float

    def at(self, workers: float) -> float:
        """Throughput of so many workers."""
        return self.rate * workers / (1 + self.queueing(workers) + self.crosstalk(workers))

    def queueing(self, workers: float) -> float:
        """What contention adds to the denominator."""
        return self.contention * (workers - 1)

    def crosstalk(self, workers: float) -> float:
        """What coherency adds to the denominator."""
        return self.coherency * workers * (workers - 1)

    @property
    def peak(self) -> float:
        """The number of workers at which throughput is highest; infinity without coherency cost."""
        if self.coherency <= 0:
            return math.inf
        return math.sqrt(max(0.0, 1 - self.contention) / self.coherency)

    def bend(self, workers: float) -> str:
        """Which term bends the curve up to so many workers: contention, coherency, or neither."""
        queueing, crosstalk = self.queueing(workers), self.crosstalk(workers)
        if max(queueing, crosstalk) < BENDS:
            return "neither"
        return "contention" if queueing >= crosstalk else "coherency"


def fit(points: Sequence[Point]) -> Law | None:
    """The law of these points; None with fewer than three different numbers of workers.

    N / X is linear in the law's terms. Each equation is weighted by X / N, so that relative errors count, and
    terms that would be negative are left out.
    """
    good = [(workers, rate) for workers, rate in points if rate > 0]
    if len({workers for workers, _ in good}) < 3:
        return None
    best: tuple[float, Law] | None = None
    for terms in ((0, 1, 2), (0, 1), (0, 2), (0,)):
        law = _solved(good, terms)
        if law is not None and (best is None or (error := _error(law, good)) < best[0]):
            best = (_error(law, good) if best is None else error, law)
    return best[1] if best else None


def _terms(workers: float) -> tuple[float, float, float]:
    return 1.0, workers - 1, workers * (workers - 1)


def _solved(points: Sequence[Point], terms: Sequence[int]) -> Law | None:
    """By the normal equations of the chosen terms; None if one comes out negative."""
    rows = [[_terms(workers)[at] * rate / workers for at in terms] for workers, rate in points]
    left = [[sum(row[i] * row[j] for row in rows) for j in range(len(terms))] for i in range(len(terms))]
    right = [sum(row[i] for row in rows) for i in range(len(terms))]
    solution = solve(left, right)
    if solution is None or solution[0] <= 0 or min(solution) < 0:
        return None
    whole = dict(zip(terms, solution, strict=True))
    return Law(1 / whole[0], whole.get(1, 0.0) / whole[0], whole.get(2, 0.0) / whole[0])


def _error(law: Law, points: Sequence[Point]) -> float:
    return sum((rate / law.at(workers) - 1) ** 2 for workers, rate in points)


def solve(left: Sequence[Sequence[float]], right: Sequence[float]) -> list[float] | None:
    """Gauss's elimination with pivoting; None where there is no one solution."""
    rows = [[*line, value] for line, value in zip(left, right, strict=True)]
    size = len(rows)
    for at in range(size):
        pivot = max(range(at, size), key=lambda row: abs(rows[row][at]))
        if abs(rows[pivot][at]) < 1e-12 * max(1.0, *map(abs, rows[pivot])):
            return None
        rows[at], rows[pivot] = rows[pivot], rows[at]
        for other in range(size):
            if other != at:
                factor = rows[other][at] / rows[at][at]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[at], strict=True)]
    return [rows[at][size] / rows[at][at] for at in range(size)]
