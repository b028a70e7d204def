"""From looks at services to the rows of the table: plain values in, plain values out."""

from __future__ import annotations

from nbmon.services.watching.seen import Seen, below, rows
from nbmon.workers.costs import Cost


def cost(pid, parent=1, own=0.0, memory=1000, threads=1):
    return Cost(pid, parent, own, memory, threads, own)


def worker(name, kind="process", pid=None, host=None, tid=None, **more):
    told = {"name": name, "of": name, "kind": kind, "pid": pid or host, "tid": tid, "host_pid": host}
    return told | {"state": "running", "restarts": 0, "uptime": 3.0, "last_death": None} | more


def seen(*workers, when=10.0, family=(), threads=None, inner=(), **more):
    tree = {
        "workers": list(workers),
        "supervisors": [
            {"name": name, "strategy": "one_for_all", "state": "running", "restarts": 2, "last_death": None}
            for name in ("", *inner)
        ],
    }
    facts = {"name": "demo", "kind": "class", "state": "running", "pid": 10, "uptime": 5.0}
    return Seen(
        **facts | {"when": when, "tree": tree, "family": {one.pid: one for one in family}} | more,
        threads=threads or {},
    )


def by_key(found):
    return {row.key: row for row in found}


def test_a_service_stands_above_its_workers_in_their_order():
    found = rows([], [seen(worker("b", pid=12), worker("a", pid=11))])
    assert [(row.key, row.parent, row.kind) for row in found] == [
        ("demo", "", "tree"),
        ("demo/b", "demo", "process"),
        ("demo/a", "demo", "process"),
    ]
    assert [row.is_service for row in found] == [True, False, False]


def test_an_inner_supervisor_stands_above_its_own():
    found = rows([], [seen(worker("a"), worker("x/y/b"), worker("x/c"), worker("d"), inner=("x", "x/y"))])
    assert [(row.key, row.parent, row.name) for row in found] == [
        ("demo", "", "demo"),
        ("demo/a", "demo", "a"),
        ("demo/x", "demo", "x"),
        ("demo/x/y", "demo/x", "y"),
        ("demo/x/y/b", "demo/x/y", "b"),
        ("demo/x/c", "demo/x", "c"),
        ("demo/d", "demo", "d"),
    ]
    front = by_key(found)["demo/x"]
    assert (front.kind, front.restarts, front.note, front.worker) == ("supervisor", 2, "one_for_all", "x")


def test_what_a_worker_alone_in_its_host_costs_is_its_own():
    family = [cost(10), cost(20, 10, memory=500, threads=2)]
    found = by_key(rows([], [seen(worker("feed", "coroutine", host=20), family=family)]))
    assert list(found) == ["demo", "demo/feed"]
    assert (found["demo/feed"].memory, found["demo/feed"].threads) == (500, 2)


def test_several_in_a_host_share_a_row_of_it_and_only_threads_have_time_of_their_own():
    family = [cost(10), cost(20, 10, own=1.0, memory=500, threads=3), cost(30, 10, memory=70)]
    workers = [
        worker("t1", "thread", host=20, tid=21),
        worker("t2", "thread", host=20, tid=22),
        worker("c1", "coroutine", host=30),
        worker("c2", "coroutine", host=30),
    ]
    before = seen(*workers, when=10.0, family=family, threads={(20, 21): 1.0, (20, 22): 2.0})
    later = [cost(10), cost(20, 10, own=1.5, memory=500, threads=3), cost(30, 10, own=1.0, memory=70)]
    now = seen(*workers, when=12.0, family=later, threads={(20, 21): 1.5, (20, 22): 2.0})
    found = rows([before], [now])
    assert [(row.key, row.name, row.kind) for row in found[1:]] == [
        ("demo/(20)", "2 threads", "host"),
        ("demo/t1", "t1", "thread"),
        ("demo/t2", "t2", "thread"),
        ("demo/(30)", "2 coroutines", "host"),
        ("demo/c1", "c1", "coroutine"),
        ("demo/c2", "c2", "coroutine"),
    ]
    cells = {row.key: (row.cpu, row.memory) for row in found}
    assert cells["demo/(20)"] == (25.0, 500)
    assert cells["demo/t1"] == (25.0, None)
    assert cells["demo/t2"] == (0.0, None)
    assert cells["demo/(30)"] == (50.0, 70)
    assert cells["demo/c1"] == (None, None)


def test_a_worker_costs_what_its_descendants_cost_and_the_service_everything():
    family = [
        cost(10, memory=1),
        cost(11, 10, memory=10),
        cost(12, 11, memory=100),
        cost(13, 10, memory=1000),
    ]
    found = by_key(rows([], [seen(worker("a", pid=11), family=family)]))
    assert found["demo/a"].memory == 110
    assert found["demo"].memory == 1111


def test_time_is_in_percent_of_a_core_and_needs_two_looks():
    now = seen(worker("a", pid=11), when=12.0, family=[cost(10), cost(11, 10, own=4.0)])
    assert by_key(rows([], [now]))["demo/a"].cpu is None
    before = seen(worker("a", pid=11), when=10.0, family=[cost(10), cost(11, 10, own=1.0)])
    found = by_key(rows([before], [now]))
    assert found["demo/a"].cpu == 150.0
    assert found["demo"].cpu == 150.0


def test_a_process_that_came_meanwhile_counts_and_one_that_went_does_not_count_below_nothing():
    before = seen(worker("a", pid=11), when=10.0, family=[cost(10), cost(11, 10, own=50.0)])
    now = seen(worker("a", pid=12), when=11.0, family=[cost(10), cost(12, 10, own=0.25)])
    assert by_key(rows([before], [now]))["demo"].cpu == 25.0


def test_a_service_started_anew_has_no_first_look():
    before = seen(when=10.0, family=[cost(9, own=1.0)], pid=9)
    assert rows([before], [seen(when=11.0, family=[cost(10)])])[0].cpu is None


def test_what_has_no_supervisor_is_one_row_and_its_kind_says_what_it_is():
    plain = Seen("d", "class", "running", 1.0, pid=10, family={10: cost(10)})
    assert [(row.kind, row.memory) for row in rows([], [plain])] == [("daemon", 1000)]
    unknown = Seen("x", None, "dead", 1.0)
    assert [(row.kind, row.state, row.pid) for row in rows([], [unknown])] == [("?", "dead", None)]


def test_restarts_of_a_service_are_those_of_its_workers():
    assert rows([], [seen(worker("a", restarts=2), worker("b", restarts=3))])[0].restarts == 5


def test_a_family_that_goes_round_in_circles_ends():
    assert set(below({1: cost(1, 2), 2: cost(2, 1)}, 1)) == {1, 2}
