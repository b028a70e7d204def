"""Numbers that a program sets wrongly are refused before anything forks; endless ones work."""

from __future__ import annotations

import math

import pytest

from nbmon.daemon.errors import DetachError
from nbmon.daemon.settings import MAX_WAIT, check_seconds, check_umask, milliseconds
from support.kit import SLEEP
from support.proc import wait_until


@pytest.mark.parametrize("value", ["30", None, True, -1, -0.001, math.nan, -math.inf])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(DetachError, match="start_timeout must be a number of seconds, 0 or more, and not "):
        check_seconds("start_timeout", value)


@pytest.mark.parametrize("value", [0, 0.0, 10, 1e12, math.inf])
def test_what_is_a_time_is_taken(value):
    check_seconds("start_timeout", value)


@pytest.mark.parametrize("value", ["022", None, True, -1, 0o1000, 18.0])
def test_what_is_no_umask_is_refused(value):
    with pytest.raises(DetachError, match="umask must be a number from 0 to 0o777"):
        check_umask(value)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-1.0, 0), (0.0, 0), (1.5, 1500), (1e12, MAX_WAIT * 1000), (math.inf, MAX_WAIT * 1000)],
)
def test_a_wait_fits_into_poll(seconds, expected):
    assert milliseconds(seconds) == expected


@pytest.mark.parametrize("setting", ["start_timeout = '30'", "stop_timeout = None", "umask = '022'"])
def test_a_wrong_number_is_told_in_one_line_and_nothing_is_left(kit, setting):
    kit.daemon(SLEEP, attributes=setting)
    done = kit.run("start")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"{setting.split()[0]} must be a number" in done.stderr
    assert (kit.processes(), kit.pidfile.exists(), kit.log.exists()) == ([], False, False)


@pytest.mark.parametrize("aware", [True, False])
def test_endless_patience_is_possible(kit, aware):
    attributes = f"start_timeout = stop_timeout = float('inf')\nwait_ready = {aware}"
    kit.daemon("self.ready()\n" + SLEEP, attributes=attributes)
    daemon = kit.start()
    done = kit.run("stop")
    assert (done.returncode, done.stderr, daemon.alive) == (0, "", False)


def test_a_watcher_that_fails_takes_the_daemon_along(kit):
    """A defect of the kit's own must not leave a daemon behind of which the starter said that it failed."""
    kit.write(
        f"""
        import os, sys, time
        from nbmon import Daemon
        from nbmon.daemon import watch

        def broken(self, deadline):
            while not os.path.exists({str(kit.pidfile)!r}):
                time.sleep(0.01)
            raise RuntimeError("broken watcher")

        watch.Watcher._next_event = broken

        class D(Daemon):
            def run(self):
                time.sleep(600)

        D("d.pid", stdout="d.log", stderr="d.log").start()
        """
    )
    done = kit.run()
    assert (done.returncode, done.stderr) == (1, "D: RuntimeError: broken watcher\n")
    wait_until(lambda: kit.processes() == [])
    assert not kit.pidfile.exists()
