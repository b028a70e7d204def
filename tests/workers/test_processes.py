"""Processes under supervision, as the kernel shows them."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from nbmon.workers import keeper
from support.proc import GROSS_HANG, Process, wait_until
from workers.trees import running


def test_a_tree_starts_in_order_and_stops_in_reverse(tmp_path):
    body = """
    tree = Supervisor(
        process("a", serve, ready=True), process("b", serve, count=2, ready=True), process("c", serve)
    )
    """
    with running(tmp_path, body) as tree:
        tree.wait_for("up c")
        assert tree.stop() == 0
        ups = [note.split()[1] for note in tree.notes if note.startswith("up")]
        downs = [note.split()[1] for note in tree.notes if note.startswith("down")]
        assert ups == ["a", "b-1", "b-2", "c"]
        assert (downs[0], downs[-1]) == ("c", "a")
        assert sorted(downs[1:3]) == ["b-1", "b-2"]
        tree.wait_until_nothing_is_left()


def test_a_killed_worker_is_back_and_the_log_says_what_killed_it(tmp_path):
    with running(tmp_path, 'tree = Supervisor(process("a", serve, ready=True), healthy=0)') as tree:
        first = tree.pid_of("a")
        os.kill(first, signal.SIGKILL)
        second = tree.pid_of("a", 2)
        assert second != first
        tree.wait_for_log(f"a (pid {first}) was killed by SIGKILL")
        assert not os.path.exists(f"/proc/{first}")  # no zombie
        assert tree.stop() == 0


def test_a_command_that_is_killed_is_back(tmp_path):
    body = (
        'tree = Supervisor(process("s", ["sh", "-c", "echo up s $$ >> notes; exec sleep 1000"]), healthy=0)'
    )
    with running(tmp_path, body) as tree:
        os.kill(tree.pid_of("s"), signal.SIGKILL)
        tree.pid_of("s", 2)
        assert tree.stop() == 0
        tree.wait_until_nothing_is_left()


def test_an_exception_is_told_with_its_place(tmp_path):
    body = """
    def fail():
        raise ValueError("no\\x1b such thing")
    tree = Supervisor(process("a", fail, restart="temporary"), process("b", serve))
    """
    with running(tmp_path, body) as tree:
        tree.wait_for_log("died of ValueError: no\\x1b such thing (")
        assert "in fail)" in tree.text


def test_a_command_that_is_not_there_is_told_and_retried_until_the_supervisor_gives_up(tmp_path):
    body = 'tree = Supervisor(process("a", ["no-such-program"]), intensity=2, backoff=0.01)'
    with running(tmp_path, body, ready=False) as tree:
        assert tree.process.wait(GROSS_HANG) == 1
        sentence = "could not be started: cannot run 'no-such-program': no such command in PATH"
        assert tree.text.count(f"a {sentence}") == 3
        assert (
            "gave up: more than 2 restarts within 60 seconds; the last was a, which " + sentence in tree.text
        )


def test_one_that_ignores_sigterm_is_killed_after_its_grace_time(tmp_path):
    body = """
    def deaf():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        serve()
    tree = Supervisor(process("a", deaf, ready=True, grace=0.2))
    """
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        assert "down" not in " ".join(tree.notes)
        tree.wait_until_nothing_is_left()


def test_a_stopped_worker_still_hears_that_it_shall_end(tmp_path):
    with running(tmp_path, 'tree = Supervisor(process("a", serve, ready=True))') as tree:
        pid = tree.pid_of("a")
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: Process(pid).state == "T")
        assert tree.stop() == 0
        tree.wait_for("down a")


def test_a_function_that_knows_nothing_of_stopping_is_ended_with_its_finally(tmp_path):
    body = """
    def work():
        try:
            nbmon.ready()
            time.sleep(1000)
        finally:
            note("tidied")
    tree = Supervisor(process("a", work, ready=True))
    """
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        tree.wait_for("tidied")


def test_a_second_sigterm_does_not_interrupt_the_tidying_up(tmp_path):
    body = """
    def work():
        note("up a", os.getpid())
        try:
            nbmon.ready()  # in here: whoever is ready may be stopped at once
            time.sleep(1000)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
            note("tidied")
    tree = Supervisor(process("a", work, ready=True))
    """
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        tree.wait_for("tidied")


def test_what_a_worker_forked_and_left_is_ended_with_it(tmp_path):
    body = """
    def parent():
        if os.fork() == 0:
            note("child", os.getpid())
            time.sleep(1000)
        serve()
    tree = Supervisor(process("a", parent, ready=True), healthy=0)
    """
    with running(tmp_path, body) as tree:
        first = tree.pid_of("a")
        child = int(tree.wait_for("child")[0].split()[1])
        os.kill(first, signal.SIGKILL)
        tree.pid_of("a", 2)
        wait_until(lambda: not Process(child).alive)
        assert tree.stop() == 0
        tree.wait_until_nothing_is_left()


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path):
    body = """
    def parent():
        if os.fork() == 0:
            note("child", os.getpid())
            time.sleep(1000)
        serve()
    tree = Supervisor(
        process("a", parent, ready=True),
        process("s", ["sh", "-c", "sleep 1000 & echo up s $$ >> notes; wait"]),
    )
    """
    with running(tmp_path, body) as tree:
        tree.wait_for("child")
        tree.wait_for("up s")
        assert len(tree.processes()) >= 6
        tree.process.kill()
        tree.wait_until_nothing_is_left()


def kill_keeper(tree):
    """It sleeps in one read(2), with nothing open but its pipe."""
    one = next(child for child in tree.children() if len(child.descriptors) == 1)
    os.kill(one.pid, signal.SIGKILL)
    wait_until(lambda: not one.alive)
    return one.pid


def test_a_keeper_that_is_killed_is_replaced(tmp_path):
    body = """
    def parent():
        if os.fork() == 0:
            note("child", os.getpid())
            time.sleep(1000)
        serve()
    tree = Supervisor(process("a", parent, ready=True), healthy=0)
    """
    with running(tmp_path, body) as tree:
        tree.wait_for("child")
        pid = kill_keeper(tree)
        wait_until(lambda: [child for child in tree.children() if len(child.descriptors) == 1])
        assert not os.path.exists(f"/proc/{pid}")  # no zombie
        tree.process.kill()
        tree.wait_until_nothing_is_left()  # the child was nobody's but the keeper's


def test_the_kernel_ends_the_workers_when_the_keeper_is_gone_too(tmp_path):
    body = 'tree = Supervisor(process("a", serve, ready=True), process("s", ["sleep", "1000"]))'
    with running(tmp_path, body) as tree:
        tree.send(signal.SIGSTOP)  # so that it is not replaced
        kill_keeper(tree)
        tree.process.kill()
        tree.wait_until_nothing_is_left()


def test_a_reload_starts_the_new_before_the_old_end(tmp_path):
    with running(tmp_path, 'tree = Supervisor(process("a", serve, count=2, ready=True))') as tree:
        tree.send(signal.SIGHUP)
        tree.wait_for("down", 2)
        words = [note.split()[0] for note in tree.notes if note != "ready"]
        assert words == ["up"] * 4 + ["down"] * 2
        tree.wait_for_log("reloaded")
        wait_until(lambda: len(tree.children()) == 3)  # and the keeper
        assert tree.stop() == 0


def test_a_storm_of_reloads_leaves_the_tree_as_it_was(tmp_path):
    with running(tmp_path, 'tree = Supervisor(process("a", serve, count=2, ready=True))') as tree:
        for _ in range(300):
            tree.send(signal.SIGHUP)
        tree.wait_for_log("reloaded")
        assert tree.stop() == 0
        assert 4 <= len([note for note in tree.notes if note.startswith("up")]) < 300
        tree.wait_until_nothing_is_left()


def test_a_reload_whose_new_worker_fails_leaves_the_old_and_says_why(tmp_path):
    body = """
    def fragile():
        if os.path.exists("broken"):
            raise RuntimeError("broken now")
        serve()
    tree = Supervisor(process("a", fragile, ready=True))
    """
    with running(tmp_path, body) as tree:
        pid = tree.pid_of("a")
        (tmp_path / "broken").touch()
        tree.send(signal.SIGHUP)
        tree.wait_for_log(
            "the reload was refused, the old workers go on: the new a died of RuntimeError: broken now"
        )
        assert Process(pid).alive
        (tmp_path / "broken").unlink()
        tree.send(signal.SIGHUP)
        tree.pid_of("a", 2)
        assert tree.stop() == 0


def test_one_whose_heart_stops_beating_is_killed_and_comes_back(tmp_path):
    body = """
    def work():
        note("up a", os.getpid())
        nbmon.ready()
        for _ in range(4):
            nbmon.heartbeat()
            time.sleep(0.1)
        if nbmon.current_worker().restarts == 0:
            time.sleep(1000)
        while not nbmon.wait_stopping(0.1):
            nbmon.heartbeat()
    tree = Supervisor(process("a", work, ready=True, heartbeat=1.0), healthy=0)
    """
    with running(tmp_path, body) as tree:
        tree.pid_of("a", 2)
        tree.wait_for_log("gave no heartbeat for 1 seconds and was killed by SIGKILL")
        assert tree.stop() == 0


def test_what_the_program_has_not_written_yet_is_written_once(tmp_path):
    body = """
    print("only once")
    tree = Supervisor(process("a", serve, ready=True, count=3))
    """
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        assert tree.text.count("only once") == 1


def test_a_second_ctrl_c_does_not_wait(tmp_path):
    body = """
    def deaf():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        serve()
    tree = Supervisor(process("a", deaf, ready=True, grace=1000))
    """
    with running(tmp_path, body) as tree:
        tree.send(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            tree.process.wait(0.3)
        tree.send(signal.SIGINT)
        assert tree.process.wait(GROSS_HANG) == 0
        tree.wait_until_nothing_is_left()


def test_a_coroutine_function_may_be_a_process(tmp_path):
    body = """
    async def serve_async():
        nbmon.stopping()
        note("up a", os.getpid())
        nbmon.ready()
        await nbmon.stopped()
        note("heard", nbmon.current_worker().kind)
    tree = Supervisor(process("a", serve_async, ready=True))
    """
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        assert "heard process" in tree.notes


def test_a_function_named_by_its_module_is_read_anew_by_each_life(tmp_path):
    (tmp_path / "fresh.py").write_text("def work():\n    raise ValueError('first')\n")
    body = """
    tree = Supervisor(process("a", "fresh:work"), process("b", serve), intensity=100, backoff=0.05)
    """
    with running(tmp_path, body) as tree:
        tree.wait_for_log("ValueError: first")
        text = "import tree_program\nimport nbmon\ndef work():\n    tree_program.serve()\n"
        (tmp_path / "new.py").write_text(text)
        os.replace(tmp_path / "new.py", tmp_path / "fresh.py")
        tree.wait_for("up a")
        assert tree.stop() == 0


def test_the_keeper_forgets_a_group_that_has_ended():
    groups = {}
    for number in (5, 6, -5):
        keeper._note(groups, number)
    assert list(groups) == [6]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user")
def test_a_worker_becomes_another_user_and_still_dies_with_its_supervisor(tmp_path):
    body = 'tree = Supervisor(process("s", ["sleep", "1000"], user=65534, group=65534))'
    with running(tmp_path, body) as tree:
        sleeper = next(child for child in tree.children() if child.status("Name") == "sleep")
        assert sleeper.status("Uid").split() == ["65534"] * 4
        assert sleeper.status("Groups") == "65534"
        tree.send(signal.SIGSTOP)
        kill_keeper(tree)
        tree.process.kill()
        wait_until(lambda: not sleeper.alive)
