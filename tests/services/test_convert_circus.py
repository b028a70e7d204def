"""A circus.ini becomes an nbmon.toml."""

import tomllib

import pytest

from nbmon.services.convert import reading
from nbmon.services.errors import ServiceError
from services.converting import from_circus

CIRCUS = """
[circus]
check_delay = 5
[env]
Foo = bar
[watcher:a]
cmd = python x.py --port 80$(circus.wid)
args = $(CIRCUS.ENV.foo) ((circus.env.home)) "q r" $(circus.sockets.web)
numprocesses = 2
working_dir = /srv
stdout_stream.class = FileStream
stdout_stream.filename = /tmp/a.log
stdout_stream.max_bytes = 1000
numprocesses = 7
[env:a,b*]
X = y
[socket:web]
port = 80
[watcher:c]
cmd = c ; a comment
graceful_timeout = 2.5
respawn = False
copy_env = True
"""


def test_a_watcher_of_circus_is_the_same_here():
    found, sentences = from_circus(CIRCUS)
    common = ("env", "Foo=bar", "X=y", "python", "x.py", "--port")
    assert list(found) == ["a-1", "a-2", "c"]
    assert found["a-1"].command == (*common, "801", "bar", "/home/ann", "q r", "$(circus.sockets.web)")
    assert found["a-2"].command == (*common, "802", "bar", "/home/ann", "q r", "$(circus.sockets.web)")
    assert (found["a-1"].directory, found["a-1"].log, found["a-1"].stop_timeout) == (
        "/srv",
        "/tmp/a.log",
        30.0,
    )
    assert (found["c"].command, found["c"].stop_timeout) == (("env", "Foo=bar", "c"), 2.5)
    assert (found["a-1"].restart, found["c"].restart) == ("permanent", "temporary")
    for beginning in (
        "line 3: [circus] check_delay = 5 has no counterpart",
        "line 8: $(circus.sockets.web) is not known here",
        "line 13: [watcher:a] stdout_stream.max_bytes = 1000 has no counterpart",
        "line 17: [socket:web] has no counterpart",
        "line 8: ((circus.env.home)) was taken from the environment of this command",
    ):
        assert any(one.startswith(f"circus.ini, {beginning}") for one in sentences), (beginning, sentences)
    assert not any("[watcher:c]" in one for one in sentences)


def test_variables_are_replaced_in_env_and_not_in_the_patterns_of_env():
    content = "[env]\nA = $(circus.env.home)\n[env:w]\nB = $(circus.env.home)\n[watcher:w]\ncmd = x"
    found, _ = from_circus(content)
    assert found["w"].command == ("env", "A=/home/ann", "B=$(circus.env.home)", "x")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[watcher:a]\n", "line 1: \\[watcher:a\\] has no cmd"),
        ("[watcher:a]\ncmd=x 'y", "line 2: no closing quotation"),
        ("[watcher:a]\ncmd=''", "line 2: cmd is empty"),
        ("[watcher:a]\ncmd=x\nnumprocesses=many", "line 3: numprocesses = many is no whole number"),
        ("[watcher:a]\ncmd=x\nnumprocesses=99999", "is too many"),
        ("[watcher:a]\ncmd=x\ngraceful_timeout=soon", "is no number of seconds"),
        ("[circus]\n", "has no program in it"),
    ],
)
def test_a_wrong_circus_ini_is_answered_with_a_sentence(content, sentence):
    with pytest.raises(ServiceError, match=sentence):
        from_circus(content)


def test_files_that_circus_includes_are_read(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.ini").write_text("[watcher:x]\ncmd=x\n")
    (tmp_path / "y.ini").write_text("[watcher:y]\ncmd=y\n")
    (tmp_path / "circus.ini").write_text("[circus]\ninclude = y.ini\ninclude_dir = d\n")
    made = reading.convert(str(tmp_path / "circus.ini"))
    assert set(tomllib.loads(made.text)["services"]) == {"x", "y"}
