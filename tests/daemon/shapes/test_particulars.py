"""What single shapes are there for, beyond the life that all of them share."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sqlite3
import subprocess

import pytest

from support.proc import GROSS_HANG, Process, wait_until


def start(
    run, name: str, *words: str, sign: str = "nbmon.log", pidfile: str = "shape.pid", **options
) -> Process:
    result = run(name, *(words or ("start",)), **options)
    assert (result.returncode, result.stderr) == (0, "")
    run.says(sign, "alive")
    return run.daemon(pidfile)


def stop(run, name: str) -> None:
    result = run(name, "stop")
    assert (result.returncode, result.stderr) == (0, "")


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=GROSS_HANG) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(4096), b""))


# --- the terminal


def read_terminal(master: int) -> str:
    try:
        return os.read(master, 4096).decode()
    except OSError as error:  # EIO: nobody has the other end open
        assert error.errno == errno.EIO
        return ""


@pytest.mark.parametrize(
    ("name", "words", "sign"),
    [
        ("plain", "start", "nbmon.log"),
        ("function_keywords", "", "out.log"),
        ("context_plain", "", "context.log"),
    ],
)
def test_a_terminal_that_hangs_up_takes_no_daemon_with_it(run, name, words, sign):
    master, slave = os.openpty()
    # The shell leads a session on the terminal, as a login does: opening it makes it the controlling one.
    script = f'exec <"$1" >"$1" 2>&1; shift; "$@" {words}; echo "code=$?"; read line'
    shell = subprocess.Popen(
        ["sh", "-c", script, "sh", os.ttyname(slave), *run.command(name)],
        cwd=run.folder,
        env=run.environment,
        start_new_session=True,
    )
    os.close(slave)
    said = ""
    while "code=" not in said:
        said += read_terminal(master)
    assert said.split() == ["code=0"]
    assert Process(shell.pid).tty != 0, "the shell has a controlling terminal"
    run.says(sign, "alive")
    daemon = run.daemon()
    assert daemon.tty == 0
    assert not [
        target for target in daemon.descriptors.values() if target.startswith(("/dev/pts", "/dev/tty"))
    ]
    os.close(master)
    assert shell.wait(GROSS_HANG) == -signal.SIGHUP
    assert daemon.alive


# --- where it is started from


def test_what_the_starter_ignored_the_daemon_does_not(run):
    daemon = start(run, "plain", preexec_fn=lambda: signal.signal(signal.SIGQUIT, signal.SIG_IGN))
    assert signal.SIGQUIT not in daemon.signals("SigIgn")


def test_a_start_without_any_stream_works(run):
    line = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *run.command("plain", "start")]
    assert subprocess.run(line, cwd=run.folder, env=run.environment, timeout=GROSS_HANG).returncode == 0
    run.says("nbmon.log", "alive")
    assert run.daemon().alive


def test_a_start_with_an_empty_environment_works_as_under_cron(run):
    tests_own = ("NBMON_TEST", "PYTHONPATH", "COVERAGE")
    bare = {name: value for name, value in run.environment.items() if name.startswith(tests_own)}
    assert start(run, "plain", env=bare).alive


def test_text_is_utf8_in_the_log_whatever_the_locale(run):
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    start(run, "unicode_print", env={**run.environment, **ascii_only})
    assert "alive: œuvre, 照片, \\udce9\n" in run.read("nbmon.log")


def test_standard_input_is_empty_even_when_the_starter_had_one(run):
    start(run, "reads_stdin", stdin=None, input="for the starter only")
    assert "alive ''\n" in run.read("nbmon.log")


# --- leaving


TOLD = [
    ("handler_in_run", "nbmon.log"),
    ("handler_at_import", "early.log"),
    ("handler_flag", "nbmon.log"),
    ("handler_in_init", "nbmon.log"),
    ("handler_exception", "nbmon.log"),
    ("atexit_delpid", "nbmon.log"),
    ("cleanup", "nbmon.log"),
    ("thread_joined", "nbmon.log"),
    ("child_process", "nbmon.log"),
    ("asyncio_signal", "nbmon.log"),
]


@pytest.mark.parametrize(("name", "log"), TOLD)
def test_a_program_that_cleans_up_on_sigterm_gets_to_do_it_once(run, name, log):
    start(run, name, sign=log)
    stop(run, name)
    assert run.read(log).count("told to go") == 1
    assert "Traceback" not in run.read(log)


def test_what_finally_removes_is_gone(run):
    start(run, "cleanup")
    assert (run.folder / "tidy.lock").exists()
    stop(run, "cleanup")
    assert not (run.folder / "tidy.lock").exists()


def test_a_run_that_returns_ends_the_daemon_in_order(run):
    result = run("run_returns", "start")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert run.read("nbmon.log") == "alive, and done\n"
    wait_until(lambda: run.processes() == [])
    assert not (run.folder / "shape.pid").exists()


def test_a_daemon_may_call_its_own_stop(run):
    daemon = start(run, "stops_itself")
    (run.folder / "enough").touch()
    wait_until(lambda: not daemon.alive)
    assert not (run.folder / "shape.pid").exists()
    assert "Traceback" not in run.read("nbmon.log")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("raises", "no such device: /dev/teapot"), ("exits", "no configuration, giving up")],
)
def test_a_run_that_fails_at_once_fails_the_start_with_its_reason(run, name, reason):
    result = run(name, "start")
    assert (result.returncode, result.stdout) == (1, "")
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1, "one sentence, no traceback"
    assert run.processes() == []
    assert not (run.folder / "shape.pid").exists()


def test_after_a_crash_the_program_starts_again_over_the_file_that_was_left(run):
    crashed = start(run, "plain")
    os.kill(crashed.pid, signal.SIGKILL)
    wait_until(lambda: not crashed.alive)
    assert (run.folder / "shape.pid").exists()
    assert str(crashed.pid) not in run("plain", "stop").stdout
    assert start(run, "plain").pid != crashed.pid


# --- children


def test_a_worker_that_dies_does_not_take_the_pid_file_along(run):
    daemon = start(run, "processes")
    workers = [pid for pid in run.processes() if pid != daemon.pid]
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker, signal.SIGTERM)
    wait_until(lambda: not any(Process(worker).alive for worker in workers))
    assert run.pid() == daemon.pid
    assert daemon.alive
    assert "Traceback" not in run.read("nbmon.log")


def test_a_child_that_leaves_by_sys_exit_does_not_take_the_pid_file_along(run):
    daemon = start(run, "forks")
    assert "child done" in run.read("nbmon.log")
    assert run.pid() == daemon.pid


@pytest.mark.parametrize("name", ["processes", "child_process", "shell", "threads"])
def test_nothing_of_a_daemon_with_children_outlives_its_stop(run, name):
    start(run, name)
    stop(run, name)
    assert run.processes() == []


def test_a_thread_that_the_fork_would_lose_is_refused_by_name(run):
    result = run("thread_too_early", "start")
    assert (result.returncode, result.stdout) == (1, "")
    assert "ticker" in result.stderr
    assert "run()" in result.stderr, "says where to start it instead"
    assert result.stderr.count("\n") == 1


def test_threads_left_at_the_stop_leave_no_traceback(run):
    start(run, "threads_only")
    stop(run, "threads_only")
    assert "Traceback" not in run.read("nbmon.log")


# --- signals of the program's own


def test_reload_reaches_the_programs_own_handler(run):
    daemon = start(run, "own_reload")
    assert run("own_reload", "reload").returncode == 0
    run.says("nbmon.log", "reread")
    assert daemon.alive


def test_a_handler_set_before_the_start_still_works_in_the_daemon(run):
    os.kill(start(run, "handler_in_init").pid, signal.SIGUSR1)
    run.says("nbmon.log", "poked")


def test_a_contexts_signal_map_is_obeyed(run):
    daemon = start(run, "context_full", sign="kept.log")
    os.kill(daemon.pid, signal.SIGHUP)
    run.says("kept.log", "reread")
    assert signal.SIGTSTP in daemon.signals("SigIgn")
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not daemon.alive)
    assert not (run.folder / "shape.pid").exists(), "the context left its pid file's own context"


def test_a_context_by_default_cannot_be_stopped_by_job_control(run):
    start(run, "context_plain", sign="context.log")
    assert {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU} <= run.daemon().signals("SigIgn")


def test_a_context_closed_by_hand_lets_the_program_end_itself(run):
    daemon = start(run, "context_open", sign="kept.log")
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not daemon.alive)
    assert "told to go" in run.read("kept.log")
    assert not (run.folder / "shape.pid").exists()


# --- what was open before


@pytest.mark.parametrize(
    ("name", "request_"),
    [("socket_attribute", b""), ("socket_nested", b""), ("http_in_run", b"GET / HTTP/1.0\r\n\r\n")],
)
def test_a_socket_of_the_programs_own_serves(run, name, request_):
    start(run, name)
    port = int(run.read("nbmon.log").split()[1])
    assert ask(port, request_).endswith(b"hello")


def test_a_database_opened_before_the_start_is_whole_afterwards(run):
    start(run, "global_database")
    stop(run, "global_database")
    with sqlite3.connect(run.folder / "global.sqlite") as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert database.execute("select word from signs").fetchall() == [("alive",)]
    database.close()


def test_a_rotating_log_rolls_over_where_the_program_was_started(run):
    start(run, "logging_rotating", sign="rolling.log")
    wait_until(lambda: (run.folder / "rolling.log.2").exists())
    assert run.read("rolling.log.1").startswith("alive")


def test_logging_to_the_terminal_goes_to_the_log(run):
    start(run, "logging_config", sign="config.log")
    run.says("terminal.log", "alive")


def test_both_streams_go_where_they_were_sent(run):
    start(run, "positional", sign="out.log")
    run.says("err.log", "and well")
    assert run.read("out.log") == "alive\n"


def test_two_streams_in_one_file_do_not_overwrite_each_other(run):
    start(run, "keywords", sign="both.log")
    run.says("both.log", "also here")
    assert run.read("both.log") == "alive\nalso here\n"


def test_open_files_serve_as_streams(run):
    start(run, "file_objects", sign="out.log")
    run.says("err.log", "alive too")


def test_a_stream_named_dev_stdout_is_the_starters(run):
    with open(run.folder / "caught", "w") as caught:
        result = run("dev_stdout", "start", stdout=caught, stderr=caught)
    assert result.returncode == 0
    run.says("caught", "alive\n")
    run.says("caught", "and well\n")
    assert run.daemon().descriptors[1] == str(run.folder / "caught")
    stop(run, "dev_stdout")


def test_what_was_printed_before_the_start_comes_out_once(run):
    result = run("print_before", "start")
    assert result.stdout == "starting it\n"
    run.says("nbmon.log", "alive\n")
    stop(run, "print_before")
    assert "starting it" not in run.read("nbmon.log")


def test_a_named_pipe_takes_orders_and_is_removed_at_exit(run):
    start(run, "fifo")
    (run.folder / "orders").write_text("coffee\n")
    run.says("nbmon.log", "order: coffee\n")
    stop(run, "fifo")
    assert not (run.folder / "orders").exists()


# --- what is overridden


def test_overridden_verbs_are_called_delpid_too(run):
    start(run, "overridden_all", sign="chatty.log")
    stop(run, "overridden_all")
    assert run.read("chatty.log").split() == ["start", "alive", "stop", "delpid"]


def test_an_overridden_daemonize_is_called_on_both_sides(run):
    start(run, "overridden_daemonize")
    assert "alive before after\n" in run.read("nbmon.log")


def test_start_hands_its_arguments_to_run(run):
    start(run, "extras", sign="extra.log")
    assert run.read("extra.log") == "alive 0o27\n"
    assert run("extras", "status").stdout == f"running as {run.pid()}\n"
    run("extras", "stop")
    assert run("extras", "status").stdout == "stopped\n"


def test_two_daemons_of_one_program_do_not_disturb_each_other(run):
    reader = start(run, "two_daemons", "start", "reader", sign="reader.log", pidfile="reader.pid")
    writer = start(run, "two_daemons", "start", "writer", sign="writer.log", pidfile="writer.pid")
    assert run("two_daemons", "stop", "reader").returncode == 0
    assert not reader.alive
    assert writer.alive


def test_run_called_by_the_program_itself_stays_in_the_foreground(run):
    with subprocess.Popen(
        run.command("argparse_verbs", "start", "-f"),
        cwd=run.folder,
        env=run.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as foreground:
        assert foreground.stdout.readline() == "alive\n"
        assert not (run.folder / "shape.pid").exists()
        foreground.terminate()
        assert foreground.wait(GROSS_HANG) == -signal.SIGTERM


def test_a_status_of_the_programs_own_reads_the_pid_file(run):
    daemon = start(run, "own_status")
    assert run("own_status", "status").stdout == f"up as {daemon.pid}\n"
    stop(run, "own_status")
    assert run("own_status", "status").returncode == 3


def test_status_of_the_kit_says_who_runs(run):
    daemon = start(run, "plain")
    assert str(daemon.pid) in run("plain", "status").stdout
    stop(run, "plain")
    assert "not running" in run("plain", "status").stdout
