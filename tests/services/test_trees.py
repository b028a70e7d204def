"""`nbmon start module:tree`, as a person types it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from support.proc import GROSS_HANG, Process, wait_until

PROGRAM = """
import nbmon
from nbmon import Supervisor, coroutine, process, thread

def serve():
    nbmon.ready()
    nbmon.wait_stopping()

async def follow():
    await nbmon.stopped()

def fail():
    raise ValueError("as always")

tree = Supervisor(
    process("web", serve, count=2, ready=True),
    thread("watch", serve),
    Supervisor(coroutine("feed", follow), process("db", ["sleep", "1000"]), name="back"),
    healthy=0,
)
hopeless = Supervisor(process("a", fail, ready=True), intensity=1, backoff=0.01)
no_tree = 3
"""


class Nbmon:
    def __init__(self, folder):
        self.folder = folder
        (folder / "app.py").write_text(PROGRAM)
        for name in ("run", "state"):
            (folder / name).mkdir(mode=0o700)
        places = {"XDG_RUNTIME_DIR": str(folder / "run"), "XDG_STATE_HOME": str(folder / "state")}
        self.environment = {**os.environ, **places}
        self.pids = set()

    def __call__(self, *words):
        command = [sys.executable, "-m", "nbmon", *words]
        options = {"cwd": self.folder, "env": self.environment, "timeout": GROSS_HANG}
        return subprocess.run(command, capture_output=True, text=True, **options)

    def status(self):
        view = json.loads(self("status", "tree", "--json").stdout)
        self.pids |= {view["pid"], *(row["pid"] for row in view["workers"])} - {None}
        return view

    def rows(self):
        return {row["name"]: row for row in self.status()["workers"]}


@pytest.fixture
def nbmon(tmp_path):
    made = Nbmon(tmp_path)
    yield made
    made("stop", "tree")
    assert not [pid for pid in made.pids if Process(pid).alive]


def test_a_tree_is_started_shown_reloaded_and_stopped(nbmon):
    done = nbmon("start", "app:tree")
    assert (done.returncode, done.stderr) == (0, "")
    rows = nbmon.rows()
    assert list(rows) == ["web-1", "web-2", "watch", "back/feed", "back/db"]
    assert {row["state"] for row in rows.values()} == {"running"}
    os.kill(rows["back/db"]["pid"], signal.SIGKILL)
    wait_until(lambda: nbmon.status()["restarts"] == 1)
    assert nbmon.rows()["back/db"]["last_death"].startswith("was killed by SIGKILL")
    assert nbmon("reload", "tree").returncode == 0
    assert nbmon.rows()["web-1"]["pid"] != rows["web-1"]["pid"]
    assert nbmon("stop", "tree").returncode == 0
    assert nbmon.status()["state"] == "stopped"
    assert os.listdir(nbmon.folder / "run" / "nbmon") == []


def test_a_tree_that_gives_up_is_no_start_and_says_why(nbmon):
    done = nbmon("start", "app:hopeless")
    assert done.returncode == 1
    assert (
        "gave up: more than 1 restarts within 60 seconds; the last was a, which died of ValueError"
        in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_what_is_no_tree_is_refused(nbmon):
    done = nbmon("start", "app:no_tree")
    assert done.returncode == 1
    assert "is of type int and no Daemon; accepted is a subclass of nbmon.Daemon" in done.stderr


def test_a_start_over_the_remains_of_a_killed_one_works(nbmon):
    assert nbmon("start", "app:tree").returncode == 0
    view = nbmon.status()
    os.kill(view["pid"], signal.SIGKILL)
    wait_until(lambda: not any(Process(row["pid"]).alive for row in view["workers"]))
    done = nbmon("start", "app:tree")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(nbmon.rows()) == 5


def test_a_worker_is_restarted_and_scaled_by_its_name(nbmon):
    assert nbmon("start", "app:tree").returncode == 0
    before = nbmon.rows()
    done = nbmon("restart", "tree/back/db")
    assert (done.returncode, done.stdout) == (0, "tree/back/db is restarted\n")
    done = nbmon("scale", "tree/web", "4")
    assert (done.returncode, done.stdout) == (0, "tree has 4 of web\n")
    after = nbmon.rows()
    assert after["back/db"]["pid"] != before["back/db"]["pid"]
    assert after["web-1"]["pid"] == before["web-1"]["pid"]
    assert [name for name in after if name.startswith("web")] == ["web-1", "web-2", "web-3", "web-4"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("restart", "tree/wbe"), 1, "tree: there is no worker 'wbe'; did you mean 'web'?"),
        (("scale", "tree/web", "many"), 2, "many is not accepted; give a whole number from 0"),
        (("scale", "tree/web", "-1"), 2, "-1"),
        (("scale", "tree", "3"), 2, "tree names no worker; give NAME/worker"),
        (("scale", "nobody/web", "3"), 1, "nobody is not running"),
        (("events", "nobody"), 1, "nobody is not running"),
    ],
)
def test_what_is_wrong_about_a_worker_is_said(nbmon, words, code, said):
    assert nbmon("start", "app:tree").returncode == 0
    nbmon.status()
    done = nbmon(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def restart_until(stream, nbmon):
    """Restart a worker again and again, until an event of it reaches the stream: then it follows."""
    until = time.monotonic() + GROSS_HANG
    while not select.select([stream], [], [], 0)[0]:
        assert time.monotonic() < until
        assert nbmon("restart", "tree/back/db").returncode == 0


def test_events_are_shown_as_they_come_until_the_end(nbmon):
    assert nbmon("start", "app:tree").returncode == 0
    command = [sys.executable, "-m", "nbmon", "events", "tree", "--json"]
    options = {"cwd": nbmon.folder, "env": nbmon.environment, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **options) as following:
        restart_until(following.stdout, nbmon)
        os.kill(nbmon.rows()["web-1"]["pid"], signal.SIGKILL)
        wait_until(lambda: nbmon.rows()["web-1"]["restarts"] == 1)
        nbmon("stop", "tree")
        events = [json.loads(line) for line in following.stdout]
    assert events[-1]["event"] == "down"
    assert {"died", "started", "ready"} <= {event["event"] for event in events if event["worker"] == "web-1"}


def test_a_reload_that_is_refused_says_why(nbmon):
    program = (nbmon.folder / "app.py").read_text()
    check = '    if __import__("os").path.exists("broken"):\n        raise ValueError("broken now")\n'
    broken = f"def serve():\n{check}"
    (nbmon.folder / "app.py").write_text(program.replace("def serve():\n", broken))
    assert nbmon("start", "app:tree").returncode == 0
    before = nbmon.rows()
    (nbmon.folder / "broken").touch()
    done = nbmon("reload", "tree")
    assert (done.returncode, done.stdout) == (1, "")
    assert "tree: the new web-1 died of ValueError: broken now" in done.stderr
    assert nbmon.rows()["web-1"]["pid"] == before["web-1"]["pid"]
