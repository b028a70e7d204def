"""How things look, and what the help and the completion give."""

import pty
import re
import subprocess
import sys

import pytest

from nbmon.cli import show
from nbmon.services.control import View


def view(**other):
    plain = {
        "name": "web",
        "state": "running",
        "pid": 7,
        "uptime": 61.0,
        "url": "http://h/",
        "kind": "pictures",
    }
    return View(**(plain | {"target": "/p", "log": "/l", "pidfile": "/x.pid"} | other))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7384, "2 h 3 min"),
        (86400, "1 d"),
        (93784, "1 d 2 h"),
        (-5, "0 s"),
    ],
)
def test_a_duration_is_said_in_two_units(seconds, said):
    assert show.duration(seconds) == said


def test_the_plain_table_has_a_line_for_each():
    assert show.table([view(), view(name="database", state="dead", pid=None, uptime=None, url=None)]) == (
        "name      state    pid  uptime     url        cpu  memory  target\n"
        "web       running  7    1 min 1 s  http://h/               /p\n"
        "database  dead                                             /p\n"
    )


def test_control_characters_of_a_path_do_not_reach_the_terminal():
    assert "\x1b" not in show.table([view(target="/\x1b[2J")]) + show.card(view(target="/\x1b[2J"))


def in_terminal(nbmon, words, columns, **env):
    """What the command line writes to a terminal of so many columns."""
    code = (
        "import pty, sys, os, fcntl, termios, struct\n"
        f"fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 40, {columns}, 0, 0))\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'nbmon', *sys.argv[1:]])"
    )
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=nbmon.cwd,
        env={key: value for key, value in nbmon.env.items() if key != "NO_COLOR"} | {"TERM": "xterm"} | env,
    )
    with open(slave, "wb"):
        pass
    shown = b""
    try:
        with open(master, "rb", buffering=0) as screen:
            while data := screen.read(65536):
                shown += data
    except OSError:  # EIO: the other end is closed
        pass
    child.wait(30)
    return shown.decode()


def test_a_terminal_gets_colour_unless_it_is_not_wanted(nbmon, holiday):
    nbmon("start", "holiday", "--port", "0")
    assert "\x1b[32m" in in_terminal(nbmon, ["status"], 120)
    assert "\x1b[32m" not in in_terminal(nbmon, ["status"], 120, NO_COLOR="1")


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 200])
def test_the_table_fits_the_terminal(nbmon, holiday, columns):
    nbmon("start", "holiday", "--port", "0")
    shown = in_terminal(nbmon, ["status"], columns, NO_COLOR="1")
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= columns
    assert "running" in shown
    assert nbmon.view("holiday")["url"] in shown


def test_help_begins_with_what_a_newcomer_needs(nbmon):
    text = nbmon("--help").stdout
    commands = text.index("Commands:")
    for wanted in ("nbmon start ./pictures", "nbmon status", "nbmon stop pictures"):
        assert text.index(wanted) < commands


@pytest.mark.parametrize(
    "verb", ["run", "start", "stop", "restart", "reload", "status", "logs", "completion"]
)
def test_every_verb_has_help(nbmon, verb):
    assert f"Usage: nbmon {verb}" in nbmon(verb, "--help").stdout


def test_version(nbmon):
    import nbmon as package

    assert nbmon("--version").stdout == f"nbmon {package.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_the_shell_accepts(nbmon, shell):
    script = nbmon("completion", shell).stdout
    assert "_NBMON_COMPLETE" in script
    try:
        done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip(f"{shell} is not installed")
    assert (done.returncode, done.stderr) == (0, "")


def completed(nbmon, line):
    """What bash is offered for the words of `line`, of which the last is begun."""
    env = {
        "_NBMON_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    return nbmon(env=env).stdout.split()


def test_completion_offers_verbs_options_names_and_targets(nbmon, holiday):
    (nbmon.cwd / "nbmon.toml").write_text("[services.web]\ntarget = 'holiday'\n")
    assert completed(nbmon, "nbmon sta") == ["plain,start", "plain,status"]
    assert "plain,--port" in completed(nbmon, "nbmon start --p")
    assert completed(nbmon, "nbmon start w") == ["plain,web", "dir,w"]
    assert completed(nbmon, "nbmon stop ") == []
    nbmon("start", "holiday", "--port", "0")
    assert completed(nbmon, "nbmon stop ho") == ["plain,holiday"]


def test_completion_is_silent_where_nothing_can_be_known(nbmon):
    nbmon.env["XDG_RUNTIME_DIR"] = "/dev/null"
    (nbmon.cwd / "nbmon.toml").write_text("garbage")
    assert completed(nbmon, "nbmon stop x") == []
    assert completed(nbmon, "nbmon start x") == ["dir,x"]
    nbmon.env["XDG_RUNTIME_DIR"] = str(nbmon.runtime)
