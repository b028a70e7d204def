"""What a supervisor tells Prometheus, read by Prometheus' own parser."""

from __future__ import annotations

import os
import signal
import time

from prometheus_client.parser import text_string_to_metric_families

from nbmon.workers import costs, metrics
from nbmon.workers.costs import Cost
from nbmon.workers.metrics import MOST_WORKERS, Seen, exposition
from support.proc import wait_until
from workers.asking import CONTROLLED, ask
from workers.trees import running


def row(name="web", **more):
    shown = {"kind": "process", "state": "running", "restarts": 0, "uptime": 1.5}
    return {"name": name, **shown, **more}


def seen(*rows, costs=None, deaths=None, supervisors=()):
    tree = {"workers": list(rows), "supervisors": list(supervisors)}
    return Seen(tree, Cost(1, 0, 0.25, 4096, 1), 12.5, costs or {}, deaths or {})


def values(text):
    """{(sample, its labels' values…): value}, read by the parser of Prometheus' own client."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            key = (sample.name, *sample.labels.values())
            assert key not in found
            found[key] = sample.value
    return found


def test_workers_are_counted_by_kind_and_state_with_all_that_could_be():
    told = values(exposition(seen(row("a"), row("b"), row("c", kind="thread", state="backing-off"))))
    counted = {key[1:]: value for key, value in told.items() if key[0] == "nbmon_supervised_workers"}
    assert len(counted) == len(metrics.KINDS) * len(metrics.STATES)
    assert {key: value for key, value in counted.items() if value} == {
        ("process", "running"): 2,
        ("thread", "backing-off"): 1,
    }


def test_each_worker_tells_what_is_known_of_it():
    told = values(
        exposition(seen(row(restarts=3), costs={"web": Cost(7, 1, 0.5, 8192, 4)}, deaths={"web": 1e9}))
    )
    assert {key[0]: value for key, value in told.items() if key[1:] == ("web", "process")} == {
        "nbmon_worker_up": 1,
        "nbmon_worker_restarts_total": 3,
        "nbmon_worker_uptime_seconds": 1.5,
        "nbmon_worker_cpu_seconds_total": 0.5,
        "nbmon_worker_memory_bytes": 8192,
        "nbmon_worker_threads": 4,
        "nbmon_worker_last_death_timestamp_seconds": 1e9,
    }


def test_a_thread_has_time_of_its_own_but_no_memory():
    told = values(exposition(seen(row("t", kind="thread"), costs={"t": Cost(7, 1, 0.5, 8192, 4)})))
    names = {key[0] for key in told if key[1:] == ("t", "thread")}
    assert "nbmon_worker_cpu_seconds_total" in names
    assert not names & {"nbmon_worker_memory_bytes", "nbmon_worker_threads"}


def test_supervisors_and_the_master_are_told():
    told = values(
        exposition(seen(supervisors=[{"name": "", "restarts": 0}, {"name": "front", "restarts": 2}]))
    )
    assert told["nbmon_supervisor_restarts_total", "front"] == 2
    assert told["nbmon_supervisor_restarts_total", ""] == 0
    assert told["nbmon_supervisor_uptime_seconds",] == 12.5
    assert told["nbmon_supervisor_cpu_seconds_total",] == 0.25
    assert told["nbmon_supervisor_memory_bytes",] == 4096


def test_a_tree_too_large_is_counted_whole_and_told_in_part():
    text = exposition(seen(*(row(f"w-{n}") for n in range(MOST_WORKERS + 5))))
    told = values(text)
    assert told["nbmon_supervised_workers", "process", "running"] == MOST_WORKERS + 5
    assert told["nbmon_supervised_workers_omitted",] == 5
    assert sum(key[0] == "nbmon_worker_up" for key in told) == MOST_WORKERS


def test_names_that_would_break_the_format_are_escaped():
    told = values(exposition(seen(row('a"\\\nb'))))
    assert told["nbmon_worker_up", 'a"\\\nb', "process"] == 1


def test_a_stat_line_is_read_though_the_name_holds_brackets():
    fields = [b"S", b"7", *[b"0"] * 20]
    fields[11:15] = b"100", b"50", b"25", b"25"  # CPU time, own and of children
    fields[17], fields[19], fields[21] = b"3", b"700", b"10"  # threads, start, pages
    found = costs.parse_stat(b"42 (a) b( c) " + b" ".join(fields), ticks=100, page=4096)
    assert found == Cost(42, 7, 2.0, 40960, 3, 1.5, 7.0)


def test_a_process_that_is_not_there_costs_nothing_that_could_be_told():
    assert costs.of(2**22 + 1) is None
    own = costs.of(os.getpid())
    assert own.parent == os.getppid()
    assert own.memory > 1 << 20


def test_a_running_tree_tells_its_metrics_over_the_control_socket(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        os.kill(tree.pid_of("web-1"), signal.SIGKILL)
        tree.pid_of("web-1", 2)
        wait_until(
            lambda: values(ask(tree, "metrics")["metrics"])["nbmon_worker_up", "web-1", "process"] == 1
        )
        answer = ask(tree, "metrics")
        told = values(answer["metrics"])
        assert answer["type"].startswith("text/plain; version=0.0.4")
        assert told["nbmon_supervised_workers", "process", "running"] == 2
        assert told["nbmon_supervised_workers", "coroutine", "running"] == 1
        assert told["nbmon_worker_restarts_total", "web-1", "process"] == 1
        assert abs(told["nbmon_worker_last_death_timestamp_seconds", "web-1", "process"] - time.time()) < 60
        assert told["nbmon_worker_memory_bytes", "web-2", "process"] > 1 << 20
        assert told["nbmon_supervisor_memory_bytes",] > 1 << 20
        assert ("nbmon_worker_cpu_seconds_total", "t", "thread") in told
        assert ("nbmon_worker_cpu_seconds_total", "c", "coroutine") not in told
        assert tree.stop() == 0
