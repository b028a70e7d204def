"""`nbmon unit` and `nbmon convert` as typed, and what they print, lived: by a manager, as PID 1, by cron."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import urllib.request

import pytest

from nbmon import cli
from support.proc import GROSS_HANG, Process, wait_until

ISOLATED = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def as_pid_1():
    """How a command becomes PID 1 of a namespace of its own; None where that is not allowed."""
    for words in (ISOLATED, [*ISOLATED[:1], "--user", "--map-root-user", *ISOLATED[1:]]):
        try:
            if subprocess.run([*words, "true"], capture_output=True, timeout=GROSS_HANG).returncode == 0:
                return words
        except OSError:
            return None
    return None


NAMESPACE = as_pid_1()
needs_namespace = pytest.mark.skipif(NAMESPACE is None, reason="no right to make a PID namespace (unshare)")


def exec_words(text, key="ExecStart"):
    """The words of ExecStart= or another, where none of them needs more than a shell's reading."""
    return shlex.split(re.search(f"^{key}=(.*)$", text, re.MULTILINE)[1])


class Manager:
    """What a service manager does: starts, listens to NOTIFY_SOCKET, signals the one process."""

    def __init__(self, argv, env, cwd, place):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(place))
        self.socket.settimeout(GROSS_HANG)
        told = {**env, "NOTIFY_SOCKET": str(place), "INVOCATION_ID": "0" * 32}
        self.process = subprocess.Popen(
            argv,
            env=told,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def hears(self, word):
        while word not in self.socket.recv(4096).decode():
            pass

    def ends(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        output = self.process.communicate(timeout=GROSS_HANG)[0]
        return self.process.returncode, output.decode()

    def close(self):
        self.socket.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def managed(nbmon, tmp_path):
    managers = []

    def manage(*words):
        argv = exec_words(nbmon("unit", *words).stdout)
        managers.append(Manager(argv, nbmon.env, nbmon.cwd, tmp_path / "notify"))
        return managers[-1]

    yield manage
    for manager in managers:
        manager.close()


def test_a_picture_server_is_started_reloaded_and_stopped_as_its_unit_says(nbmon, holiday, managed):
    manager = managed("--port", "0", holiday)
    manager.hears("READY=1")
    url = nbmon.view("holiday")["url"]
    assert urllib.request.urlopen(url, timeout=GROSS_HANG).status == 200
    manager.process.send_signal(signal.SIGHUP)
    manager.hears("RELOADING=1")
    manager.hears("READY=1")
    assert urllib.request.urlopen(url, timeout=GROSS_HANG).status == 200
    code, _ = manager.ends()
    assert code == 0
    manager.hears("STOPPING=1")
    assert nbmon.left() == []


def test_a_class_is_started_and_stopped_as_its_unit_says(programs, managed):
    manager = managed("programs:Ticker")
    manager.hears("READY=1")
    assert manager.ends()[0] == 0


def test_a_command_is_started_and_stopped_as_its_unit_says(managed):
    manager = managed("--", "sleep", "60")
    manager.hears("READY=1")
    wait_until(lambda: "sleep" in commands(manager.process.pid), what="the command runs")
    assert manager.ends()[0] == 143  # which the unit counts as a success


def test_a_command_that_sighup_would_end_outlives_the_reload_of_its_unit(nbmon, managed):
    manager = managed("--", "sleep", "60")
    manager.hears("READY=1")
    wait_until(lambda: "sleep" in commands(manager.process.pid), what="the command runs")
    words = exec_words(nbmon("unit", "--", "sleep", "60").stdout, "ExecReload")
    subprocess.run(words, env=nbmon.env, cwd=nbmon.cwd, capture_output=True, timeout=GROSS_HANG)
    assert nbmon.view("sleep")["state"] == "running"
    assert manager.ends()[0] == 143


def test_a_name_of_nbmon_toml_is_started_as_its_unit_says(nbmon, holiday, managed):
    (nbmon.cwd / "nbmon.toml").write_text('[services.web]\ntarget = "holiday"\nport = 0\n')
    manager = managed("web")
    manager.hears("READY=1")
    assert nbmon.view("web")["url"]
    assert manager.ends()[0] == 0


def test_what_fails_under_a_manager_says_why_and_exits_with_1(nbmon, holiday):
    argv = exec_words(nbmon("unit", "--port", "0", holiday).stdout)
    shutil.rmtree(holiday)
    done = subprocess.run(
        argv, env=nbmon.env, cwd=nbmon.cwd, capture_output=True, text=True, timeout=GROSS_HANG
    )
    assert done.returncode == 1
    assert "is not there" in done.stderr


def pid_1(nbmon, *words, **options):
    """Run nbmon as PID 1, to its end."""
    return subprocess.run(
        [*NAMESPACE, *nbmon.argv(*words)],
        env=nbmon.env,
        cwd=nbmon.cwd,
        **{"capture_output": True, "text": True, "timeout": GROSS_HANG} | options,
    )


@needs_namespace
@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("exit 0", 0), ("kill -KILL $$", 137)])
def test_as_pid_1_the_exit_code_is_the_commands_own(nbmon, script, code):
    assert pid_1(nbmon, "run", "--", "sh", "-c", script).returncode == code


