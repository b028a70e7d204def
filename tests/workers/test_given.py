"""What a worker is given before it runs: settings, descriptors; and what it is told where that cannot be."""

from __future__ import annotations

import os
import signal

from support.proc import GROSS_HANG, Process, wait_until
from workers.trees import running


def test_a_worker_inherits_what_the_program_opened_and_nothing_of_its_supervisors(tmp_path):
    body = """
    kept = open("kept", "w")
    tree = Supervisor(process("x", serve, ready=True), process("a", serve, ready=True))
    """
    with running(tmp_path, body) as tree:
        own = tree.children()
        pid = tree.pid_of("a")
        wait_until(lambda: "pipe:" in " ".join(Process(pid).descriptors.values()))  # it waits
        links = list(Process(pid).descriptors.values())
        assert str(tmp_path / "kept") in links
        assert not [link for link in links if "pidfd" in link or "eventpoll" in link]
        # The socket to the supervisor, and the pipe of wait_stopping.
        assert len([link for link in links if link.startswith("socket:")]) == 1
        assert len([link for link in links if link.startswith("pipe:")]) == 2
        assert len(own) >= 2


def test_a_command_gets_no_descriptor_but_the_streams_and_what_was_named(tmp_path):
    body = """
    wanted, unwanted = os.open("wanted", os.O_CREAT), os.open("unwanted", os.O_CREAT)
    os.set_inheritable(unwanted, True)
    tree = Supervisor(process("s", ["sleep", "1000"]), process("t", ["sleep", "999"], descriptors=[wanted]))
    """
    with running(tmp_path, body) as tree:
        plain, given = sorted(
            (child for child in tree.children() if child.status("Name") == "sleep"),
            key=lambda child: child.pid,
        )
        # execve(2) closes one after the other, so for a moment some may still be seen.
        wait_until(lambda: set(plain.descriptors) == {0, 1, 2})
        wait_until(lambda: len(given.descriptors) == 4)
        assert set(given.descriptors.values()) - set(plain.descriptors.values()) == {str(tmp_path / "wanted")}


def test_settings_are_applied_before_the_worker_runs(tmp_path):
    body = """
    import resource
    def show():
        note("is", os.getcwd(), os.environ.get("COLOUR"), "HOME" in os.environ, os.nice(0) - outer,
             oct(os.umask(0)), resource.getrlimit(resource.RLIMIT_NOFILE)[0], sorted(os.sched_getaffinity(0)))
        serve()
    outer = os.nice(0)
    cpu = min(os.sched_getaffinity(0))
    here = os.getcwd()
    os.makedirs("below", exist_ok=True)
    def note(*words):
        with open(here + "/notes", "a") as file:
            file.write(" ".join(map(str, words)) + "\\n")
    tree = Supervisor(process("a", show, ready=True, env={"COLOUR": "green", "HOME": None}, directory="below",
                              nice=2, umask=0o27, limits={"nofile": 99}, affinity={cpu}))
    """
    with running(tmp_path, body) as tree:
        words = tree.wait_for("is")[0].split()
        assert words[1:5] == [str(tmp_path / "below"), "green", "False", "2"]
        assert words[5:7] == ["0o27", "99"]


def test_a_setting_that_is_not_possible_is_told(tmp_path):
    body = """
    tree = Supervisor(process("a", serve, directory="nowhere"), process("s", ["true"], directory="nowhere"),
                      intensity=0)
    """
    with running(tmp_path, body, ready=False) as tree:
        assert tree.process.wait(GROSS_HANG) == 1
        assert "cannot work in " in tree.text
        assert "nowhere: No such file or directory" in tree.text


def test_no_further_process_is_told_and_survived(tmp_path):
    body = """
    real, refusals = os.fork, []
    def fork():
        if refusals:
            raise refusals.pop()
        return real()
    os.fork = fork
    def serve_once_refused():
        serve()
    tree = Supervisor(process("a", serve, ready=True), healthy=0, backoff=0.01)
    run = tree.run
    def refuse_then(on_ready):
        refusals.extend(BlockingIOError(11, "no") for _ in range(2))
        on_ready()
    tree.run = lambda on_ready: run(on_ready=lambda: refuse_then(on_ready))
    """
    with running(tmp_path, body) as tree:
        os.kill(tree.pid_of("a"), signal.SIGKILL)
        tree.pid_of("a", 2)
        assert tree.text.count("could not be started: cannot start 'a': no further process is allowed") == 2
        assert tree.stop() == 0
