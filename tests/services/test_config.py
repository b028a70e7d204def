"""nbmon.toml: what is right, and each way to be wrong with file, line, what was found, what is accepted."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.services import config
from nbmon.services.errors import ServiceError

RIGHT = """
[services.holiday]
target = "pictures"
port = 8000
workers = "auto"
log = "logs/holiday.log"

[services.db]
command = ["redis-server", "--port", "7001"]
stop_timeout = 2.5
"""

WRONG = [
    # text, line, what the sentence says
    ("[service.web]\ntarget='x'", 1, '"service" is not known; accepted are tables [services.NAME].'),
    ("[service.web]\ntarget='x'", 1, "Did you mean services?"),
    ("\nservices = 3", 2, "services is no table"),
    ("[services.web]\ntarget='.'\nprot=1", 3, 'services.web has no "prot"; accepted are target, command,'),
    ("[services.web]\ntarget='.'\nprot=1", 3, "Did you mean port?"),
    ("[services.web]\ntarget='.'\nport='80'", 3, 'port of services.web is "80"; accepted is a whole number'),
    (
        "[services.web]\ntarget='.'\nport=70000",
        3,
        "port of services.web is 70000; accepted is a whole number",
    ),
    ("[services.web]\ntarget='.'\nport=-1", 3, "is -1"),
    ("[services.web]\ntarget='.'\nport=true", 3, "is true"),
    ("[services.web]\ntarget='.'\nport=1.5", 3, "is 1.5"),
    ("[services.web]\ntarget='.'\nworkers=0", 3, "workers of services.web is 0; accepted is a whole number"),
    ("[services.web]\ntarget='.'\nworkers='many'", 3, 'is "many"'),
    ("[services.web]\ntarget='.'\nmodel='corutine'", 3, "Did you mean coroutine?"),
    ("[services.web]\ntarget='.'\nmodel=1", 3, 'accepted is "coroutine", "thread" or "process"'),
    ("[services.web]\ntarget='.'\nlog=[]", 3, "log of services.web is []; accepted is text: a file"),
    ("[services.web]\ntarget='.'\nhost=''", 3, 'host of services.web is ""; accepted is text'),
    ("[services.web]\ntarget='.'\nstart_timeout=inf", 3, "accepted is seconds"),
    ("[services.web]\ntarget=''", 2, 'target of services.web is ""; accepted is text: a folder'),
    ("[services.web]\ntarget=5", 2, "target of services.web is 5"),
    ("[services.web]\ntarget={a=1}", 2, "target of services.web is a table"),
    ("[services.db]\n\ncommand=[]", 3, "command of services.db is []; accepted is a list of texts"),
    ("[services.db]\ncommand='redis'", 2, 'command of services.db is "redis"; accepted is a list of texts'),
    ("[services.db]\ncommand=['a',\n3]", 2, "accepted is a list of texts"),
    ("[services.db]\n", 1, "services.db has neither a target nor a command; accepted is one of the two"),
    ("[services.db]\ntarget='a'\ncommand=['b']", 1, "services.db has both a target and a command"),
    ("[services]\ndb = 3", 2, "services.db is 3; accepted is a table"),
    ("[services]\ndb = {target = 'x', nme = 3}", 2, 'services.db has no "nme"'),
    ("[services.'../x']\ntarget='a'", 1, "cannot name a service"),
    ("[services.'']\ntarget='a'", 1, "cannot name a service"),
    ("[services.web\n", 1, "at column"),
    ("\n\nx = ", 3, "at the end of the file"),
    ("a = 1\na = 2", 2, "cannot overwrite a value"),
    ("[services.web]\ntarget=one/two", 2, 'invalid value (accepted: "text", numbers,'),
    ("[services.web]\ntarget=one/two", 2, "at column 8 of target=one/two"),
    ("[services.web]\nport=1\n[services.web]\n", 3, "cannot declare [services.web] twice"),
    ('[services.web]\ntarget = "\x1b[2J" x', 2, "illegal character '\\x1b'"),
    ("a = 1 " + "y" * 500, 1, "yyy…"),
    ("[services.db]\ncommand=['a', 3, true]", 2, 'command of services.db is ["a", 3, true]; accepted is'),
]


def test_the_right_file_is_read():
    found = config.parse(RIGHT)
    assert list(found.services) == ["holiday", "db"]
    assert found.services["db"].command == ("redis-server", "--port", "7001")
    assert found.services["holiday"].workers == "auto"


@pytest.mark.parametrize(("text", "line", "sentence"), WRONG)
def test_a_wrong_file_is_answered_with_line_and_what_is_accepted(text, line, sentence):
    with pytest.raises(ServiceError) as caught:
        config.parse(text, "some/nbmon.toml")
    assert str(caught.value).startswith(f"some/nbmon.toml, line {line}: ")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_key_says_what_it_accepts():
    assert set(config.ACCEPTED) == {field.name for field in msgspec.structs.fields(config.Table)}


def test_a_long_value_is_cut():
    with pytest.raises(ServiceError) as caught:
        config.parse(f"[services.web]\ntarget='.'\nport='{'9' * 10_000}'")
    assert len(str(caught.value)) < 300


def test_control_characters_of_a_value_do_not_reach_the_terminal():
    with pytest.raises(ServiceError) as caught:
        config.parse('[services.web]\ntarget="."\nmodel="\\u001b[2J"')
    assert "\x1b" not in str(caught.value)


KEYS = st.sampled_from([*config.ACCEPTED, "prot", "x", ""])
VALUES = st.recursive(
    st.none().map(lambda _: "''")
    | st.integers().map(str)
    | st.sampled_from(["true", "nan", "1.5", "'x'", "2024-01-01"]),
    lambda inner: st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=4,
)


@given(st.lists(st.tuples(KEYS, VALUES), max_size=4, unique_by=lambda pair: pair[0]))
def test_any_table_is_read_or_answered_in_one_sentence(pairs):
    text = "[services.web]\n" + "".join(f'"{key}" = {value}\n' for key, value in pairs)
    try:
        config.parse(text)
    except ServiceError as error:
        assert "nbmon.toml, line " in str(error)


@given(st.text())
def test_any_text_is_read_or_answered(text):
    try:
        config.parse(text)
    except ServiceError as error:
        assert str(error).startswith("nbmon.toml")


def test_nesting_without_end_is_refused():
    with pytest.raises(ServiceError, match="nested too deeply"):
        config.parse("a = " + "[" * 100_000)


def test_no_file_is_no_configuration_unless_it_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config.load(None) is None
    with pytest.raises(ServiceError, match=r"other\.toml is not there"):
        config.load("other.toml")
    (tmp_path / "nbmon.toml").write_text(RIGHT)
    assert "holiday" in config.load(None).services


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"a = 1\n# \xff", "line 2: byte 0xff is not UTF-8"),
        (b"#" * (config.LARGEST + 1), "is larger than"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, data, sentence):
    path = tmp_path / "nbmon.toml"
    path.write_bytes(data)
    with pytest.raises(ServiceError, match=sentence):
        config.load(str(path))


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path):
    with pytest.raises(ServiceError, match=r"cannot read .*: is a directory"):
        config.load(str(tmp_path))


def test_relative_paths_count_from_the_file(tmp_path):
    path = tmp_path / "nbmon.toml"
    path.write_text(RIGHT)
    assert config.load(str(path)).options("holiday").log == str(tmp_path / "logs" / "holiday.log")
