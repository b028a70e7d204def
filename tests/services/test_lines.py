"""Which key stands on which line, and never an exception."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.services.lines import lines_of_keys

TEXT = '''\
# [services.comment]
[services.web]
target = "x # [not.a.table]"
"port" = 9085

[services."of data"]
command = [
    "a", "]",   # [services.inner]
    "b",
]
host = """
[services.string]
port = 1
"""
log = 'a = "b"'
dotted.key.here = 1
inline = { one = 1, two = { three = [1,
  2], four = 4 } }
after = 1
[[array]]
x = 2024-01-01
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("services", 2),
        ("services.web", 2),
        ("services.web.target", 3),
        ("services.web.port", 4),
        ("services.of data", 6),
        ("services.of data.command", 7),
        ("services.of data.host", 11),
        ("services.of data.log", 15),
        ("services.of data.dotted.key.here", 16),
        ("services.of data.inline.one", 17),
        ("services.of data.inline.two.three", 17),
        ("services.of data.inline.two.four", 18),
        ("services.of data.after", 19),
        ("array.x", 21),
    ],
)
def test_a_key_has_its_line(path, line):
    tomllib.loads(TEXT)
    assert lines_of_keys(TEXT)[tuple(path.split("."))] == line


@pytest.mark.parametrize("path", ["services.comment", "not.a.table", "services.inner", "services.string"])
def test_what_only_looks_like_a_key_has_none(path):
    assert tuple(path.split(".")) not in lines_of_keys(TEXT)


@given(st.text(alphabet="ab[]{}=,.\"'#\\\n \t1-", max_size=200) | st.text(max_size=200))
def test_any_text_gives_a_map_of_lines_that_exist(text):
    assert all(1 <= line <= text.count("\n") + 1 for line in lines_of_keys(text).values())


NAMES = st.text(alphabet="abc\"' #[=.", min_size=1, max_size=6)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers() | NAMES, max_size=3), max_size=4))
def test_every_key_that_tomllib_finds_has_a_line(tables):
    text = "".join(
        f"[{quoted(table)}]\n" + "".join(f"{quoted(key)} = {value(v)}\n" for key, v in keys.items())
        for table, keys in tables.items()
    )
    assert tomllib.loads(text) == tables
    lines = lines_of_keys(text)
    at = 0
    for table, keys in tables.items():
        at += 1
        assert lines[unescaped(table),] == at
        for key in keys:
            at += 1
            assert lines[unescaped(table), unescaped(key)] == at


def quoted(text):
    return '"' + unescaped(text) + '"'


def unescaped(text):
    """Escapes inside quoted keys are left as written: such a key's line is looked up by nobody."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def value(found):
    return quoted(found) if isinstance(found, str) else str(found)
