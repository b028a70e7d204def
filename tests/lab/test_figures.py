"""What is said of figures follows from them: other figures, another verdict."""

import pytest

from nbmon.lab.experiment import Finding, Progress, Settings
from nbmon.lab.experiments import lock, scale, serve, spawn, switch
from nbmon.lab.kernels import words

KEYS = {
    switch: {"kind", "means", "median_ns", "low_ns", "high_ns"},
    spawn: {"kind", "means", "count", "median_us", "low_us", "high_us", "memory_bytes"},
    scale: {"model", "work", "workers", "per_second", "p50_ms", "p99_ms"},
    lock: {"kind", "uncontended_ns", "contended_ns", "retaken_share", "longest_wait_us"},
    serve: {"model", "load", "per_second", "p50_ms", "p99_ms", "memory_bytes", "cpu_us", "switches"},
}


def cost(kind, means, ns, spread=0.02, **more):
    row = {"kind": kind, "means": means, "cores": "one", "workers": 2, "set_bytes": 0, "median_ns": ns}
    return row | {"low_ns": ns * (1 - spread), "high_ns": ns * (1 + spread)} | more


SWITCHES = [
    cost("process", "pipe", 2000.0),
    cost("thread", "lock", 5000.0),
    cost("coroutine", "generator", 25.0),
    cost("process", "pipe", 20000.0, cores="two"),
    cost("process", "yield", 1000.0),
    cost("process", "yield", 9000.0, workers=64),
    cost("process", "pipe", 50000.0, set_bytes=1 << 20),
]


def test_the_cheapest_switch_is_named_first():
    assert "25 ns between coroutines (generator), 2 µs between processes (pipe)" in switch.verdict(SWITCHES)
    turned = [cost("coroutine", "generator", 9000.0) if r["kind"] == "coroutine" else r for r in SWITCHES]
    assert "2 µs between processes (pipe), 5 µs between threads (lock)" in switch.verdict(turned)


def test_cores_caches_and_crowds_are_told_by_their_figures():
    said = switch.verdict(SWITCHES)
    assert "20 µs, 10 times as much" in said
    assert "add up to 48 µs, when each has a working set of 1 MiB" in said
    assert "Among 64 runnable processes it costs 9 times" in said


def test_scattered_switches_are_unsure():
    assert switch.confident(SWITCHES)
    shaky = [cost("thread", "lock", 5000.0, spread=0.9) if r["kind"] == "thread" else r for r in SWITCHES]
    assert not switch.confident(shaky)
    assert switch.verdict(shaky).count("Unsure") == 1


def test_cold_caches_that_cannot_be_told_are_not_told():
    rows = [*SWITCHES[:6], cost("process", "pipe", 2001.0, set_bytes=1 << 20)]
    assert "nothing that can be told" in switch.verdict(rows)


@pytest.mark.parametrize(
    ("share", "told"), [(0.9, "confirmed"), (0.3, "half true"), (0.25, "refuted"), (0.0, "refuted")]
)
def test_the_belief_is_judged_by_what_chance_would_give(share, told):
    assert lock.belief(share, 4) == told


def held(kind, share=0.0, taken=1000, ns=50.0, high=52.0):
    row = {"kind": kind, "uncontended_ns": ns, "uncontended_low_ns": ns, "uncontended_high_ns": high}
    return row | {
        "contended_ns": 1.0,
        "workers": 4,
        "retaken_share": share,
        "longest_wait_us": 7.0,
        "taken": taken,
    }


def test_each_kind_is_told_by_its_own_share():
    said = lock.verdict([held("Lock", 0.9), held("asyncio.Lock", 0.0)])
    assert "is confirmed for Lock (90%)" in said
    assert "is refuted for asyncio.Lock (0%)" in said
    assert "Unsure" not in said
    assert "Unsure" in lock.verdict([held("Lock", taken=3)])
    assert "Unsure" in lock.verdict([held("Lock", high=150.0)])


def test_a_row_of_a_lock_adds_up():
    rounds = [
        {
            "taken": [30, 10],
            "retaken": [20, 0],
            "longest_wait_ns": [5000, 9000],
            "seconds": 4e-5,
            "inside_ns": 400,
        }
    ]
    row = lock.row_of("Lock", [50.0, 51.0, 52.0], rounds)
    assert row["uncontended_ns"] == 51.0
    assert row["contended_ns"] == 600.0
    assert row["retaken_share"] == 0.5
    assert row["longest_wait_us"] == 9.0
    assert row["jain_index"] == pytest.approx(0.8)


