"""-- COMMAND as a TARGET."""

import signal

import pytest

from support.proc import GROSS_HANG, Process, wait_until


def test_a_command_runs_under_the_name_of_its_program(nbmon):
    done = nbmon("start", "--", "sleep", "60")
    view = nbmon.view("sleep")
    assert done.stdout == f"sleep is running (pid {view['pid']})\n"
    (worker,) = view["workers"]
    assert (worker["name"], worker["kind"]) == ("sleep", "process")
    assert Process(worker["pid"]).parent == view["pid"]
    assert Process(worker["pid"]).cwd == str(nbmon.cwd)
    nbmon("stop", "sleep")
    assert not Process(worker["pid"]).alive


def test_the_words_of_the_command_are_its_own(nbmon):
    script = 'echo "$@"; exec sleep 60'
    nbmon("start", "--name", "db", "--", "sh", "-c", script, "x", "--port", "7001", "--", "--help")
    wait_until(lambda: nbmon("logs", "db").stdout == "--port 7001 -- --help\n")
    assert nbmon.view("db")["target"].startswith("-- sh -c")


def test_reload_never_ends_a_command_that_does_nothing_on_sighup(nbmon):
    nbmon("start", "--", "sleep", "60")
    done = nbmon("reload", "sleep", code=1)
    assert "sleep would end of a reload" in done.stderr
    assert "nbmon restart sleep" in done.stderr
    assert nbmon.view("sleep")["state"] == "running"


def test_reload_reaches_a_command_that_catches_sighup(nbmon):
    script = "trap 'echo heard' HUP; echo begun; while :; do sleep 0.05; done"
    nbmon("start", "--", "sh", "-c", script)
    wait_until(lambda: "begun" in nbmon("logs", "sh").stdout)
    nbmon("reload", "sh")
    wait_until(lambda: "heard" in nbmon("logs", "sh").stdout)


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("exit 0", 0), ("kill -9 $$", 137)])
def test_run_has_the_exit_code_of_the_command(nbmon, script, code):
    nbmon("run", "--", "sh", "-c", script, code=code)


def test_run_shows_the_output_of_the_command(nbmon):
    done = nbmon("run", "--", "sh", "-c", "echo out; echo err >&2; pwd")
    assert (done.stdout, done.stderr) == (f"out\n{nbmon.cwd}\n", "err\n")


def test_run_passes_sigterm_on(nbmon):
    with nbmon.background(
        "run", "--", "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done"
    ) as running:
        assert running.stdout.readline() == "up\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(GROSS_HANG) == 5


def test_restart_runs_the_same_command_in_the_same_folder(nbmon):
    nbmon("start", "--name", "db", "--", "sleep", "60")
    before = nbmon.view("db")
    nbmon("restart", "db", cwd="/")
    after = nbmon.view("db")
    assert after["pid"] != before["pid"]
    assert after["target"] == before["target"] == "-- sleep 60"
    assert Process(after["workers"][0]["pid"]).cwd == str(nbmon.cwd)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [(["no-such-program"], "no-such-program did not start: "), (["./file"], "did not start: ")],
)
def test_a_command_that_cannot_be_run_is_said(nbmon, command, sentence):
    (nbmon.cwd / "file").write_text("")
    done = nbmon("start", "--", *command, code=1)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert nbmon.left() == []


def test_a_command_of_the_file_runs_in_its_folder(nbmon):
    (nbmon.cwd / "sub").mkdir()
    (nbmon.cwd / "nbmon.toml").write_text(
        "[services.db]\ncommand = ['sh', '-c', 'pwd; exec sleep 60']\ndirectory = 'sub'\nstop_timeout = 2\n"
    )
    nbmon("start", "db")
    wait_until(lambda: nbmon("logs", "db").stdout == f"{nbmon.cwd}/sub\n")


@pytest.mark.parametrize("script", ["exit 5", "sleep 0.02; exit 5"])
def test_a_command_that_fails_at_once_is_a_failed_start(nbmon, script):
    done = nbmon("start", "--name", "brief", "--", "sh", "-c", script, code=1)
    assert "brief did not start: sh exited with code 5" in done.stderr
    assert nbmon.left() == []
