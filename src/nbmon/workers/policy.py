"""What follows from a death: pure functions over plain values, with the time and the chance given.

Must not know processes, clocks or the tree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from nbmon.workers.spec import Backoff, Restart, Strategy

LONGEST_DOUBLING = 32  # doublings after which every backoff is at its cap


class Verdict(Enum):
    """What is done about a child that is gone."""

    RESTART = "restart"
    REST = "it stays down, as agreed"
    GIVE_UP = "its supervisor gives up"


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a child, and of its supervisor, when the child is gone."""

    recent: int = 0  # restarts by the supervisor within its period, before this one
    young: int = 0  # lives in a row, before this one, that were no healthy ones


@dataclass(frozen=True, slots=True)
class Policy:
    """How a child shall live, and how often its supervisor restarts."""

    restart: Restart = "permanent"
    intensity: int = 5
    backoff: Backoff = Backoff()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the pause before a restart in seconds, and how many young deaths there were by now."""

    verdict: Verdict
    delay: float = 0.0
    young: int = 0


def decide(history: History, policy: Policy, normal: bool, life: float, chance: float) -> Decision:
    """What follows from an end after `life` seconds; `normal` if it ended by itself and without a fault.

    As in OTP: a permanent child comes back always, a transient one unless its end was normal, a temporary
    one never; a supervisor that would restart more than `intensity` times within its period gives up.
    """
    if not comes_back(policy.restart, normal):
        return Decision(Verdict.REST)
    young = 0 if life >= policy.backoff.healthy else history.young + 1
    if history.recent >= policy.intensity:
        return Decision(Verdict.GIVE_UP, young=young)
    return Decision(Verdict.RESTART, pause(young, policy.backoff, chance), young)


def comes_back(restart: Restart, normal: bool) -> bool:
    """Whether a child of this kind is restarted after a normal end, or a death."""
    return restart == "permanent" or (restart == "transient" and not normal)


def pause(young: int, backoff: Backoff, chance: float) -> float:
    """Seconds to wait after the `young`th young death in a row: none, then doubling up to the cap.

    `chance`, from 0 to 1, takes up to half of it away, so that what died together does not return together.
    """
    if young <= 0:
        return 0.0
    doubled = backoff.first * 2.0 ** min(young - 1, LONGEST_DOUBLING)
    return min(doubled, backoff.cap) * (1.0 - chance / 2)


def affected(strategy: Strategy, count: int, index: int) -> range:
    """Which of `count` children go down and come back when the one at `index` is restarted."""
    if strategy == "one_for_all":
        return range(count)
    if strategy == "rest_for_one":
        return range(index, count)
    return range(index, index + 1)


def spread(value: float, jitter: float, chance: float) -> float:
    """`value`, moved by up to `jitter` of it to either side; `chance` from 0 to 1."""
    return value * (1.0 + jitter * (2.0 * chance - 1.0))


class Window:
    """The restarts of one supervisor within its period."""

    __slots__ = ("_period", "_times")

    def __init__(self, period: float, times: Sequence[float] = ()) -> None:
        self._period = period
        self._times = deque(times)

    def count(self, now: float) -> int:
        """How many there were in the period that ends now."""
        while self._times and self._times[0] <= now - self._period:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float) -> None:
        """One more, now."""
        self._times.append(now)

    def times(self) -> list[float]:
        """When they were, in monotonic seconds."""
        return list(self._times)

    def restore(self, times: Sequence[float]) -> None:
        """They were then."""
        self._times = deque(times)

    def clear(self) -> None:
        """Begin anew."""
        self._times.clear()
