"""What a TARGET means, as a table; and what is said when it means nothing."""

import os

import pytest

from nbmon.services.errors import MisuseError, ServiceError
from nbmon.services.service import Options
from nbmon.services.targets import Meaning, meaning, resolve


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    for name in ("holiday", "a b", "mod:Class", "照片"):
        (tmp_path / name).mkdir()
    (tmp_path / "prog.py").write_text("")
    (tmp_path / "note.txt").write_text("")
    (tmp_path / "dangling").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("word", "configured", "is_folder", "expected"),
    [
        (".", [], True, Meaning.FOLDER),
        ("..", [], True, Meaning.FOLDER),
        ("./web", ["web"], True, Meaning.FOLDER),
        ("web/", ["web"], False, Meaning.FOLDER),
        ("web", ["web"], True, Meaning.NAME),
        ("web", ["web"], False, Meaning.NAME),
        ("web", [], True, Meaning.FOLDER),
        ("web", [], False, Meaning.NOTHING),
        ("mod:Class", [], True, Meaning.FOLDER),
        ("mod:Class", [], False, Meaning.CLASS),
        ("pack.mod:Outer.Inner", [], False, Meaning.CLASS),
        ("mod:", [], False, Meaning.NOTHING),
        (":Class", [], False, Meaning.NOTHING),
        ("mod:Class:x", [], False, Meaning.NOTHING),
        ("1mod:Class", [], False, Meaning.NOTHING),
        ("mod:Class\n", [], False, Meaning.NOTHING),
        ("", [], False, Meaning.NOTHING),
    ],
)
def test_a_word_means_one_thing(word, configured, is_folder, expected):
    assert meaning(word, configured, is_folder) is expected


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("holiday", "holiday"),
        ("./holiday/", "holiday"),
        ("a b", "a-b"),
        ("照片", "pictures"),
        ("/", "pictures"),
    ],
)
def test_a_folder_gives_its_name(word, name):
    found = resolve(word)
    assert (found.kind, found.name, found.target) == ("pictures", name, os.path.abspath(word))


def test_the_working_directory_gives_its_own_name(here):
    assert resolve(".").name == here.name


def test_a_class_gives_its_name(here):
    found = resolve("pack.mod:Outer.MonitorDaemon")
    assert (found.kind, found.name, found.directory) == ("class", "MonitorDaemon", str(here))


def test_a_command_gives_the_name_of_its_program(here):
    found = resolve(None, ("/usr/bin/redis-server", "--port", "1"))
    assert (found.kind, found.name, found.directory) == ("command", "redis-server", str(here))
    assert found.said == "-- /usr/bin/redis-server --port 1"


def test_a_given_name_wins():
    assert resolve("holiday", name="other").name == "other"


CONFIG = """
[services.holiday]
target = "照片"
port = 1234
[services.code]
target = "mod_:Class"
[services.db]
command = ["redis-server"]
directory = "holiday"
[services.lost]
target = "holidya"
[services.misplaced]
command = ["x"]
directory = "nowhere"
[services.odd]
command = ["x"]
port = 80
[services.many]
target = "holiday"
model = "process"
workers = 4
[services.unlogged]
target = "holiday"
log = "nowhere/a.log"
"""


def test_a_name_of_the_file_wins_over_a_folder_of_that_name(here):
    (here / "nbmon.toml").write_text(CONFIG)
    assert resolve("holiday").target == str(here / "照片")
    assert resolve("./holiday").target == str(here / "holiday")


def test_what_is_typed_wins_over_the_file(here):
    (here / "nbmon.toml").write_text(CONFIG)
    assert resolve("holiday").options.port == 1234
    assert resolve("holiday", options=Options(port=5)).options.port == 5
    assert resolve("holiday", name="n").name == "n"


