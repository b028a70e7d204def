"""`nbmon top` with real services, in a real terminal and without one."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from cli.live import live
from support.proc import Process, wait_until

TREES = """
import nbmon
from nbmon import Supervisor, coroutine, process, thread


def work():
    nbmon.ready()
    nbmon.wait_stopping()


async def follow():
    nbmon.ready()
    await nbmon.stopped()


def three(strategy):
    return Supervisor(
        *(process(f"w{n}", work, ready=True) for n in (1, 2, 3)),
        name=strategy.replace("_", "-"), strategy=strategy, intensity=1000, healthy=0,
    )


tree = Supervisor(
    process("web", work, count=2, ready=True), thread("watch", work), coroutine("feed", follow), healthy=0,
    intensity=1000,
)
strategies = Supervisor(*map(three, ("one_for_one", "one_for_all", "rest_for_one")))
"""


@pytest.fixture
def demo(nbmon):
    (nbmon.cwd / "trees.py").write_text(TREES)
    nbmon("start", "trees:tree", "--name", "demo")
    return nbmon


def rows(nbmon, *words):
    return {row["key"]: row for row in json.loads(nbmon("top", "--json", *words).stdout)}


def test_without_a_terminal_the_table_is_printed_once(demo, holiday):
    demo("start", holiday, "--port", "0")
    demo("start", "--name", "db", "--", "sleep", "1000")
    lines = demo("top").stdout.splitlines()
    assert lines[0].split()[:4] == ["NAME", "KIND", "STATE", "PID"]
    shown = {tuple(line.lstrip("▾├└│ +-|`").split()[:3]) for line in lines[1:]}
    assert {
        ("demo", "tree", "running"),
        ("web-1", "process", "running"),
        ("watch", "thread", "running"),
        ("feed", "coroutine", "running"),
        ("holiday", "pictures", "running"),
        ("db", "command", "running"),
    } <= shown
    assert "\x1b" not in "".join(lines)
    assert all("x" not in line or "holiday" not in line for line in demo("top", "db").stdout.splitlines())


def test_a_name_that_is_not_there_is_said(demo):
    said = demo("top", "demmo", code=1).stderr
    assert "demmo is not running" in said
    assert "demo" in said.replace("demmo", "")


def test_rows_for_programs_tell_what_each_costs(demo):
    found = rows(demo)
    web = found["demo/web-1"]
    assert Process(web["pid"]).alive
    assert web["memory"] > 100_000
    assert web["threads"] == 1
    assert web["of"] == "web"
    assert isinstance(web["cpu"], float)
    assert found["demo"]["memory"] > web["memory"]
    assert rows(demo, "nobody") == {}


def test_a_daemon_without_workers_is_shown_from_its_pid_alone(programs):
    programs("start", "programs:Ticker", "--name", "tick")
    row = rows(programs)["tick"]
    assert (row["kind"], row["state"], row["threads"]) == ("daemon", "running", 1)
    os.kill(row["pid"], signal.SIGKILL)
    wait_until(lambda: not Process(row["pid"]).alive)
    assert rows(programs)["tick"]["state"] == "dead"


def test_with_nothing_running_it_says_what_to_do(nbmon):
    assert "nbmon start" in nbmon("top").stdout
    assert json.loads(nbmon("top", "--json").stdout) == []


def test_what_dies_is_seen_and_what_it_died_of(demo):
    with live(demo, width=140) as top:
        pid = int(top.wait_for(r"web-1 +process +running +(\d+)")[1])
        os.kill(pid, signal.SIGKILL)
        again = top.wait_for(r"web-1 +process +running +(\d+) .*was killed by SIGKILL after")
        assert int(again[1]) != pid
        top.press("q")
        assert top.wait() == 0
        assert top.is_clean()


def test_a_worker_is_restarted_and_scaled_by_keys(demo):
    with live(demo) as top:
        pid = top.wait_for(r"web-1 +process +running +(\d+)")[1]
        top.press("/web-1\r\x1b[Bk")
        top.wait_for(r"restart demo/web-1\? \(y/n\)")
        top.press("n")
        top.wait_for("not done")
        top.press("ky")
        top.wait_for("restart demo/web-1: done")
        wait_until(lambda: pid not in top.wait_for(r"web-1 +process +running +(\d+)")[0])
        top.press("\x1b")
        top.press("+y")
        top.wait_for("scale demo/web to 3: done")
        top.wait_for(r"web-3 +process +running")
        top.press("-y")
        top.wait_for("scale demo/web to 2: done")
        wait_until(lambda: "web-3" not in top.screen.text)
        top.press("q")
        assert top.wait() == 0


def test_a_whole_service_is_restarted_by_a_key(demo):
    before = demo.view("demo")["pid"]
    with live(demo) as top:
        top.wait_for("web-2 ")
        top.press("k")
        top.wait_for("restart demo, the whole service")
        top.press("y")
        top.wait_for("restart demo: done")
        assert demo.view("demo")["pid"] != before
        top.wait_for(f"demo +tree +running +{demo.view('demo')['pid']}")


@pytest.mark.parametrize(
    ("how", "code"),
    [("q", 0), ("\x03", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
)
def test_however_it_ends_the_terminal_is_as_it_was(nbmon, how, code):
    with live(nbmon) as top:
        top.wait_for("Nothing runs")
        if isinstance(how, str):
            top.press(how)
        else:
            top.process.send_signal(how)
        assert top.wait() == code
        assert top.is_clean()
        assert "Traceback" not in top.screen.sent


def test_suspended_it_gives_the_terminal_back_and_goes_on_afterwards(nbmon):
    with live(nbmon) as top:
        top.wait_for("Nothing runs")
        top.process.send_signal(signal.SIGTSTP)
        wait_until(lambda: Process(top.process.pid).state == "T")
        assert top.is_clean()
        top.screen.resize(100, 30)
        top.process.send_signal(signal.SIGCONT)
        top.wait_for("Nothing runs")
        top.press("q")
        assert top.wait() == 0


def test_it_follows_the_size_of_the_terminal(demo):
    with live(demo, width=120) as top:
        top.wait_for("LAST DEATH")
        top.resize(60, 10)
        top.wait_for("UPTIME")
        wait_until(lambda: "KIND" not in top.screen.text, what="fewer columns")
        top.resize(10, 2)
        wait_until(lambda: "NAME" not in top.screen.text)
        top.resize(200, 50)
        top.wait_for("LAST DEATH")
        top.press("q")
        assert top.wait() == 0


def test_colours_are_for_those_who_want_them(demo):
    with live(demo, env={"NO_COLOR": ""}) as top:
        top.wait_for("web-1")
        assert "\x1b[32m" in top.screen.sent
    with live(demo, env={"NO_COLOR": "1"}) as top:
        top.wait_for("web-1")
        assert "\x1b[32m" not in top.screen.sent
    with live(demo, env={"TERM": "dumb"}) as top:
        assert top.wait() == 0
        assert "\x1b" not in top.screen.sent


def test_a_supervisor_that_does_not_answer_is_called_silent_and_holds_nobody_up(demo):
    master = demo.view("demo")["pid"]
    os.kill(master, signal.SIGSTOP)
    try:
        with live(demo) as top:
            top.wait_for(r"demo +\S+ +silent")
            began = time.monotonic()
            top.press("?")
            top.wait_for("any key goes back")
            assert time.monotonic() - began < 30
            os.kill(master, signal.SIGCONT)
            top.press("x")
            top.wait_for(r"web-1 +process +running")
    finally:
        os.kill(master, signal.SIGCONT)


def test_the_example_of_a_tree_is_shown_with_all_its_kinds(nbmon):
    example = Path(__file__).parents[2] / "examples" / "tree.py"
    (nbmon.cwd / "tree.py").write_text(example.read_text())
    nbmon("start", "tree:tree", "--name", "demo")
    shown = {key: (row["kind"], row["state"], row["parent"]) for key, row in rows(nbmon).items()}
    assert shown == {
        "demo": ("tree", "running", ""),
        **{f"demo/resizer-{n}": ("process", "running", "demo") for n in (1, 2, 3, 4)},
        "demo/watcher": ("thread", "running", "demo"),
        "demo/feed": ("coroutine", "running", "demo"),
        "demo/front": ("supervisor", "running", "demo"),
        "demo/front/web": ("process", "running", "demo/front"),
        "demo/front/warm": ("coroutine", "running", "demo/front"),
    }


def pids(nbmon):
    found = rows(nbmon, "demo").values()
    return {
        row["worker"]: row["pid"] for row in found if row["kind"] == "process" and row["state"] == "running"
    }


@pytest.mark.parametrize(
    ("strategy", "renewed"),
    [("one-for-one", {"w2"}), ("one-for-all", {"w1", "w2", "w3"}), ("rest-for-one", {"w2", "w3"})],
)
def test_each_strategy_is_seen_at_work(nbmon, strategy, renewed):
    (nbmon.cwd / "trees.py").write_text(TREES)
    nbmon("start", "trees:strategies", "--name", "demo")
    before = pids(nbmon)
    assert len(before) == 9
    os.kill(before[f"{strategy}/w2"], signal.SIGKILL)
    expected = {f"{strategy}/{name}" for name in renewed}

    def changed():
        now = pids(nbmon)
        return len(now) == 9 and {name for name in now if now[name] != before[name]}

    wait_until(lambda: changed() == expected, what=f"{expected} are new")
    assert rows(nbmon)[f"demo/{strategy}"]["note"] == strategy.replace("-", "_")
