"""The machine's facts, and the warnings that follow from them."""

import json
import os
import sys

import pytest

from nbmon.lab import machine, usage


def test_facts_are_of_this_machine():
    facts = machine.facts()
    assert facts["cores_allowed"] == len(os.sched_getaffinity(0))
    assert facts["kernel"] == os.uname().release
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["memory_budget_bytes"] <= facts["memory_bytes"] * machine.MEMORY_SHARE
    assert json.loads(json.dumps(facts)) == facts


def test_no_fact_is_made_up_where_nothing_can_be_read(monkeypatch):
    monkeypatch.setattr(machine, "_text", lambda _path: None)
    facts = machine.facts()
    assert None not in facts.values()
    assert {"governor", "boost", "cache_bytes"}.isdisjoint(facts)


def test_a_cgroup_v2_limits_cores_and_memory(monkeypatch):
    files = {
        "/proc/self/cgroup": "0::/user/one",
        "/sys/fs/cgroup/user/one/cpu.max": "150000 100000",
        "/sys/fs/cgroup/user/one/memory.max": "1000000",
        "/sys/fs/cgroup/user/one/memory.current": "400000",
        "/sys/fs/cgroup/user/one/pids.max": "max",
        "/proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 8000000 kB",
    }
    monkeypatch.setattr(machine, "_text", files.get)
    facts = machine.facts()
    assert facts["cgroup_cores"] == 1.5
    assert facts["cgroup_memory_bytes"] == 1_000_000
    assert "cgroup_pids" not in facts
    assert machine.memory_budget(0.5) == 300_000


def test_a_cgroup_v1_without_a_limit_has_none(monkeypatch):
    files = {
        "/proc/self/cgroup": "4:memory:/job\n1:cpu,cpuacct:/",
        "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": str((1 << 63) - 4096),
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    monkeypatch.setattr(machine, "_text", files.get)
    facts = machine.facts()
    assert "cgroup_memory_bytes" not in facts and "cgroup_cores" not in facts


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"cores_allowed": 4, "load_1min": 0.4}, None),
        ({"cores_allowed": 4, "load_1min": 2.5}, "load 2.5 on 4 core"),
        ({"cores_allowed": 1, "load_1min": 0.0}, "one core only"),
        ({"cores_allowed": 8, "load_1min": 0.0, "cgroup_cores": 2.0}, "allows 2 cores' time"),
        ({"cores_allowed": 2, "load_1min": 0.0, "governor": "powersave"}, "governor is powersave"),
        ({"cores_allowed": 2, "load_1min": 0.0, "governor": "performance"}, None),
        ({"cores_allowed": 2, "load_1min": 0.0, "virtualisation": "container"}, "container"),
        ({"cores_allowed": 2, "load_1min": 0.0, "free_threaded": True, "gil": True}, "global lock"),
        ({"cores_allowed": 2, "load_1min": 0.0, "free_threaded": True, "gil": False}, None),
    ],
)
def test_what_makes_times_worth_less_is_said(known, words):
    said = machine.warnings(known)
    assert (words is None and said == []) or (words is not None and words in " ".join(said))


@pytest.mark.parametrize(
    ("others", "stolen", "count"),
    [(0.0, 0.0, 0), (0.14, 0.01, 0), (0.5, 0.0, 1), (0.0, 0.1, 1), (0.5, 0.1, 2)],
)
def test_noise_is_named(others, stolen, count):
    assert len(machine.noise(others, stolen)) == count


def test_others_share_of_the_machine_is_what_is_busy_and_not_ours():
    assert usage.shares((0.0, 0.0, 0.0), (10.0, 6.0, 1.0), own=4.0) == (0.2, 0.1)
    assert usage.shares((5.0, 1.0, 0.0), (5.0, 1.0, 0.0), own=0.0) == (0.0, 0.0)
    assert usage.shares((0.0, 0.0, 0.0), (10.0, 1.0, 0.0), own=2.0) == (0.0, 0.0)  # ticks are coarse


def test_the_meter_takes_our_own_work_off():
    meter = usage.Meter()
    begun = usage.own_times()
    while usage.own_times() - begun < 0.2:
        sum(range(10_000))
    others, stolen = meter.others_and_stolen()
    assert 0.0 <= others <= 1.0 and 0.0 <= stolen <= 1.0
