"""JSON without `json`: the same values, the same text."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.workers.quickjson import dumps, loads

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@given(VALUES, st.sampled_from([None, 2, 4]))
def test_a_value_is_written_as_json_writes_it(value, indent):
    assert dumps(value, indent) == json.dumps(value, indent=indent)


@given(VALUES, st.text(alphabet=" \t\r\n", max_size=3))
def test_a_value_is_read_back(value, blank):
    text = blank + json.dumps(value) + blank
    assert loads(text) == value
    assert loads(text.encode()) == value


def _read(reader, text):
    try:
        return repr(reader(text))
    except ValueError:
        return ValueError


@given(st.text(alphabet='[]{}",:01.eE+-aulnrtsfIiyN\\ \n\ufeff', max_size=12))
def test_what_json_refuses_is_refused(text):
    assert _read(loads, text) == _read(json.loads, text)


@pytest.mark.parametrize("text", ["", " ", "{", "[1", '{"a": 1} x', "nope", '"\n"', b"\xff", "\ufeff1"])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_what_is_too_deep_is_a_recursion_error():
    with pytest.raises(RecursionError):
        loads("[" * 1_000_000)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_is_no_number_is_named_as_json_names_it(value):
    assert dumps(value) == json.dumps(value)
    assert repr(loads(dumps(value))) == repr(value)


@pytest.mark.parametrize("value", [{1, 2}, b"x", object()])
def test_what_json_has_not_is_a_type_error(value):
    with pytest.raises(TypeError):
        dumps(value)


def test_an_interpreter_without_the_c_functions_reads_and_writes_as_well():
    code = (
        "import sys; sys.modules['_json'] = None\n"
        "from nbmon.workers.quickjson import dumps, loads\n"
        'print(dumps(loads(b\' ["a", {"b": 1.5}] \')))'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == '["a", {"b": 1.5}]\n'


def test_what_is_no_json_is_a_value_error_although_json_is_not_loaded():
    code = (
        "import sys\n"
        "from nbmon.workers.quickjson import loads\n"
        "print('json' in sys.modules)\n"
        "for text in ('', ' ', '{', '[1', '{\"a\": 1,', 'nope', '\"', '\"\\n\"', '\"\\\\'):\n"
        "    try:\n"
        "        loads(text)\n"
        "    except ValueError:\n"
        "        print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] + ["refused"] * 9
