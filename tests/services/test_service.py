"""Names and options as plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.services.checks import check_options, host_fault
from nbmon.services.errors import MisuseError
from nbmon.services.service import Options, Service, derived_name, is_name, quoted


@given(st.text(), st.sampled_from(["pictures", "daemon", "command"]))
def test_whatever_a_folder_is_called_its_name_can_be_a_file_name(text, otherwise):
    assert is_name(derived_name(text, otherwise))


@pytest.mark.parametrize("text", ["", ".", "..", ".x", "-x", "a/b", "a b", "a\n", "ä", "x" * 65, "a\0"])
def test_what_could_not_be_a_plain_file_name_is_no_name(text):
    assert not is_name(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [("Fotos 2024", "Fotos-2024"), ("Café", "Cafe"), ("..", "x"), ("-a-", "a"), ("v1.2", "v1.2")],
)
def test_a_derived_name_stays_readable(text, name):
    assert derived_name(text, "x") == name


def test_what_was_not_said_is_taken_from_the_other():
    assert Options(port=0).over(Options(port=1, host="h")) == Options(port=0, host="h")


def _service(**other):
    return Service(**({"name": "n", "kind": "command", "directory": "/d", "command": ("a", "b")} | other))


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("", "127.0.0.1 for this machine alone"),
        ("127.0.0.1:80", "give --host 127.0.0.1 --port 80"),
        ("[::1]:80", "give --host ::1 --port 80"),
        ("[::1]", "give --host ::1"),
        ("http://example.org", "an address alone"),
        ("10.0.0.0/8", "an address alone"),
        ("a\x1b:1", "a\\x1b"),
    ],
)
def test_what_is_no_host_is_answered_with_what_to_type(host, fault):
    assert fault in host_fault(host)
    with pytest.raises(MisuseError, match="--host"):
        check_options(Service(name="a", kind="pictures", directory="/", options=Options(host=host)))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "*", "::", "::1", "fe80::1%eth0", "1::2:80", "a.b"]
)
def test_what_may_be_a_host_is_left_to_the_system(host):
    assert host_fault(host) == ""


def test_options_and_names_do_not_make_another_service():
    assert _service().identity == _service(name="m", options=Options(log="/l")).identity
    assert _service().identity != _service(command=("a", "c")).identity
    assert _service().identity != _service(directory="/e").identity


def test_a_folder_is_the_same_from_everywhere():
    one = _service(kind="pictures", target="/p", command=(), directory="/a")
    assert one.identity == _service(kind="pictures", target="/p", command=(), directory="/b").identity


@given(st.text() | st.text(alphabet="a@%+=:,./-_' \"\\$`~", max_size=6))
def test_a_command_is_shown_as_a_shell_would_read_it_back(word):
    import shlex

    assert quoted(word) == shlex.quote(word)
