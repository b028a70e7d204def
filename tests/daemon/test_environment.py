from __future__ import annotations

import pytest

from nbmon.daemon.environment import stays_in_foreground, unwanted

PID, PARENT = 100, 50


@pytest.mark.parametrize(
    "name",
    [
        *("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"),
        *("INVOCATION_ID", "SYSTEMD_EXEC_PID", "JOURNAL_STREAM", "MAINPID"),
        *("TERM", "TERMCAP", "COLUMNS", "LINES", "WINDOWID", "PWD", "OLDPWD", "SHLVL", "_"),
        *("STY", "TMUX", "TMUX_PANE", "SSH_TTY", "SSH_CONNECTION", "SSH_AUTH_SOCK"),
    ],
)
def test_what_belongs_to_the_login_is_not_inherited(name):
    assert unwanted([name, "PATH"]) == [name]


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "XDG_RUNTIME_DIR"),
        *(
            "COVERAGE_PROCESS_START",
            "COVERAGE_PROCESS_CONFIG",
            "DATABASE_URL",
            "TERMINAL_COUNT",
            "http_proxy",
        ),
    ],
)
def test_what_a_program_is_configured_by_stays(name):
    assert unwanted([name]) == []


@pytest.mark.parametrize(
    ("environ", "pid", "interactive", "expected"),
    [
        ({}, PID, False, False),
        ({}, 1, False, True),
        ({"NOTIFY_SOCKET": "/run/n"}, PID, True, True),
        ({"NOTIFY_SOCKET": ""}, PID, False, False),
        ({"INVOCATION_ID": "x"}, PID, False, True),
        ({"INVOCATION_ID": "x"}, PID, True, False),
        ({"INVOCATION_ID": "x", "SYSTEMD_EXEC_PID": "100"}, PID, False, True),
        ({"INVOCATION_ID": "x", "SYSTEMD_EXEC_PID": "50"}, PID, False, True),
        ({"INVOCATION_ID": "x", "SYSTEMD_EXEC_PID": "7"}, PID, False, False),
        ({"SYSTEMD_EXEC_PID": "100"}, PID, False, False),
    ],
)
def test_it_stays_where_a_supervisor_started_it(environ, pid, interactive, expected):
    assert stays_in_foreground(environ, pid, PARENT, interactive) is expected
