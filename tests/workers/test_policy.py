"""What follows from a death: tables and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.workers.policy import (
    History,
    Policy,
    Verdict,
    Window,
    affected,
    comes_back,
    decide,
    pause,
    spread,
)
from nbmon.workers.spec import Backoff

chances = st.floats(0, 1)
backoffs = st.builds(Backoff, st.floats(0, 10), st.floats(0, 100), st.floats(0, 10))
policies = st.builds(
    Policy, st.sampled_from(["permanent", "transient", "temporary"]), st.integers(0, 10), backoffs
)
histories = st.builds(History, st.integers(0, 20), st.integers(0, 10_000))


@pytest.mark.parametrize(
    ("restart", "normal", "back"),
    [
        ("permanent", True, True),
        ("permanent", False, True),
        ("transient", True, False),
        ("transient", False, True),
        ("temporary", True, False),
        ("temporary", False, False),
    ],
)
def test_who_comes_back_is_as_in_otp(restart, normal, back):
    assert comes_back(restart, normal) is back


@pytest.mark.parametrize(
    ("strategy", "index", "expected"),
    [
        ("one_for_one", 0, [0]),
        ("one_for_one", 2, [2]),
        ("one_for_all", 0, [0, 1, 2, 3]),
        ("one_for_all", 3, [0, 1, 2, 3]),
        ("rest_for_one", 0, [0, 1, 2, 3]),
        ("rest_for_one", 2, [2, 3]),
        ("rest_for_one", 3, [3]),
    ],
)
def test_who_goes_down_with_a_child_of_four(strategy, index, expected):
    assert list(affected(strategy, 4, index)) == expected


@given(histories, policies, st.booleans(), st.floats(0, 1e6), chances)
def test_a_decision_is_lawful(history, policy, normal, life, chance):
    decision = decide(history, policy, normal, life, chance)
    if not comes_back(policy.restart, normal):
        assert decision.verdict is Verdict.REST
    else:
        gives_up = history.recent >= policy.intensity
        assert decision.verdict is (Verdict.GIVE_UP if gives_up else Verdict.RESTART)
    assert 0 <= decision.delay <= policy.backoff.cap
    if life >= policy.backoff.healthy:
        assert decision.delay == 0


@given(histories, policies, chances)
def test_only_what_dies_young_waits_and_longer_each_time(history, policy, chance):
    delay = pause(history.young + 1, policy.backoff, chance)
    assert delay >= pause(history.young, policy.backoff, chance)
    assert pause(0, policy.backoff, chance) == 0


@given(st.integers(1, 10_000), backoffs)
def test_chance_takes_away_at_most_half(young, backoff):
    assert pause(young, backoff, 1.0) == pytest.approx(pause(young, backoff, 0.0) / 2)


def test_five_restarts_within_a_minute_are_allowed_and_the_sixth_is_not():
    policy = Policy("permanent", 5)
    assert decide(History(recent=4), policy, False, 2.0, 0.5).verdict is Verdict.RESTART
    assert decide(History(recent=5), policy, False, 2.0, 0.5).verdict is Verdict.GIVE_UP


def test_the_pauses_double_up_to_the_cap():
    backoff = Backoff(first=0.1, cap=1.0)
    assert [round(pause(n, backoff, 0.0), 3) for n in range(7)] == [0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_healthy_life_forgets_the_young_deaths():
    assert decide(History(young=7), Policy(), False, 1.0, 0.5).young == 0
    assert decide(History(young=7), Policy(), False, 0.9, 0.5).young == 8


@given(st.lists(st.floats(0, 1000), max_size=50), st.floats(0.1, 100))
def test_the_window_counts_what_lies_within_its_period(times, period):
    times.sort()
    window = Window(period)
    for index, now in enumerate(times):
        window.add(now)
        assert window.count(now) == sum(time > now - period for time in times[: index + 1])


def test_a_restart_is_forgotten_at_the_very_end_of_the_period():
    assert Window(60.0, [1000.0]).count(1059.9) == 1
    assert Window(60.0, [1000.0]).count(1060.0) == 0


@given(st.floats(1, 1000), st.floats(0, 1), chances)
def test_a_spread_value_stays_within_its_jitter(value, jitter, chance):
    assert value * (1 - jitter) - 1e-6 <= spread(value, jitter, chance) <= value * (1 + jitter) + 1e-6
