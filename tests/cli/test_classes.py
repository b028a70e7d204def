"""module:Class as a TARGET."""

import os

import pytest

from support.proc import GROSS_HANG, Process, wait_until


def test_a_class_of_the_working_directory_runs_under_its_name(programs):
    done = programs("start", "programs:Ticker")
    view = programs.view("Ticker")
    assert done.stdout == f"Ticker is running (pid {view['pid']})\n"
    assert (view["kind"], view["target"], view["state"]) == ("class", "programs:Ticker", "running")
    assert [worker["name"] for worker in view["workers"]] == ["Ticker"]
    assert Process(view["pid"]).cwd == "/"
    assert "ticking" in programs("logs", "Ticker").stdout
    programs("stop", "programs:Ticker")
    assert programs.left() == []


def test_a_second_start_says_that_it_runs(programs):
    programs("start", "programs:Ticker")
    assert f"pid {programs.view('Ticker')['pid']}" in programs("start", "programs:Ticker", code=1).stderr


def test_a_class_with_its_own_pid_file_and_log_keeps_them(programs):
    programs("start", "programs:Own")
    view = programs.view("Own")
    assert view["pidfile"] == str(programs.cwd / "own.pid")
    assert view["log"] == str(programs.cwd / "own.log")
    assert (programs.cwd / "own.pid").read_text() == f"{view['pid']}\n"
    assert programs("logs", "Own", cwd="/").stdout == "ticking\n"
    assert "already running" in programs("start", "programs:Own", "--name", "second", code=1).stderr
    programs("stop", "Own", cwd="/")
    assert not (programs.cwd / "own.pid").exists()
    assert programs.left() == []


def test_a_class_that_asks_for_its_pid_file_is_given_one(programs):
    programs("start", "programs:Takes", "--name", "named")
    assert programs.view("named")["pidfile"] == str(programs.runtime / "nbmon" / "named.pid")


def test_reload_reaches_the_class_and_opens_the_log_anew(programs):
    programs("start", "programs:Reloads")
    log = programs.state / "nbmon" / "Reloads.log"
    log.rename(f"{log}.1")
    assert "reloads" in programs("reload", "Reloads").stdout
    wait_until(lambda: log.exists() and "reloaded" in log.read_text())


def test_reload_of_what_does_not_run_fails(programs):
    assert "Ticker is not running" in programs("reload", "Ticker", code=1).stderr


def test_restart_finds_the_module_where_it_was_started(programs):
    programs("start", "programs:Ticker")
    before = programs.view("Ticker")["pid"]
    programs("restart", "Ticker", cwd="/")
    assert programs.view("Ticker")["pid"] not in (None, before)


def test_a_broken_module_is_found_before_the_old_one_is_stopped(programs):
    programs("start", "programs:Ticker")
    (programs.cwd / "programs.py").write_text("syntax error here")
    assert "programs.py, line 1" in programs("restart", "Ticker", code=1).stderr
    assert programs.view("Ticker")["state"] == "running"


def test_one_that_ignores_sigterm_is_killed_after_its_grace_time(programs):
    programs("start", "programs:Deaf")
    wait_until(lambda: "deaf" in programs("logs", "Deaf").stdout)
    assert "with SIGKILL" in programs("stop", "--grace", "0.2", "Deaf").stdout
    assert programs.view("Deaf")["state"] == "stopped"
    assert programs.left() == []


def test_run_passes_on_the_exit_of_the_class(programs):
    done = programs("run", "programs:Exits", code=1)
    assert done.stderr == "nbmon: no database at all\n"


def test_an_exception_of_the_class_in_the_foreground_is_told_with_its_place(programs):
    done = programs("run", "programs:Raises", code=1)
    assert "Raises failed: ValueError: run is broken" in done.stderr
    assert "programs.py, line " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in programs("run", "--debug", "programs:Raises", code=1).stderr