@needs_namespace
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--", "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done"], 5),
        (["programs:Ticker"], 0),
    ],
    ids=["command", "class"],
)
def test_as_pid_1_sigterm_is_heard_although_the_kernel_gives_pid_1_no_default(programs, words, code):
    argv = [*NAMESPACE, *programs.argv("run", *words)]
    outer = subprocess.Popen(argv, env=programs.env, cwd=programs.cwd, stdout=subprocess.PIPE, text=True)
    try:
        assert outer.stdout.readline() in ("up\n", "ticking\n")
        (inner,) = children(outer.pid)
        os.kill(inner, signal.SIGTERM)
        assert outer.wait(GROSS_HANG) == code
    finally:
        outer.kill()
        outer.communicate()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def commands(pid):
    """What the children of a process are called now."""
    found = []
    for child in children(pid):
        with contextlib.suppress(OSError), open(f"/proc/{child}/comm", encoding="utf-8") as file:
            found.append(file.read().strip())
    return found


@needs_namespace
def test_as_pid_1_start_stays_in_the_foreground(nbmon):
    done = pid_1(nbmon, "start", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3


def test_without_a_terminal_in_a_session_of_its_own_a_service_outlives_who_started_it(nbmon, holiday):
    """Cron's and ssh's way: no terminal, a pipe for the output, and the shell that ends."""
    script = f"{shlex.join(nbmon.argv('start', '--port', '0', holiday))}; exit 0"
    done = subprocess.run(
        ["setsid", "sh", "-c", script],
        env={**nbmon.env, "LANG": "C"},
        cwd=nbmon.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=GROSS_HANG,
    )
    assert done.stdout.startswith("http://127.0.0.1:"), done
    process = Process(nbmon.view("holiday")["pid"])
    assert process.alive
    assert process.tty == 0


WRONG = [
    (["unit"], 2, "TARGET is missing"),
    (["unit", "nowhere/at/all"], 1, "is not there"),
    (["unit", "--"], 2, "no command after --"),
    (["unit", "--socket", "--", "true"], 2, "for picture servers"),
    (["unit", "--kubernetes", "--", "true"], 2, "needs --image"),
    (["unit", "--compose", "--", "true"], 2, "needs --image"),
    (["unit", "--kubernetes", "--compose", "--image", "x", "--", "true"], 2, "give one of the two"),
    (["unit", "--image", "x", "--", "true"], 2, "--image is for --kubernetes and --compose"),
    (["unit", "--replicas", "3", "--", "true"], 2, "--replicas is for --kubernetes"),
    (["unit", "--user", "a b", "--", "true"], 2, "is no name of a user"),
    (["unit", "--compose", "--image", "x", "--user", "ann", "--", "true"], 2, "--user is systemd's"),
    (["unit", "--port", "99999", "."], 2, "is not a port"),
    (["convert"], 2, "Missing argument"),
    (["convert", "missing.conf"], 1, "cannot read missing.conf: no such file or directory"),
    (["convert", "."], 1, "is a directory"),
    (["convert", "odd.txt"], 2, "say what it is, as in --kind supervisord"),
    (["convert", "--kind", "circus", "odd.txt"], 1, "line 1: 'nothing' stands before the first [section]"),
    (["convert", "--kind", "systemd", "odd.txt"], 2, "is not one of"),
]


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """The command line in this process, which saves a start of Python; its code, and what it printed."""
    monkeypatch.chdir(tmp_path)

    def type_(*words):
        code = cli._answer(list(words))
        return code, *capsys.readouterr()

    return type_


@pytest.mark.parametrize(("words", "code", "sentence"), WRONG, ids=[" ".join(words) for words, _, _ in WRONG])
def test_wrong_words_are_answered_with_a_sentence(typed, tmp_path, words, code, sentence):
    (tmp_path / "odd.txt").write_text("nothing\n")
    got, out, err = typed(*words)
    assert (got, out) == (code, "")
    assert sentence in err
    assert "Traceback" not in err


@pytest.mark.parametrize("kind", [[], ["--kubernetes", "--image", "x"], ["--compose", "--image", "x"]])
@pytest.mark.parametrize("target", [["./a"], ["programs:Ticker"], ["--name", "x", "--", "true"]])
def test_every_kind_of_file_for_every_kind_of_target_is_printed(typed, tmp_path, kind, target):
    (tmp_path / "a").mkdir()
    code, out, err = typed("unit", *kind, *target)
    assert (code, err) == (0, "")
    assert "run" in out
    assert out.endswith("\n")


def test_a_socket_unit_is_printed_behind_its_service(typed, tmp_path):
    (tmp_path / "a").mkdir()
    _, out, _ = typed("unit", "--socket", "./a")
    assert re.findall(r"^# (\S+)$", out, re.MULTILINE) == ["a.service", "a.socket"]


def test_what_was_converted_is_started_by_its_name(nbmon):
    (nbmon.cwd / "supervisord.conf").write_text(
        '[program:web]\ncommand=sh -c "echo $A; exec sleep 60"\nenvironment=A="b c"\numask=022\n'
    )
    done = nbmon("convert", "supervisord.conf")
    assert "nbmon: supervisord.conf, line 4: [program:web] umask = 022 has no counterpart" in done.stderr
    (nbmon.cwd / "nbmon.toml").write_text(done.stdout)
    nbmon("start", "web")
    wait_until(lambda: nbmon("logs", "web").stdout == "b c\n", what="its word in the log")
    assert json.loads(nbmon("status", "web", "--json").stdout)["state"] == "running"
