"""systemd's watchdog: who is waited for, and how often the word comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.daemon.watchdog import allowed

WAITING = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000"}


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 30.0),
        ({"WATCHDOG_PID": "42"}, 30.0),
        ({"WATCHDOG_PID": "43"}, None),  # another process of the service is meant
        ({"WATCHDOG_PID": ""}, None),
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "1e6"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({"NOTIFY_SOCKET": ""}, None),
    ],
)
def test_who_is_waited_for_is_told_by_the_environment(changes, seconds):
    assert allowed(WAITING | changes, 42) == seconds


def test_nobody_is_waited_for_without_a_word_of_it():
    assert allowed({}, 42) is None


@given(st.text(max_size=8), st.text(max_size=8))
def test_whatever_stands_there_is_no_failure(usec, pid):
    found = allowed({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}, 42)
    assert found is None or found > 0
