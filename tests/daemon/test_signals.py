from __future__ import annotations

import os
import signal
import time

import pytest

from nbmon.daemon.signals import Reloader, patience
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


ENDLESS = "threading.Thread(target=time.sleep, args=(600,), name='endless').start()\n"
SHORT = "threading.Thread(target=lambda: (time.sleep(2), print('finished'))).start()\n"
AT_EXIT = "import atexit, threading\natexit.register(print, 'at exit')\n"
LEAVES = "print('returned')"
LOOPS = "print('returned')\nwhile True: time.sleep(1)"
JOINS = """
try:
    print('returned')
    time.sleep(600)
finally:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
"""


@pytest.mark.parametrize("ending", [LEAVES, LOOPS, JOINS])
def test_after_sigterm_a_thread_has_time_to_finish(kit, ending):
    kit.daemon(AT_EXIT + SHORT + ending)
    daemon = kit.start()
    kit.wait_for("returned")
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not daemon.alive)
    assert kit.text() == "returned\nfinished\nat exit\n"
    assert not kit.pidfile.exists()


@pytest.mark.parametrize("ending", [LEAVES, LOOPS, JOINS])
def test_a_thread_without_end_is_left_behind_in_order_before_sigkill_comes(kit, ending):
    kit.daemon(AT_EXIT + ENDLESS + ending, attributes="stop_timeout = 5.0")
    daemon = kit.start()
    kit.wait_for("returned")
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not daemon.alive)
    returned, said, at_exit = kit.text().splitlines()
    assert (returned, at_exit) == ("returned", "at exit")
    assert said.endswith("SIGTERM: ending without the threads that did not end by themselves: endless")
    assert not kit.pidfile.exists()


def test_a_second_sigterm_does_not_cut_the_time_of_the_threads(kit):
    kit.daemon(AT_EXIT + SHORT + LEAVES)
    daemon = kit.start()
    kit.wait_for("returned")
    for _ in range(20):
        os.kill(daemon.pid, signal.SIGTERM)
        time.sleep(0.02)  # so that they are not one
    wait_until(lambda: not daemon.alive)
    assert kit.text() == "returned\nfinished\nat exit\n"


@pytest.mark.parametrize(
    ("stop_timeout", "seconds"), [(0, 3.0), (4.9, 3.0), (5.0, 3.0), (10.0, 8.0), (90.0, 88.0)]
)
def test_threads_have_nearly_the_grace_time(stop_timeout, seconds):
    assert patience(stop_timeout) == seconds
