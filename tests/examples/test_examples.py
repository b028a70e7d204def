"""The examples, run for real in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.proc import GROSS_HANG, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
CLOCK = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


def start(run, name: str, *words: str) -> None:
    result = run(name, *words)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def stop(run, name: str) -> None:
    result = run(name, "stop")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert run.processes() == []
    assert not (run.folder / f"{name}.pid").exists()


# --- counter.py


def test_the_counter_writes_the_time_until_it_is_told_to_end(run):
    start(run, "counter")
    run.says("counter.log", "number 2\n")
    assert re.fullmatch(rf"({CLOCK} number \d+\n)+", run.read("counter.log"))
    daemon = run.daemon("counter.pid")
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not daemon.alive)
    assert not (run.folder / "counter.pid").exists()


def test_the_counter_counts_where_it_is_told_to(run):
    (run.folder / "elsewhere").mkdir()
    start(run, "counter", "elsewhere/c.log", "elsewhere/c.pid")
    run.says("elsewhere/c.log", "number 1\n")
    assert run.daemon("elsewhere/c.pid").alive


def test_a_second_counter_is_refused(run):
    start(run, "counter")
    second = run("counter")
    assert second.returncode == 1
    assert str(run.folder / "counter.pid") in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_counter_whose_folder_is_missing_says_so_and_does_not_start(run):
    result = run("counter", "missing/c.log")
    assert result.returncode == 1
    assert "missing" in result.stderr
    assert result.stderr.count("\n") == 1
    assert run.processes() == []


def test_the_counter_begins_a_new_log_on_sighup(run):
    start(run, "counter")
    run.says("counter.log", "number 1\n")
    (run.folder / "counter.log").rename(run.folder / "old.log")
    os.kill(run.pid("counter.pid"), signal.SIGHUP)
    run.says("counter.log", "number")
    numbers = re.findall(r"number (\d+)", run.read("old.log") + run.read("counter.log"))
    assert numbers == [str(n + 1) for n in range(len(numbers))], "no line is lost"


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["1", "2", "3"], 2)])
def test_the_counter_explains_itself(run, words, code):
    result = run("counter", *words)
    assert result.returncode == code
    assert "python counter.py" in result.stdout
    assert run.processes() == []


# --- monitor.py


def test_the_monitor_has_looked_once_when_start_returns(run):
    start(run, "monitor", "start")
    assert re.match(rf"{CLOCK} load \d+\.\d\d, / \d+% full\n", run.read("monitor.log"))
    assert str(run.pid("monitor.pid")) in run("monitor", "status").stdout
    stop(run, "monitor")
    assert run("monitor", "status").returncode == 3


def test_the_monitor_goes_on_looking(run):
    (run.folder / "monitor.toml").write_text("interval = 0.05\n")
    start(run, "monitor", "start")
    wait_until(lambda: run.read("monitor.log").count("load") > 2)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("laod = 3\n", "unknown setting 'laod'; known are interval, load, disk, path"),
        ("disk = -1\n", "disk must be a number above 0, not -1"),
        ("path = 7\n", "path must be a text in quotes, not 7"),
        ("load = = 3\n", "at line 1"),
        ('path = "/no/such/disk"\n', "/no/such/disk"),
    ],
)
def test_a_monitor_that_cannot_work_fails_the_start_with_its_reason(run, settings, reason):
    (run.folder / "monitor.toml").write_text(settings)
    result = run("monitor", "start")
    assert (result.returncode, result.stdout) == (1, "")
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert run.processes() == []
    assert not (run.folder / "monitor.pid").exists()


def test_the_monitor_takes_new_settings_on_reload_and_keeps_the_old_when_they_are_wrong(run):
    start(run, "monitor", "start")
    pid = run.pid("monitor.pid")
    (run.folder / "monitor.toml").write_text("load = 3\n")
    assert run("monitor", "reload").returncode == 0
    run.says("monitor.log", "new settings: Settings(interval=10.0, load=3,")
    (run.folder / "monitor.toml").write_text("load = 'high'\n")
    assert run("monitor", "reload").returncode == 0
    run.says("monitor.log", "kept the old settings: ")
    assert run.pid("monitor.pid") == pid


def test_the_monitor_warns_above_its_limits(run):
    (run.folder / "monitor.toml").write_text("disk = 1e-9\n")
    start(run, "monitor", "start")
    run.says("monitor.log", "WARNING: / is ")


@pytest.mark.parametrize("words", [(), ("dance",), ("start", "now")])
@pytest.mark.parametrize("name", ["monitor", "agent"])
def test_a_wrong_command_line_is_answered_with_the_usage(run, name, words):
    result = run(name, *words)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: ")


# --- agent.py


@pytest.fixture
def agent(run):
    run.environment["AGENT_PORT"] = "0"
    start(run, "agent", "start")
    run.says("agent.log", "listening on port ")
    return int(run.read("agent.log").split()[-1])


def exchange(port: int, line: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=GROSS_HANG) as client:
        client.sendall(line)
        return b"".join(iter(lambda: client.recv(4096), b""))


def test_the_agent_answers_with_the_time(run, agent):
    assert re.fullmatch(rf"{CLOCK} hello\n".encode(), exchange(agent, b"hello\n"))
    assert run("agent", "status").returncode == 0
    stop(run, "agent")


def test_the_agent_survives_a_client_that_says_too_much_or_nothing(run, agent):
    socket.create_connection(("127.0.0.1", agent), timeout=GROSS_HANG).close()
    with socket.create_connection(("127.0.0.1", agent), timeout=GROSS_HANG) as client:
        client.sendall(b"x" * 100_000)
    assert exchange(agent, b"still there?\n").endswith(b"still there?\n")


def test_the_agent_restarts(run, agent):
    before = run.pid("agent.pid")
    result = run("agent", "restart")
    assert (result.returncode, result.stderr) == (0, "")
    assert run.pid("agent.pid") != before


def test_an_agent_whose_port_is_taken_says_which_and_what_to_do(run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        run.environment["AGENT_PORT"] = str(other.getsockname()[1])
        result = run("agent", "start")
    assert result.returncode == 1
    assert f"cannot listen on port {run.environment['AGENT_PORT']}" in result.stderr
    assert "AGENT_PORT" in result.stderr
    assert run.processes() == []


# --- the text beside them


def test_the_readme_names_every_example():
    text = (EXAMPLES / "README.md").read_text()
    assert [path.name for path in EXAMPLES.glob("*.py") if f"({path.name})" not in text] == []


def test_the_command_line_runs_the_monitor_as_the_readme_shows(run):
    def nbmon(*words: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "nbmon", *words],
            cwd=run.folder,
            env=run.environment,
            capture_output=True,
            text=True,
            timeout=GROSS_HANG,
        )
        assert result.returncode == 0, result
        return result.stdout

    shutil.copy(EXAMPLES / "monitor.py", run.folder)
    run.environment |= {f"XDG_{kind}_HOME": str(run.folder) for kind in ("STATE", "CACHE", "CONFIG")}
    run.environment["XDG_RUNTIME_DIR"] = str(run.folder)
    said = nbmon("start", "monitor:Monitor", "--name", "monitor")
    assert re.fullmatch(r"monitor is running \(pid \d+\): watching /\n", said)
    assert "load" in nbmon("logs", "monitor")
    nbmon("reload", "monitor")
    nbmon("stop", "monitor")
    assert run.processes() == []
