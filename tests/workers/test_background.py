"""A tree in the background of a program, steered from Python."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import nbmon
from nbmon import Supervisor, WorkerError, coroutine, process, thread
from support.proc import GROSS_HANG, Process, wait_until


def serve():
    nbmon.ready()
    nbmon.wait_stopping()


async def follow():
    nbmon.ready()
    await nbmon.stopped()


def fail():
    raise ValueError("as always")


def rows(tree):
    return {row["name"]: row for row in tree.status()["workers"]}


@pytest.fixture
def tree():
    made = Supervisor(
        process("web", serve, count=2, ready=True),
        thread("watch", serve, ready=True),
        Supervisor(coroutine("feed", follow, ready=True), process("db", ["sleep", "1000"]), name="back"),
        healthy=0,
    )
    made.start(timeout=GROSS_HANG)
    yield made
    made.stop()


def test_each_worker_is_listed_with_what_is_known_of_it(tree):
    found = rows(tree)
    assert list(found) == ["web-1", "web-2", "watch", "back/feed", "back/db"]
    for name, kind in zip(found, ["process", "process", "thread", "coroutine", "process"], strict=True):
        row = found[name]
        keys = "name of kind pid tid host_pid state restarts uptime last_death aside"
        assert set(row) == set(keys.split())
        assert (row["kind"], row["state"], row["restarts"], row["last_death"]) == (kind, "running", 0, None)
        assert Process(row["pid"]).alive
        assert row["uptime"] >= 0
    assert found["web-1"]["tid"] is found["web-1"]["host_pid"] is found["back/feed"]["tid"] is None
    assert os.path.exists(f"/proc/{found['watch']['host_pid']}/task/{found['watch']['tid']}")
    assert found["back/feed"]["host_pid"] == found["back/feed"]["pid"]


def test_a_death_is_counted_and_told(tree):
    pid = rows(tree)["web-1"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: rows(tree)["web-1"]["restarts"] == 1 and rows(tree)["web-1"]["state"] == "running")
    row = rows(tree)["web-1"]
    assert row["pid"] != pid
    assert row["last_death"].startswith("was killed by SIGKILL after ")


def test_a_worker_all_of_a_kind_and_a_supervisor_can_be_restarted(tree):
    before = rows(tree)
    tree.restart("web-1")
    tree.restart("back")
    after = rows(tree)
    changed = {name for name in before if before[name]["pid"] != after[name]["pid"]}
    assert "web-1" in changed
    assert "back/db" in changed
    assert not {"web-2", "watch"} & changed
    tree.restart("web")
    assert rows(tree)["web-2"]["restarts"] == 1


def test_a_worker_can_be_scaled_up_and_down(tree):
    old = rows(tree)["web-1"]["pid"]
    tree.scale("web", 4)
    assert list(rows(tree)) == ["web-1", "web-2", "web-3", "web-4", "watch", "back/feed", "back/db"]
    tree.scale("web", 1)
    tree.scale("back/feed", 3)
    assert list(rows(tree)) == ["web-1", "watch", "back/feed", "back/feed-2", "back/feed-3", "back/db"]
    assert rows(tree)["web-1"]["pid"] == old
    tree.scale("web", 0)
    tree.scale("web", 1)
    assert "web-1" in rows(tree)


def test_a_worker_is_not_scaled_beyond_what_it_allows():
    with Supervisor(process("web", serve, count=2, most=3)) as tree:
        tree.scale("web", 3)
        with pytest.raises(WorkerError, match="web may be at most 3; start it anew with more"):
            tree.scale("web", 4)


def test_a_reload_renews_the_processes(tree):
    before = rows(tree)
    tree.reload()
    after = rows(tree)
    assert {name for name in before if before[name]["pid"] != after[name]["pid"]} == {"web-1", "web-2"}


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda tree: tree.restart("wbe"), "there is no worker 'wbe'; did you mean 'web'?"),
        (lambda tree: tree.scale("web", -1), "web: -1 is no number of workers; accepted are 0 to 100000"),
        (lambda tree: tree.scale("web", 10**9), "accepted are 0 to 100000"),
        (lambda tree: tree.scale("back", 2), "'back' is a supervisor, of which there is one"),
        (lambda tree: tree.start(), "started already"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(tree, ask, said):
    with pytest.raises(WorkerError, match=said.replace("?", r"\?")):
        ask(tree)
    assert tree.status()["state"] == "running"


def test_stop_leaves_nothing_and_may_be_repeated(tree):
    pids = [tree.status()["pid"], *(row["pid"] for row in tree.status()["workers"])]
    tree.stop()
    tree.stop()
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    with pytest.raises(WorkerError, match="not running"):
        tree.status()


def test_a_stopped_tree_can_be_started_again(tree):
    tree.stop()
    tree.start()
    assert tree.status()["state"] == "running"


def test_a_tree_that_gives_up_before_it_is_ready_says_why():
    tree = Supervisor(process("a", serve, ready=True), process("b", fail, ready=True), intensity=0)
    with pytest.raises(WorkerError, match=r"gave up: more than 0 restarts.*ValueError: as always"):
        tree.start(timeout=GROSS_HANG)


def test_a_tree_that_is_not_ready_in_time_is_ended():
    tree = Supervisor(process("a", time.sleep, args=[1000], ready=True))
    with pytest.raises(WorkerError, match="does not answer"):
        tree.start(timeout=0.2)
    with pytest.raises(WorkerError, match="not running"):
        tree.status()


def test_a_program_with_threads_may_have_a_tree():
    over = threading.Event()
    waiting = threading.Thread(target=over.wait)
    waiting.start()
    try:
        with Supervisor(process("a", serve, ready=True)) as tree:
            assert tree.status()["state"] == "running"
    finally:
        over.set()
        waiting.join()


def test_a_thread_that_started_a_tree_may_end():
    tree = Supervisor(process("a", serve, ready=True))
    starter = threading.Thread(target=tree.start)
    starter.start()
    starter.join()
    try:
        assert tree.status()["workers"][0]["state"] == "running"
    finally:
        tree.stop()


def test_a_tree_ends_with_its_program():
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        tree = Supervisor(process("a", serve, ready=True))
        tree.start()
        os.write(writing, f"{tree.status()['pid']} {tree.status()['workers'][0]['pid']}".encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    pids = [int(word) for word in os.read(reading, 99).split()]
    os.close(reading)
    os.close(writing)
    assert len(pids) == 2
    wait_until(lambda: not any(Process(pid).alive for pid in pids))


def test_outside_of_a_worker_the_words_are_harmless():
    assert nbmon.stopping() is False
    assert nbmon.current_worker() is None
    nbmon.heartbeat()
    nbmon.handled()
    assert nbmon.wait_stopping(0.001) is False
    with pytest.raises(RuntimeError, match="no worker"):
        nbmon.wait_stopping()
    with ThreadPoolExecutor(1) as aside, pytest.raises(RuntimeError, match="no worker"):
        aside.submit(asyncio.run, nbmon.stopped()).result()  # others may have left a loop here
