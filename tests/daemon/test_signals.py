from __future__ import annotations

import os
import signal

import pytest

from nbmon.daemon.signals import Reloader
from support.proc import wait_until


def test_a_signal_during_a_reload_makes_one_more_not_one_inside():
    depth, deepest, runs = 0, 0, 0

    def reload():
        nonlocal depth, deepest, runs
        depth, runs = depth + 1, runs + 1
        deepest = max(deepest, depth)
        if runs == 1:
            for _ in range(2000):  # deeper than Python's recursion limit, were they nested
                reloader.on_signal(signal.SIGHUP, None)
        depth -= 1

    reloader = Reloader(reload)
    reloader.on_signal(signal.SIGHUP, None)
    assert (deepest, runs) == (1, 2)


def test_a_reload_that_ends_the_program_does_so():
    def reload():
        raise SystemExit("no more")

    with pytest.raises(SystemExit):
        Reloader(reload).on_signal(signal.SIGHUP, None)


def test_sigterm_ends_a_program_that_only_waits_for_its_threads(kit):
    kit.daemon(
        "import atexit, threading\natexit.register(print, 'at exit')\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\nprint('returned')"
    )
    daemon = kit.start()
    kit.wait_for("returned")
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not daemon.alive)
    assert kit.text() == "returned\nat exit\n"
    assert not kit.pidfile.exists()
