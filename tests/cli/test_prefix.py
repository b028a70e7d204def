"""`--prefix`: the log says who wrote a line, for whatever nbmon supervises."""

import urllib.request

import pytest

from support.proc import GROSS_HANG, wait_until

TREE = """
import nbmon
from nbmon import Daemon, Supervisor, process


def talk():
    print("made 12", flush=True)
    nbmon.wait_stopping()


tree = Supervisor(process("resizer", talk, count=2))


class Plain(Daemon):
    def run(self):
        pass
"""


@pytest.fixture
def programs(nbmon):
    (nbmon.cwd / "programs.py").write_text(TREE)
    return nbmon


def has_lines(nbmon, name, *lines):
    wait_until(lambda: set(lines) <= set(nbmon("logs", name).stdout.splitlines()), what=f"{lines}")


def test_a_commands_lines_begin_with_its_name(nbmon):
    nbmon("start", "--name", "talker", "--prefix", "--", "sh", "-c", "echo hello; sleep 60")
    has_lines(nbmon, "talker", "sh | hello")


def test_each_worker_of_a_tree_has_its_own(programs):
    programs("start", "--prefix", "programs:tree")
    has_lines(programs, "tree", "resizer-1 | made 12", "resizer-2 | made 12")


def test_without_the_word_lines_stay_as_they_are(programs):
    programs("start", "programs:tree")
    has_lines(programs, "tree", "made 12")


@pytest.mark.parametrize(("word", "begin"), [("true", "web | 127.0.0.1 "), ("false", "127.0.0.1 ")])
def test_it_is_a_word_of_nbmon_toml(nbmon, holiday, word, begin):
    (nbmon.cwd / "nbmon.toml").write_text(
        f'[services.photos]\ntarget = "holiday"\nport = 0\nprefix = {word}\naccess_log = "-"\n'
    )
    url = nbmon("start", "photos").stdout.strip()
    urllib.request.urlopen(url, timeout=GROSS_HANG).read()
    wait_until(lambda: any(line.startswith(begin) for line in nbmon("logs", "photos").stdout.splitlines()))


def test_it_stays_over_a_restart_and_an_upgrade(programs):
    programs("start", "--prefix", "programs:tree")
    programs("restart", "tree")
    programs("upgrade", "tree")
    wait_until(lambda: programs("logs", "tree").stdout.count("resizer-1 | made 12") == 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["programs:Plain"], "--prefix is for what has workers: picture servers, commands and Supervisors"),
        (["--restart", "temporary", "--", "sleep", "60"], "--prefix is for a command that nbmon supervises"),
    ],
)
def test_where_nobody_has_a_name_it_is_refused(programs, words, said):
    done = programs("start", "--prefix", *words, code=1)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert programs.left() == []


def test_in_the_foreground_a_command_writes_itself(programs):
    assert "add --restart transient" in programs("run", "--prefix", "--", "true", code=1).stderr


@pytest.mark.parametrize("value", ['"yes"', "1"])
def test_another_value_is_answered_with_what_is_accepted(nbmon, holiday, value):
    (nbmon.cwd / "nbmon.toml").write_text(f'[services.photos]\ntarget = "holiday"\nprefix = {value}\n')
    done = nbmon("start", "photos", code=1)
    assert "line 3: prefix of services.photos is" in done.stderr
    assert "accepted is true or false" in done.stderr
