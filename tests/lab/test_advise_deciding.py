"""From a profile and a ladder to an advice: a table."""

from dataclasses import replace

import pytest

from nbmon.lab.experiments.advise import deciding, ladder, said
from nbmon.lab.experiments.advise.deciding import Rung
from nbmon.lab.kernels.profile import Profile

COMPUTES = Profile(
    awaited=False, call_seconds=0.005, cpu_share=1.0, waiting_share=0.0, gil_share=0.98, import_seconds=0.01,
    memory_bytes=20_000_000, arguments_bytes=5, result_bytes=5, pickle_seconds=1e-6,
)  # fmt: skip
HASHES = replace(COMPUTES, gil_share=0.02)
SLEEPS = replace(COMPUTES, cpu_share=0.01, waiting_share=0.98, gil_share=0.0)
AWAITS = replace(SLEEPS, awaited=True)
TINY = replace(COMPUTES, call_seconds=1e-7)
LARGE = replace(COMPUTES, pickle_seconds=0.05, arguments_bytes=50_000_000)
LARGE_FREE = replace(LARGE, gil_share=0.0)
UNPICKLABLE = replace(COMPUTES, unpicklable="TypeError: cannot pickle")


def rungs(**models: dict[int, float]) -> list[Rung]:
    return [
        Rung(model, workers, rate, rate * 0.98, rate * 1.02)
        for model, steps in models.items()
        for workers, rate in steps.items()
    ]


BUSY = rungs(none={1: 100}, thread={2: 101}, process={2: 190}, coroutine={4: 99})
FREED = rungs(none={1: 100}, thread={2: 195}, process={2: 190}, coroutine={4: 99})
WAITING = rungs(none={1: 100}, thread={4: 400, 64: 6000}, process={4: 390}, coroutine={4: 100})
AWAITED = rungs(none={1: 100}, thread={4: 400, 64: 5000}, process={4: 390}, coroutine={4: 400, 64: 6100})
NOTHING = rungs(none={1: 100}, thread={2: 30}, process={2: 5}, coroutine={4: 60})


@pytest.mark.parametrize(
    ("profile", "tried", "cores", "model", "workers", "confident"),
    [
        pytest.param(COMPUTES, BUSY, 2, "process", 2, True, id="arithmetic"),
        pytest.param(HASHES, FREED, 2, "thread", 2, True, id="hashing"),
        pytest.param(SLEEPS, WAITING, 2, "thread", 64, True, id="sleeping"),
        pytest.param(AWAITS, AWAITED, 2, "coroutine", 64, True, id="async sleeping"),
        pytest.param(TINY, NOTHING, 2, "none", 1, True, id="tiny"),
        pytest.param(LARGE, NOTHING, 2, "none", 1, True, id="large arguments"),
        pytest.param(LARGE_FREE, FREED[:2] + NOTHING[2:], 2, "thread", 2, True, id="large, without the GIL"),
        pytest.param(UNPICKLABLE, NOTHING, 2, "none", 1, True, id="cannot be pickled"),
        pytest.param(COMPUTES, NOTHING, 1, "none", 1, True, id="one core"),
        pytest.param(COMPUTES, NOTHING, 2, "none", 1, False, id="should have paid, and did not"),
        pytest.param(COMPUTES, FREED, 2, "thread", 2, False, id="the GIL is held, and yet threads paid"),
        pytest.param(SLEEPS, BUSY, 2, "process", 2, False, id="it waits, and yet processes did best"),
    ],
)
def test_the_advice(profile, tried, cores, model, workers, confident):
    found = deciding.decide(profile, tried, cores)
    assert (found.model, found.workers, found.confident) == (model, workers, confident)
    assert bool(found.doubts) != confident


def test_a_gain_that_the_worst_round_does_not_show_is_doubted():
    shaky = [*BUSY[:2], Rung("process", 2, 190, 90, 290)]
    found = deciding.decide(COMPUTES, shaky, 2)
    assert found.model == "process"
    assert "worst round" in found.doubts[0]


def test_none_is_doubted_when_a_model_came_close():
    found = deciding.decide(TINY, rungs(none={1: 100}, thread={2: 120}), 2)
    assert found.model == "none"
    assert not found.confident


def test_coroutines_gain_nothing_where_nothing_waits():
    lucky = rungs(none={1: 100}, thread={2: 100}, process={2: 20}, coroutine={4: 160})
    assert deciding.decide(LARGE, lucky, 2).model == "none"
    assert deciding.decide(AWAITS, lucky, 2).model == "coroutine"


def test_the_fewest_workers_that_reach_about_the_best_are_advised():
    tried = rungs(none={1: 100}, thread={2: 200, 4: 395, 8: 400, 16: 401})
    assert deciding.decide(SLEEPS, tried, 2).workers == 4


def test_without_a_plain_loop_there_is_nothing_to_compare_with():
    with pytest.raises(ValueError, match="plain loop"):
        deciding.decide(SLEEPS, rungs(thread={2: 200}), 2)


def test_what_computes_is_tried_with_as_many_workers_as_there_are_cores():
    steps = list(ladder(COMPUTES, 6, quick=True))
    assert [workers for model, workers in steps if model == "process"] == [2, 4, 6]
    assert ("none", 1) in steps


def test_what_cannot_be_pickled_is_not_tried_by_processes():
    assert not [step for step in ladder(UNPICKLABLE, 4, quick=False) if step[0] == "process"]


@pytest.mark.parametrize(
    ("profile", "tried"),
    [
        (COMPUTES, BUSY),
        (HASHES, FREED),
        (SLEEPS, WAITING),
        (AWAITS, AWAITED),
        (LARGE, NOTHING),
        (TINY, NOTHING),
    ],
)
def test_every_advice_says_what_would_change_it(profile, tried):
    advice = deciding.decide(profile, tried, 2)
    assert said.would_change(profile, advice)
    assert said.verdict("m:f", profile, advice).startswith(f"{advice.model}: ")


def test_a_doubt_stands_in_the_verdict():
    advice = deciding.decide(COMPUTES, FREED, 2)
    assert "Unsure: " in said.verdict("m:f", COMPUTES, advice)
