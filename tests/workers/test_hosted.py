"""Threads and coroutines under supervision, in real host processes."""

from __future__ import annotations

import os
import signal

from support.proc import Process, wait_until
from workers.trees import running

KINDS = """
import asyncio, threading

def watch():
    note("up", nbmon.current_worker().name, threading.get_native_id())
    nbmon.ready()
    nbmon.wait_stopping()
    note("down", nbmon.current_worker().name)

async def follow():
    note("up", nbmon.current_worker().name, os.getpid())
    nbmon.ready()
    try:
        await asyncio.sleep(1000)
    finally:
        note("down", nbmon.current_worker().name)

async def listen():
    note("up", nbmon.current_worker().name, os.getpid())
    nbmon.ready()
    await nbmon.stopped()
    note("down", nbmon.current_worker().name, nbmon.stopping())
"""


def test_the_three_kinds_start_in_one_order_and_stop_in_reverse(tmp_path):
    body = KINDS + (
        'tree = Supervisor(process("p", serve, ready=True), thread("t", watch, ready=True, count=2),\n'
        '    coroutine("c", follow, ready=True), coroutine("l", listen, ready=True),\n'
        '    thread("u", watch, ready=True))'
    )
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        assert [n.split()[1] for n in tree.notes if n.startswith("up")] == ["p", "t-1", "t-2", "c", "l", "u"]
        downs = [n.split()[1] for n in tree.notes if n.startswith("down")]
        assert downs[:3] == ["u", "l", "c"]
        assert sorted(downs[3:5]) == ["t-1", "t-2"]
        assert downs[5] == "p"
        assert "down l True" in tree.notes
        tree.wait_until_nothing_is_left()


def test_threads_and_coroutines_have_a_host_each(tmp_path):
    body = KINDS + (
        'tree = Supervisor(thread("t", watch, ready=True, count=3),\n'
        '    coroutine("c", follow, ready=True, count=3))'
    )
    with running(tmp_path, body) as tree:
        assert len(tree.children()) == 3  # two hosts, and the keeper
        tids = {int(note.split()[2]) for note in tree.notes if note.startswith("up t")}
        loops = {int(note.split()[2]) for note in tree.notes if note.startswith("up c")}
        assert (len(tids), len(loops)) == (3, 1)
        host = Process(tids.pop())
        assert host.status("Tgid") in {str(child.pid) for child in tree.children()}
        assert tree.stop() == 0


def test_a_thread_and_a_coroutine_that_fail_are_back_alone(tmp_path):
    body = (
        KINDS
        + """
def fail_once():
    note("up", nbmon.current_worker().name, threading.get_native_id())
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once")
    nbmon.wait_stopping()
async def fail_once_too():
    note("up", nbmon.current_worker().name, os.getpid())
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once, too")
    await nbmon.stopped()
tree = Supervisor(thread("t", fail_once), thread("still", watch), coroutine("c", fail_once_too),
                  coroutine("calm", follow), healthy=0)
"""
    )
    with running(tmp_path, body) as tree:
        tree.wait_for("up t", 2)
        first, second = tree.wait_for("up c", 2)
        assert first == second  # the same host
        tree.wait_for_log("t died of ValueError: once (")
        tree.wait_for_log("c died of ValueError: once, too (")
        assert len(tree.wait_for("up still")) == len(tree.wait_for("up calm")) == 1
        assert tree.stop() == 0


def test_the_death_of_a_host_is_the_death_of_one_and_the_loss_of_the_others(tmp_path):
    body = KINDS + 'tree = Supervisor(thread("t", watch, ready=True, count=4), intensity=1, healthy=0)'
    with running(tmp_path, body) as tree:
        host = Process(tree.pid_of("t-1")).status("Tgid")
        os.kill(int(host), signal.SIGKILL)
        for number in range(1, 5):
            tree.wait_for(f"up t-{number}", 2)
        tree.wait_for_log(f"t-1 died with its host (pid {host}), which was killed by SIGKILL")
        assert tree.stop() == 0
        tree.wait_until_nothing_is_left()


def test_a_thread_whose_heart_stops_costs_its_host_and_the_log_has_its_stack(tmp_path):
    body = (
        KINDS
        + """
def stuck_in_here():
    note("up", nbmon.current_worker().name, threading.get_native_id())
    nbmon.ready()
    if nbmon.current_worker().restarts == 0:
        time.sleep(1000)
    while not nbmon.wait_stopping(0.1):
        nbmon.heartbeat()
tree = Supervisor(thread("calm", watch, ready=True), thread("t", stuck_in_here, ready=True, heartbeat=0.5),
                  healthy=0, intensity=1)
"""
    )
    with running(tmp_path, body) as tree:
        tree.wait_for("up t", 2)
        tree.wait_for("up calm", 2)
        tree.wait_for_log("t gave no heartbeat for 0.5 seconds: its host (pid ")
        tree.wait_for_log("is killed, and with it calm")
        tree.wait_for_log("in stuck_in_here")
        assert tree.stop() == 0


