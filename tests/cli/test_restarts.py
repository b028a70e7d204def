"""What comes back: picture servers always, commands unless they ended well; what --restart says of it."""

import os
import signal

import pytest

from support.proc import GROSS_HANG, Process, wait_until

FOREVER = ("sh", "-c", "exec sleep 60")


def told(nbmon, name):
    """The view as its supervisor tells it: where that is too busy, status shows the service instead."""
    while (view := nbmon.view(name))["workers"][0]["pid"] == view["pid"]:
        pass
    return view


def kill_worker(nbmon, name):
    """Kill the only worker; the view before."""
    before = told(nbmon, name)
    os.kill(before["workers"][0]["pid"], signal.SIGKILL)
    wait_until(lambda: not Process(before["workers"][0]["pid"]).alive)
    return before


def test_a_killed_command_is_back_under_the_same_supervisor(nbmon):
    nbmon("start", "--name", "db", "--", *FOREVER)
    before = kill_worker(nbmon, "db")
    wait_until(lambda: nbmon.view("db")["workers"][0]["state"] == "running")
    after = nbmon.view("db")
    (worker,) = after["workers"]
    assert after["pid"] == before["pid"]
    assert worker["pid"] != before["workers"][0]["pid"]
    assert (after["restarts"], worker["restarts"]) == (1, 1)
    assert worker["last_death"].startswith("was killed by SIGKILL")


def test_a_command_that_ended_well_is_over(nbmon, tmp_path):
    nbmon("start", "--name", "job", "--", "sh", "-c", f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")
    assert nbmon.view("job")["state"] == "running"
    (tmp_path / "go").touch()
    wait_until(lambda: nbmon.view("job")["state"] == "stopped")
    assert nbmon.left() == []


def test_a_permanent_command_is_back_though_it_ended_well(nbmon, tmp_path):
    script = f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; rm {tmp_path}/go"
    nbmon("start", "--name", "job", "--restart", "permanent", "--", "sh", "-c", script)
    (tmp_path / "go").touch()
    wait_until(lambda: nbmon.view("job")["restarts"] == 1)


def test_a_permanent_command_that_ends_at_once_is_a_failed_start(nbmon):
    done = nbmon("start", "--restart", "permanent", "--", "true", code=1)
    assert "true did not start: true ended before it was ready" in done.stderr
    assert nbmon.left() == []


@pytest.mark.parametrize("verb", ["start", "run"])
def test_a_temporary_command_ends_its_service(nbmon, verb):
    if verb == "run":
        nbmon("run", "--", "sh", "-c", "kill -9 $$", code=137)
        return
    nbmon("start", "--name", "db", "--restart", "temporary", "--", *FOREVER)
    kill_worker(nbmon, "db")
    wait_until(lambda: nbmon.view("db")["state"] == "stopped")


def test_run_may_let_a_command_come_back(nbmon):
    with nbmon.background("run", "--name", "db", "--restart", "transient", "--", *FOREVER) as running:
        wait_until(
            lambda: [w["restarts"] for w in nbmon.view("db")["workers"] if w["state"] == "running"] == [0]
        )
        wait_until(
            lambda: nbmon.view("db")["workers"][0]["uptime"] > 0.5
        )  # ready: what dies before has not started
        kill_worker(nbmon, "db")
        wait_until(lambda: nbmon.view("db")["restarts"] == 1)
        running.send_signal(signal.SIGTERM)
        assert running.wait(GROSS_HANG) == 0


def test_a_supervised_command_gets_the_signals_that_the_service_gets(nbmon):
    script = "trap 'echo one' USR1; trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.05; done"
    with nbmon.background("run", "--restart", "transient", "--", "sh", "-c", script) as running:
        assert running.stdout.readline() == "up\n"
        running.send_signal(signal.SIGUSR1)
        assert running.stdout.readline() == "one\n"
        running.send_signal(signal.SIGINT)
        assert running.stdout.readline() == "bye\n"
        assert running.wait(GROSS_HANG) == 0


def test_a_killed_worker_of_pictures_ends_them_if_it_is_temporary(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0", "--restart", "temporary")
    kill_worker(nbmon, "holiday")
    wait_until(lambda: nbmon.view("holiday")["state"] == "stopped")
    assert "web was killed by SIGKILL" in nbmon("logs", "holiday").stdout


def test_restart_in_the_file_is_heeded_and_a_wrong_one_is_said(nbmon):
    text = "[services.db]\ncommand = ['sleep', '60']\nrestart = '{}'\n"
    (nbmon.cwd / "nbmon.toml").write_text(text.format("permanant"))
    done = nbmon("start", "db", code=1)
    assert 'nbmon.toml, line 3: restart of services.db is "permanant"' in done.stderr
    assert "permanent?" in done.stderr
    (nbmon.cwd / "nbmon.toml").write_text(text.format("temporary"))
    nbmon("start", "db")
    kill_worker(nbmon, "db")
    wait_until(lambda: nbmon.view("db")["state"] == "stopped")


def test_a_class_is_told_where_its_restarts_are_said(programs):
    done = programs("start", "programs:Ticker", "--restart", "permanent", code=2)
    assert "--restart is for picture servers and commands" in done.stderr