def test_debug_shows_the_traceback_of_the_daemons_side(programs):
    done = programs("start", "--debug", "programs:Raises", code=1)
    assert 'raise ValueError("run is broken")' in done.stderr


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("programs:Exits", "Exits did not start: no database at all"),
        ("programs:Raises", "Raises did not start: ValueError: run is broken"),
        ("programs:Astray", "missing does not exist"),
        ("programs:AstrayLog", "missing/some.log"),
        ("programs:Slow", "Slow did not start: "),
        ("programs:BadInit", "BadInit cannot be made: ValueError: cannot be made"),
        ("programs:Needs", "Needs needs colour to be made"),
        ("programs:NoDaemon", "programs:NoDaemon is a class and no Daemon"),
        ("programs:value", "programs:value is of type int and no Daemon"),
        ("programs:Daemon", "is nbmon's own Daemon"),
        ("programs:Tickr", "has no Tickr. Did you mean Ticker?"),
        ("program:Ticker", "there is no module program, neither in"),
        ("program:Ticker", "Did you mean programs?"),
        ("nowhere.at.all:Ticker", "there is no module nowhere"),
        (
            "needs_other:D",
            "needs_other cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("needs_other:D", "needs_other.py, line 2"),
        ("bad_syntax:D", "bad_syntax.py, line 1"),
        ("exits:D", "exits ends when it is imported"),
        ("raises:D", "raises cannot be imported: RuntimeError: at import"),
        ("old:D", "from nbmon import Daemon"),
    ],
)
def test_a_class_that_cannot_be_is_answered_with_its_own_reason(programs, target, sentence):
    for name, text in {
        "needs_other": "\nimport no_such_module",
        "bad_syntax": "def (:",
        "exits": "raise SystemExit('usage: start|stop')",
        "raises": "raise RuntimeError('at import')",
        "old": "class Daemon: pass\nclass D(Daemon): pass",
    }.items():
        (programs.cwd / f"{name}.py").write_text(text)
    done = programs("start", target, code=1)
    assert sentence in done.stderr
    assert done.stderr.startswith("nbmon: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert programs.left() == []


def test_under_a_service_manager_it_stays_in_the_foreground(programs):
    env = programs.env | {"NOTIFY_SOCKET": str(programs.home / "notify")}
    with programs.background("start", "programs:Ticker", env=env) as running:
        wait_until(lambda: programs.view("Ticker")["pid"] == running.pid)
        running.terminate()
        assert running.wait(GROSS_HANG) == 0
    assert programs.left() == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("programs:Tickr", "has no Tickr. Did you mean Ticker?"),
        ("progams:Ticker", "there is no module progams"),
    ],
)
def test_a_class_of_the_file_that_cannot_be_is_answered_with_its_line(programs, target, reason):
    (programs.cwd / "nbmon.toml").write_text(f"[services.clock]\nlog = 'clock.log'\ntarget = '{target}'\n")
    said = programs("start", "clock", code=1).stderr
    assert said.startswith("nbmon: nbmon.toml, line 3: target of services.clock: ")
    assert reason in said


def test_a_restart_does_not_blame_lines_of_a_file_that_may_have_changed(programs):
    (programs.cwd / "nbmon.toml").write_text("[services.clock]\ntarget = 'programs:Ticker'\n")
    programs("start", "clock")
    (programs.cwd / "programs.py").write_text("syntax error here")
    said = programs("restart", "clock", code=1).stderr
    assert "programs.py, line 1" in said
    assert "nbmon.toml" not in said


def test_a_name_of_the_file_may_be_a_class(programs):
    (programs.cwd / "nbmon.toml").write_text(
        "[services.clock]\ntarget = 'programs:Ticker'\nlog = 'clock.log'\n"
    )
    programs("start", "--config", programs.cwd / "nbmon.toml", "clock", cwd="/")
    assert (programs.cwd / "clock.log").read_text() == "ticking\n"
    assert os.path.samefile(programs.view("clock")["log"], programs.cwd / "clock.log")
