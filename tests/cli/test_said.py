"""What a command says when it cannot write, and of programs with words of their own."""

import subprocess

import pytest

MODULE = """
import time
from nbmon import Daemon


class Door(Daemon):
    wait_ready = True

    def run(self):
        self.ready("listening on port 7")
        time.sleep(600)


class Later(Daemon):
    async def run(self):
        import asyncio
        print("begun", flush=True)
        try:
            await asyncio.sleep(600)
        finally:
            print("tidied up", flush=True)
"""
RECIPE = "class Daemon: pass\nclass Old(Daemon): pass\n"


@pytest.mark.parametrize(
    "words",
    [["status"], ["status", "nobody", "--json"], ["--help"], ["completion", "bash"], ["--version"]],
    ids=" ".join,
)
def test_a_full_disk_behind_stdout_is_said_once_and_in_one_line(nbmon, words):
    with open("/dev/full", "w") as full:
        done = nbmon(*words, code=1, stdout=full, stderr=subprocess.PIPE)
    assert "o space left on device" in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_failed_is_still_said_where_stdout_is_full(nbmon):
    with open("/dev/full", "w") as full:
        done = nbmon("start", "./missing", code=1, stdout=full, stderr=subprocess.PIPE)
    assert done.stderr == "nbmon: ./missing is not there\n"


def test_a_programs_own_words_stand_behind_its_name_and_pid(nbmon):
    (nbmon.cwd / "door.py").write_text(MODULE)
    done = nbmon("start", "door:Door")
    pid = nbmon.view("Door")["pid"]
    assert done.stdout == f"Door is running (pid {pid}): listening on port 7\n"
    assert nbmon.view("Door")["url"] is None


def test_a_class_whose_run_is_a_coroutine_runs_and_is_stopped_in_order(nbmon):
    (nbmon.cwd / "door.py").write_text(MODULE)
    nbmon("start", "door:Later")
    nbmon("stop", "Later")
    assert nbmon("logs", "Later").stdout == "begun\ntidied up\n"


def test_a_copied_daemon_is_told_from_nbmons(nbmon):
    (nbmon.cwd / "old.py").write_text(RECIPE)
    done = nbmon("start", "old:Old", code=1)
    assert "accepted is a subclass of nbmon.Daemon, or an nbmon.Supervisor; its Daemon is not" in done.stderr