def made(kind, means, count, us, spread=0.02):
    row = {"kind": kind, "means": means, "count": count, "median_us": us, "memory_bytes": 1 << 20, "runs": 3}
    return row | {"low_us": us * (1 - spread), "high_us": us * (1 + spread)}


def test_what_a_worker_costs_is_told_of_the_cheapest_means():
    rows = [made("process", "fork", 100, 900.0), made("process", "spawn", 100, 30000.0)]
    assert "a process (fork) 900 µs and 1 MiB, with 100" in spawn.verdict(rows)
    assert "Unsure" in spawn.verdict([made("process", "fork", 100, 900.0, spread=0.9)])


def rate(model, work, workers, value):
    row = {"model": model, "work": work, "workers": workers, "per_second": value}
    return row | {"low_per_second": value * 0.98, "high_per_second": value * 1.02}


def test_the_model_that_scales_is_named_with_its_knee():
    rows = [rate("process", "cpu", n, 100.0 * min(n, 4)) for n in (1, 2, 4, 8)]
    rows += [rate("thread", "cpu", n, 100.0) for n in (1, 2, 4, 8)]
    said = scale.verdict(rows)
    assert "Pure Python: 4 processes do 4 times one" in said
    assert scale.fitted(rows, "thread", "cpu")["bends"] == "contention"
    flat = [row for row in rows if row["model"] == "thread"]
    assert "no number of workers pays" in scale.verdict(flat)


def answered(model, value, low=0.98):
    row = {"load": "few busy", "model": model, "per_second": value, "low_per_second": value * low}
    row |= {"high_per_second": value, "p99_ms": 1.5, "cpu_us": 50.0, "switches": 0.5}
    return row | {"memory_bytes": 1 << 24, "errors": 0}


def test_models_that_are_alike_are_said_to_be():
    said = serve.verdict(
        [answered("coroutine", 1000.0), answered("thread", 950.0), answered("process", 100.0)]
    )
    assert "coroutine answers 1,000 a second (thread about as many)" in said
    assert "Unsure" not in said
    assert "Unsure" in serve.verdict([answered("coroutine", 1000.0, low=0.3)])


class Watched(Progress):
    def __init__(self):
        self.done, self.rows = [], []

    def step(self, done, of, what):
        self.done.append(done / of)

    def partial(self, rows):
        self.rows = list(rows)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(spawn, "QUICK_COUNTS", (1, 2))
    monkeypatch.setattr(spawn, "LIGHT_COUNTS", (1, 20))
    monkeypatch.setattr(spawn, "QUICK_RUNS", 1)
    monkeypatch.setattr(scale, "QUICK_SECONDS", 0.02)
    monkeypatch.setattr(lock, "QUICK_SECONDS", 0.02)
    monkeypatch.setattr(lock, "QUICK_UPDATES", 500)
    monkeypatch.setattr(serve, "QUICK_SECONDS", 0.05)
    monkeypatch.setattr(serve, "MODELS", ("coroutine",))
    monkeypatch.setattr(switch, "QUICK_CROWD", (2, 4))


@pytest.mark.parametrize("experiment", list(KEYS), ids=lambda one: one.EXPERIMENT.name)
def test_each_experiment_answers_its_question(experiment, small):
    watched = Watched()
    found = experiment.run(Settings(quick=True), watched)
    assert isinstance(found, Finding)
    assert found.rows == watched.rows
    assert watched.done == sorted(watched.done)
    for row in found.rows:
        assert set(row) >= KEYS[experiment], row
    assert found.verdict
    assert found.confident == ("Unsure" not in found.verdict)
    assert experiment.plots(found)
    assert experiment.EXPERIMENT.conclude(found.rows[:1])
    assert set(experiment.EXPERIMENT.columns) <= {key for row in found.rows for key in row}


@pytest.mark.parametrize(
    ("ns", "told"), [(0.4, "0.4 ns"), (999.0, "1,000 ns"), (1500.0, "1.5 µs"), (2e9, "2 s")]
)
def test_durations_are_told_in_their_unit(ns, told):
    assert words.duration(ns) == told