def test_a_coroutine_that_holds_up_the_loop_is_found_though_another_missed_its_heartbeat(tmp_path):
    body = (
        KINDS
        + """
async def beats():
    nbmon.ready()
    note("up", nbmon.current_worker().name, os.getpid())
    while True:
        nbmon.heartbeat()
        await asyncio.sleep(0.1)
async def holds_up():
    await asyncio.sleep(0.3)
    if nbmon.current_worker().restarts == 0:
        time.sleep(1000)
    await asyncio.sleep(1000)
tree = Supervisor(coroutine("beats", beats, ready=True, heartbeat=0.5), coroutine("bad", holds_up),
                  healthy=0, intensity=1)
"""
    )
    with running(tmp_path, body) as tree:
        tree.wait_for("up beats", 2)
        tree.wait_for_log("bad held up the event loop, so that beats gave no heartbeat for 0.5 seconds")
        tree.wait_for_log("in holds_up")
        assert tree.stop() == 0


def test_a_thread_that_does_not_stop_lets_the_others_stop_in_peace(tmp_path):
    body = (
        KINDS
        + """
def deaf():
    time.sleep(1000)
tree = Supervisor(thread("calm", watch, ready=True), thread("t", deaf, grace=0.2))
"""
    )
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        assert "down calm" in tree.notes
        assert "t did not stop within 0.2 seconds" in tree.text
        tree.wait_until_nothing_is_left()


def test_a_coroutine_that_swallows_its_cancellation_is_forced(tmp_path):
    body = (
        KINDS
        + """
async def deaf():
    nbmon.ready()
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            note("swallowed")
tree = Supervisor(coroutine("c", deaf, grace=0.3, ready=True))
"""
    )
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        assert "swallowed" in tree.notes
        tree.wait_until_nothing_is_left()


def test_a_coroutine_that_is_stopped_before_it_began_has_ended(tmp_path):
    body = (
        KINDS
        + """
async def follow_at_once():
    await asyncio.sleep(1000)
async def hold():
    nbmon.ready()
    time.sleep(0.3)
tree = Supervisor(coroutine("h", hold, ready=True, restart="transient"),
                  coroutine("c", follow_at_once, count=5))
"""
    )
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        assert "did not stop" not in tree.text


def test_waiting_in_a_coroutine_as_in_a_thread_is_refused_with_the_right_word(tmp_path):
    body = (
        KINDS
        + """
async def wrong():
    nbmon.wait_stopping(1)
tree = Supervisor(coroutine("c", wrong, restart="temporary"), coroutine("l", listen))
"""
    )
    with running(tmp_path, body) as tree:
        tree.wait_for_log("wait_stopping() would hold up the whole loop; use: await nbmon.stopped()")


def test_a_thread_of_a_coroutine_may_wait(tmp_path):
    body = (
        KINDS
        + """
async def helped():
    nbmon.ready()
    await asyncio.to_thread(nbmon.wait_stopping)
    note("helped")
tree = Supervisor(coroutine("c", helped, ready=True))
"""
    )
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        assert "helped" in tree.notes


def test_nothing_of_the_hosts_outlives_a_supervisor_that_is_killed(tmp_path):
    body = KINDS + 'tree = Supervisor(thread("t", watch, ready=True), coroutine("c", follow, ready=True))'
    with running(tmp_path, body) as tree:
        tree.process.kill()
        tree.wait_until_nothing_is_left()


def test_a_strategy_spans_the_kinds(tmp_path):
    body = KINDS + (
        'tree = Supervisor(process("p", serve, ready=True), thread("t", watch, ready=True),\n'
        '    coroutine("c", listen, ready=True), strategy="rest_for_one", healthy=0)'
    )
    with running(tmp_path, body) as tree:
        os.kill(int(Process(tree.pid_of("t")).status("Tgid")), signal.SIGKILL)
        tree.wait_for("up t", 2)
        tree.wait_for("up c", 2)
        assert "down c True" in tree.notes
        assert len(tree.wait_for("up p")) == 1
        assert tree.stop() == 0


def test_five_hundred_threads_and_ten_thousand_coroutines_fail_once_each_and_are_all_back(tmp_path):
    body = (
        KINDS
        + """
import sys
class Quiet:
    def write(self, text): pass
    def flush(self): pass
sys.stderr = Quiet()
def fail_once():
    nbmon.ready()
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once")
    with open("threads", "a") as file:
        file.write("x")
    nbmon.wait_stopping()
backs = 0
async def fail_once_too():
    global backs
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once, too")
    backs += 1
    if backs == 10_000:
        note("all coroutines are back")
    await nbmon.stopped()
tree = Supervisor(thread("t", fail_once, count=500), coroutine("c", fail_once_too, count=10_000),
                  healthy=0, intensity=20_000)
"""
    )
    with running(tmp_path, body) as tree:
        tree.wait_for("all coroutines are back")
        wait_until(lambda: (tmp_path / "threads").stat().st_size == 500)
        assert tree.stop() == 0
        tree.wait_until_nothing_is_left()
