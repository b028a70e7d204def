"""run() as an `async def`: it gets an event loop, its failures are told, SIGTERM lets its `finally` work."""

from __future__ import annotations

import pytest

from nbmon.daemon import inside

PROGRAM = """
    import asyncio, sys
    from nbmon import Daemon

    class D(Daemon):
        {attributes}
        async def run(self, *words):
            {body}

    if __name__ == "__main__":
        d = D("d.pid", stdout="d.log", stderr="d.log")
        verb = sys.argv[1]
        if verb == "run":
            d.run_in_foreground("word")
        else:
            getattr(d, verb)(*["word"] * (verb == "start"))
"""
TIDY = """try:
                print("begun with", *words)
                await asyncio.sleep(600)
            finally:
                await asyncio.sleep(0)
                print("tidied up")"""


def write(kit, body, attributes="pass"):
    kit.write(PROGRAM.format(body=body, attributes=attributes))


def test_it_runs_with_what_start_was_given_until_it_is_stopped_in_order(kit):
    write(kit, TIDY)
    daemon = kit.start()
    kit.wait_for("begun with word")
    assert kit.run("stop").returncode == 0
    assert not daemon.alive
    assert kit.text() == "begun with word\ntidied up\n"


def test_what_it_raises_is_the_reason_of_a_failed_start(kit):
    write(kit, "await asyncio.sleep(0); raise ValueError('no table')")
    done = kit.run("start")
    assert (done.returncode, done.stderr) == (1, "D: ValueError: no table\n")
    assert "never awaited" not in kit.text()


def test_it_may_say_when_it_is_ready(kit):
    write(kit, "await asyncio.sleep(0.01); self.ready(); await asyncio.sleep(600)", "wait_ready = True")
    assert kit.start().alive


def test_it_runs_in_the_foreground_too(kit):
    write(kit, "print(*words)")
    done = kit.run("run")
    assert (done.returncode, done.stdout, done.stderr) == (0, "word\n", "")


@pytest.mark.parametrize("returned", [None, 3, "text", object()])
def test_what_a_plain_run_returns_counts_for_nothing(returned):
    assert inside.run(lambda: returned) is None