def test_the_file_may_stand_elsewhere(here, monkeypatch):
    (here / "nbmon.toml").write_text(CONFIG)
    monkeypatch.chdir("/")
    found = resolve("db", config_path=str(here / "nbmon.toml"))
    assert (found.kind, found.name, found.directory) == ("command", "db", str(here / "holiday"))
    assert resolve("code", config_path=str(here / "nbmon.toml")).directory == str(here)


@pytest.mark.parametrize(
    ("word", "sentences"),
    [
        (
            "lost",
            [
                "nbmon.toml, line 11: ",
                "holidya is not there",
                "Did you mean holiday?",
                "accepted is a folder",
            ],
        ),
        ("unlogged", ["nbmon.toml, line 24: log of services.unlogged: the folder ", "/nowhere is not there"]),
        ("misplaced", ["nbmon.toml, line 14: ", "nowhere is not there"]),
        ("odd", ["nbmon.toml, line 17: ", "--port is for picture servers"]),
        ("many", ["nbmon.toml, line 21: ", "--workers is for --model coroutine and thread"]),
    ],
)
def test_a_service_of_the_file_that_cannot_be_is_answered_with_its_line(here, word, sentences):
    (here / "nbmon.toml").write_text(CONFIG)
    with pytest.raises(ServiceError) as caught:
        resolve(word)
    assert [sentence for sentence in sentences if sentence not in str(caught.value)] == []
    assert not isinstance(caught.value, MisuseError)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("./nowhere", "./nowhere is not there"),
        ("./holidya", "./holidya is not there. Did you mean ./holiday?"),
        ("./holidya/", "Did you mean ./holiday?"),
        ("holidya", "Did you mean holiday?"),
        ("./note.txt", "./note.txt is not a folder but a file"),
        ("note.txt", "note.txt is a file, and nbmon serves folders"),
        ("prog.py", "nbmon start -- python prog.py"),
        ("./dangling", "is a link to nothing"),
        ("mod:", "is not of the form module:Class"),
        ("nothing", "nothing is nothing that nbmon can start: no folder here, no module:Class"),
        ("nothing", "nbmon start -- nothing"),
        ("\x1b[2J", "\\x1b[2J is nothing"),
        ("\udcff", "\\udcff is nothing"),
        ("x" * 5000, "is nothing that nbmon can start"),
        ("./" + "x" * 5000, "is not there"),
    ],
)
def test_a_word_that_means_nothing_is_answered_with_what_was_tried(word, sentence):
    with pytest.raises(ServiceError) as caught:
        resolve(word)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"word": None}, "TARGET is missing"),
        ({"word": ""}, "is no name of anything"),
        ({"word": "a\0b"}, "is no name of anything"),
        ({"word": "holiday", "command": ("ls",)}, "give one of the two"),
        ({"word": None, "command": ("",)}, "an empty first word"),
        ({"word": "holiday", "name": "../x"}, "cannot name a service"),
        ({"word": "holiday", "name": "x" * 65}, "cannot name a service"),
        ({"word": "holiday", "options": Options(model="process", workers="auto")}, "--limit processes=N"),
        ({"word": "a:B", "options": Options(port=80)}, "--port is for picture servers"),
        ({"word": None, "command": ("ls",), "options": Options(host="h")}, "--host is for picture servers"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_the_callers_fault(words, sentence):
    with pytest.raises(MisuseError) as caught:
        resolve(**words)
    assert sentence in str(caught.value)


def test_the_file_is_not_blamed_for_what_was_typed(here):
    (here / "nbmon.toml").write_text(CONFIG)
    with pytest.raises(MisuseError, match=r"^--workers is for"):
        resolve("holiday", options=Options(workers=3, model="process"))


def test_without_a_target_the_names_of_the_file_are_proposed(here):
    (here / "nbmon.toml").write_text(CONFIG)
    with pytest.raises(MisuseError, match=r"which one.* holiday, code, db"):
        resolve(None)


def test_a_working_directory_that_is_gone_is_said(here, monkeypatch):
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ServiceError, match="working directory does not exist"):
        resolve(None, ("ls",))
