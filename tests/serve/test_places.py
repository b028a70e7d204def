"""Where a server listens: what a person may write, and what systemd hands over."""

import fcntl
import json
import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.serve import ListenError
from nbmon.serve.addresses import Place, WrongAddress, parse
from nbmon.serve.handed import Handed, announced
from support.proc import GROSS_HANG

RIGHT = [
    ("127.0.0.1", Place("127.0.0.1")),
    ("127.0.0.1:9086", Place("127.0.0.1", 9086)),
    ("localhost:0", Place("localhost", 0)),
    ("*:80", Place("*", 80)),
    ("*", Place("*")),
    ("[::1]:9086", Place("::1", 9086)),
    ("[::1]", Place("::1")),
    ("::1", Place("::1")),
    ("::", Place("::")),
    ("unix:/run/x.sock", Place("unix:/run/x.sock")),
    ("systemd", Place("", None, "")),
    ("systemd:web", Place("", None, "web")),
]
WRONG = ["", " ", "a b", "9086", ":9086", "host:", "host:x", "host:65536", "host:-1", "[::1", "[::1]9086",
         "[localhost]:80", "unix:", "unix:x.sock", "a\nb:80", "[]:80", "host:0x10", "host:٣"]  # fmt: skip


@pytest.mark.parametrize(("text", "place"), RIGHT)
def test_a_place_is_understood(text, place):
    assert parse(text) == place


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_place_is_answered_with_examples(text):
    with pytest.raises(WrongAddress, match="as in 127") as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_place_or_a_sentence(text):
    try:
        place = parse(text)
    except WrongAddress:
        return
    assert place.port is None or 0 <= place.port <= 65535


ANNOUNCED = [
    ({}, []),
    ({"LISTEN_FDS": "2"}, []),
    ({"LISTEN_FDS": "2", "LISTEN_PID": "8"}, []),
    ({"LISTEN_FDS": "0", "LISTEN_PID": "7"}, []),
    ({"LISTEN_FDS": "2", "LISTEN_PID": "7"}, [Handed(3, ""), Handed(4, "unknown")]),
    ({"LISTEN_FDS": "2", "LISTEN_PID": "7", "LISTEN_FDNAMES": "a:b"}, [Handed(3, "a"), Handed(4, "b")]),
    ({"LISTEN_FDS": "1", "LISTEN_PID": "7", "LISTEN_FDNAMES": "a:b:c"}, [Handed(3, "a")]),
]


@pytest.mark.parametrize(("environment", "handed"), ANNOUNCED)
def test_only_what_was_announced_to_this_process_counts(environment, handed):
    assert announced(environment, 7) == handed


@pytest.mark.parametrize("count", ["x", "-1", "65", "99999999999", "", "1e3", "٣"])
def test_a_number_that_makes_no_sense_is_a_sentence(count):
    with pytest.raises(ListenError, match="LISTEN_FDS is"):
        announced({"LISTEN_FDS": count, "LISTEN_PID": "7"}, 7)


PROGRAM = """
import json, os, sys
from nbmon.serve import ListenError
from nbmon.serve.handed import take
os.environ["LISTEN_PID"] = str(os.getpid())
try:
    sockets = take(sys.argv[1])
except ListenError as error:
    print(json.dumps({"error": str(error)}))
else:
    print(json.dumps({
        "names": [sock.getsockname() for sock in sockets],
        "inherited": [sock.get_inheritable() for sock in sockets],
        "blocking": [sock.getblocking() for sock in sockets],
        "open": [fd for fd in (3, 4) if os.path.exists(f"/proc/self/fd/{fd}")],
        "variables": [name for name in os.environ if name.startswith("LISTEN")],
    }))
"""


def hand_over(first, second, name=""):
    """What a process sees to which `first` and `second` are handed over as systemd does it."""
    high = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100) for one in (first, second)]  # neither is 3 or 4
    command = f'exec 3<&{high[0]} 4<&{high[1]}; exec "$@"'
    environment = {**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:other"}
    done = subprocess.run(
        ["/bin/bash", "-c", command, "bash", sys.executable, "-c", PROGRAM, name],
        env=environment, pass_fds=high, timeout=GROSS_HANG,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for fd in high:
        os.close(fd)
    return json.loads(done.stdout)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def unix_listener(tmp_path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        sock.listen()
        yield sock


def test_sockets_are_taken_over_for_this_process_alone(listener, unix_listener):
    seen = hand_over(listener, unix_listener)
    assert seen["names"] == [list(listener.getsockname()), unix_listener.getsockname()]
    assert seen["inherited"] == [False, False]
    assert seen["blocking"] == [False, False]
    assert seen["variables"] == []


def test_a_socket_is_chosen_by_its_name_and_the_others_are_closed(listener, unix_listener):
    seen = hand_over(listener, unix_listener, "web")
    assert seen["names"] == [list(listener.getsockname())]
    assert seen["open"] == [3]


def test_a_name_that_was_not_handed_over_is_said(listener, unix_listener):
    assert hand_over(listener, unix_listener, "wbe")["error"].endswith("'wbe'; there are other, web")


def test_what_is_no_listening_socket_is_not_believed(listener):
    with open("/dev/null") as file, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert "is no socket" in hand_over(listener, file)["error"]
        assert "does not listen" in hand_over(datagrams, listener)["error"]
