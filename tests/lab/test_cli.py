"""`nbmon lab` as a person has it, or a program: words in, tables or JSON out, exit codes, files, Ctrl-C."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

from nbmon.cli import labshow
from nbmon.lab import registry, system
from support.proc import GROSS_HANG, Process, wait_until

KEYS = {
    *("experiment", "question", "machine", "settings", "rows", "verdict"),
    *("confident", "notes", "interrupted", "seconds"),
}


@pytest.fixture
def lab(tmp_path):
    """Runs `nbmon lab WORDS…` in a folder of its own."""

    def call(*words, code=0, env=None):
        argv = [sys.executable, "-m", "nbmon", "lab", *map(str, words)]
        options = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 2 * GROSS_HANG}
        done = subprocess.run(argv, **options, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        return done

    return call


def test_lab_alone_lists_the_experiments(lab):
    said = lab().stdout
    assert [name for name in registry.names() if name not in said] == []
    assert "What do a process's threads share" in said
    known = json.loads(lab("--json").stdout)
    assert [one["experiment"] for one in known] == registry.names()
    assert "pid" in next(one for one in known if one["experiment"] == "daemon")["options"]


def test_json_is_one_object_with_the_promised_keys(lab):
    told = json.loads(lab("share", "--quick", "--json").stdout)
    assert set(told) >= KEYS
    assert told["experiment"] == "share" and told["settings"]["quick"] is True
    assert told["confident"] is (os.geteuid() == 0 and len(os.sched_getaffinity(0)) > 1)
    for row in told["rows"]:
        assert {"what", "thread", "process", "coroutine", "evidence"} <= set(row)
        assert {row["thread"], row["process"], row["coroutine"]} <= {"shared", "own"}


def test_for_people_there_are_a_table_and_a_verdict(lab):
    said = lab("share").stdout
    assert re.search(r"^memory +shared +own +shared$", said, re.MULTILINE)
    assert "Coroutines share everything that was tried but context variables." in said


def test_a_daemon_is_looked_at_by_its_number(lab):
    told = json.loads(lab("daemon", os.getpid(), "--json").stdout)
    assert told["settings"]["pid"] == os.getpid()
    assert {"trait", "ok", "seen"} <= set(told["rows"][0])
    by_option = json.loads(lab("daemon", "--option", f"pid={os.getpid()}", "--json").stdout)
    assert by_option["settings"]["pid"] == os.getpid()


def test_a_report_is_written_and_matplotlib_is_not_needed(lab, tmp_path):
    lab("share", "--html", "report.html")
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_plots_are_drawn(lab, tmp_path):
    pytest.importorskip("matplotlib")
    lab("share", "--plot", "share.svg")
    assert "descriptor table" in (tmp_path / "share.svg").read_text()
    lab("share", "--plot", "share.PNG")
    assert (tmp_path / "share.PNG").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_plot_says_what_to_install_before_anything_is_measured(lab, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.abc\n"
        "class No(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'matplotlib': raise ModuleNotFoundError(name)\n"
        "import importlib.util as u\n"
        "old = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'matplotlib' else old(name, package)\n"
        "sys.meta_path.insert(0, No())\n"
    )
    done = lab("share", "--plot", "x.svg", code=1, env={"PYTHONPATH": str(tmp_path)})
    assert "pip install 'nbmon[lab]'" in done.stderr
    assert not (tmp_path / "x.svg").exists() and done.stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["shar"], 2, "Did you mean share?"),
        (["share", "extra"], 2, "share takes no word after its name, not extra"),
        (["share", "--option", "x=1"], 2, "share has no option x; it has none."),
        (["daemon", "abc"], 2, "'abc' is no process id; give a number, as in nbmon lab daemon 4711"),
        (["daemon", "999999999"], 1, "there is no process 999999999"),
        (["all", "4711"], 2, "4711 is for one experiment"),
        (["--quick"], 2, "name an experiment, or all"),
        (["share", "--plot", "x.jpg"], 2, "ends in .svg or .png"),
        (["share", "--html", "x.txt"], 2, "ends in .html or .htm"),
        (["share", "--html", "missing/x.html"], 2, "there is no folder"),
        (["share", "--html", "folder.html"], 2, "is a folder; name a file in it"),
        (["share", "--frob"], 2, "No such option"),
    ],
)
def test_what_is_typed_wrongly_is_said_with_what_is_accepted(lab, tmp_path, words, code, said):
    (tmp_path / "folder.html").mkdir()
    done = lab(*words, code=code)
    assert said in done.stderr
    assert done.stdout == ""


def interrupted(tmp_path, number, *words):
    """Start the threads experiment, whose cases last a while, and send a signal after its first words."""
    argv = [sys.executable, "-m", "nbmon", "lab", "threads", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(argv, cwd=tmp_path, text=True, **pipes, start_new_session=True) as running:
        wait_until(lambda: len(system.descendants(running.pid)) > 1, what="a case of the experiment runs")
        helpers = system.descendants(running.pid)
        os.kill(running.pid, number)
        out, err = running.communicate(timeout=GROSS_HANG)
    wait_until(lambda: not [pid for pid in helpers if Process(pid).alive], what="helpers end")
    assert "Traceback" not in err
    return running.returncode, out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_it_with_what_was_measured_and_leaves_nothing(tmp_path, number, code):
    left, out = interrupted(tmp_path, number, "--json")
    told = json.loads(out)
    assert left == code
    assert (told["interrupted"], told["confident"]) == (True, False)
    assert "interrupted after" in told["verdict"]


def test_ctrl_c_shows_people_what_there_is(tmp_path):
    code, out = interrupted(tmp_path, signal.SIGINT)
    assert code == 130 and "Unsure: interrupted after" in out


def test_progress_is_plain_lines_where_there_is_no_terminal(capsys):
    watcher = labshow._Plain("made (1 of 2)")
    watcher.watch(1, 4, "soon")
    assert capsys.readouterr().err == ""  # patience first
    watcher._next = 0.0
    watcher.watch(1, 4, "this")
    watcher.watch(1, 4, "that")
    assert re.fullmatch(r"nbmon: made \(1 of 2\): 25 %, about .* left: this\n", capsys.readouterr().err)


def test_progress_is_a_bar_on_a_terminal(tmp_path):
    """With the time that is left, gone at the end; tables are drawn there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        code = "import sys, nbmon.cli, nbmon.cli.labshow as s; s.PATIENCE = 0.0; nbmon.cli.main(sys.argv[1:])"
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "150"}
        os.execve(sys.executable, [sys.executable, "-c", code, "lab", "threads"], env)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass  # EIO: the other side is closed
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
    text = shown.decode()
    assert "left" in text and "threads: " in text and "━" in text
    assert "not joined" in text


def test_all_goes_on_after_one_that_cannot_be_made(monkeypatch, capsys):
    from nbmon.cli import lab as cli
    from nbmon.lab import running
    from nbmon.lab.errors import LabError
    from nbmon.lab.experiment import Settings
    from nbmon.lab.result import Result, unfinished

    def run(experiment, settings, _watch):
        if experiment.name == "memory":
            raise LabError("no memory here")
        return Result(experiment, settings, {}, unfinished(experiment, [], 0.0), 0.0)

    monkeypatch.setattr(running, "run", run)
    plan = [(registry.find(name), Settings(True)) for name in ("share", "memory", "zombie")]
    assert cli._made(plan, labshow.Outputs(None, None, True), together=True) == 1
    told = capsys.readouterr()
    assert "nbmon: memory: no memory here" in told.err
    assert [one["experiment"] for one in json.loads(told.out)] == ["share", "zombie"]
