"""nbmon upgrade: the master executes its code anew; its sockets, its workers and their histories are kept."""

import os
import re
import signal
import socket
import threading
import urllib.request

import pytest

from support.proc import GROSS_HANG, Process, wait_until

TREE = """
import os
import time

import nbmon
from nbmon import Supervisor, coroutine, process, thread


def work():
    nbmon.ready()
    nbmon.wait_stopping()


async def follow():
    await nbmon.stopped()


tree = Supervisor(
    process("slow", work, ready=True, count=2),
    process("program", ["sleep", "60"]),
    thread("watcher", work),
    coroutine("feed", follow),
    Supervisor(process("inner", work, ready=True), name="front"),
)
"""
SHAPES = {
    "alone": [],
    "two threads": ["--workers", "2", "--model", "thread"],
    "process": ["--model", "process"],
}


class Visitor(threading.Thread):
    """Asks again and again; notes each request that got no answer."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.address = ("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))
        self.answers, self.lost, self.stopping = 0, [], False

    def run(self):
        while not self.stopping:
            try:
                with (
                    socket.create_connection(self.address, GROSS_HANG) as sock,
                    sock.makefile("rwb") as stream,
                ):
                    while not self.stopping and self._asked(stream):
                        pass
            except (OSError, AssertionError) as error:
                self.lost.append(error)

    def _asked(self, stream):
        stream.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.flush()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            assert line, "closed without an answer"
            head += line
        stream.read(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))
        self.answers += 1
        return b"connection: close" not in head.lower()


def workers(nbmon, name):
    return {worker["name"]: worker for worker in nbmon.view(name)["workers"]}


@pytest.fixture
def tree(nbmon):
    (nbmon.cwd / "app.py").write_text(TREE)
    nbmon("start", "app:tree")
    return nbmon


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
def test_upgrades_under_load_lose_no_request(nbmon, holiday, options):
    url = nbmon("start", "./holiday", "--port", "0", *options).stdout.strip()
    visitors = [Visitor(url) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    wait_until(lambda: all(visitor.answers for visitor in visitors))
    before = nbmon.view("holiday")
    for _ in range(2):
        assert nbmon("upgrade", "holiday").stdout == f"holiday is upgraded (pid {before['pid']})\n"
    count = sum(visitor.answers for visitor in visitors)
    wait_until(lambda: sum(visitor.answers for visitor in visitors) > count + 100)
    for visitor in visitors:
        visitor.stopping = True
    for visitor in visitors:
        visitor.join(GROSS_HANG)
    assert [visitor.lost for visitor in visitors] == [[]] * len(visitors)
    after = nbmon.view("holiday")
    assert (after["pid"], after["url"]) == (before["pid"], before["url"])
    assert not {w["pid"] for w in before["workers"]} & {w["pid"] for w in after["workers"]}
    nbmon("stop", "holiday")
    assert nbmon.left() == []


def darkrooms_sockets(pid):
    """The inodes of the listening SOCK_SEQPACKET sockets that `pid` has open."""
    folder = f"/proc/{pid}/fd"
    held = {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder) if os.path.exists(f"{folder}/{fd}")}
    with open("/proc/net/unix") as file:
        rows = [line.split() for line in file]
    return {row[6] for row in rows if row[3:5] == ["00010000", "0005"] and f"socket:[{row[6]}]" in held}


def test_the_darkroom_listens_where_the_old_workers_ask(nbmon, holiday):
    """Else what they ask in their last seconds would be answered by nobody, and cut."""
    nbmon("start", "./holiday", "--port", "0")
    pid = nbmon.view("holiday")["pid"]
    before = darkrooms_sockets(pid)
    nbmon("upgrade", "holiday")
    nbmon("upgrade", "holiday")
    assert len(before) == 1
    assert darkrooms_sockets(pid) == before


def test_new_code_is_seen_in_the_master_too(nbmon, holiday, tmp_path):
    """A module that the master imports at its start, and that is another one by then."""
    (tmp_path / "site").mkdir()
    module = tmp_path / "site" / "sitecustomize.py"
    module.write_text("")
    env = {"PYTHONPATH": str(tmp_path / "site")}
    nbmon("start", "./holiday", "--port", "0", env=env)
    module.write_text(
        f"open({str(tmp_path / 'seen')!r}, 'a').write('new code in %d\\n' % __import__('os').getpid())\n"
    )
    nbmon("upgrade", "holiday")
    assert f"new code in {nbmon.view('holiday')['pid']}\n" in (tmp_path / "seen").read_text()


def test_what_the_new_code_cannot_do_is_found_before(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    before = nbmon.view("holiday")
    holiday.rename(holiday.with_name("elsewhere"))
    done = nbmon("upgrade", "holiday", code=1)
    assert "holiday: the new code cannot take over: there is no folder " in done.stderr
    assert "Traceback" not in done.stderr
    after = nbmon.view("holiday")
    assert [w["pid"] for w in after["workers"]] == [w["pid"] for w in before["workers"]]
    assert "the old code goes on" in nbmon("logs", "holiday").stdout
    holiday.with_name("elsewhere").rename(holiday)
    nbmon("upgrade", "holiday")


def test_a_module_with_an_error_leaves_the_old_tree_at_work(tree):
    before = workers(tree, "tree")
    (tree.cwd / "app.py").write_text("def broken(:\n")
    done = tree("upgrade", "tree", code=1)
    assert "app.py, line 1" in done.stderr
    assert {name: w["pid"] for name, w in workers(tree, "tree").items()} == {
        name: w["pid"] for name, w in before.items()
    }


def test_every_kind_of_worker_is_there_afterwards_with_its_history(tree):
    for name in ("slow-1", "front/inner"):
        os.kill(workers(tree, "tree")[name]["pid"], signal.SIGKILL)
        wait_until(lambda name=name: workers(tree, "tree")[name]["restarts"] == 1)
    tree("scale", "tree/slow", "3")
    before = workers(tree, "tree")
    tree("upgrade", "tree")
    after = workers(tree, "tree")
    assert list(after) == list(before)
    assert {w["state"] for w in after.values()} == {"running"}
    assert after["program"]["pid"] == before["program"]["pid"]  # a command knows nothing of an upgrade
    for name in ("slow-1", "slow-2", "slow-3", "watcher", "feed", "front/inner"):
        assert after[name]["pid"] != before[name]["pid"]
        assert after[name]["restarts"] == before[name]["restarts"]
    assert after["slow-1"]["last_death"] == before["slow-1"]["last_death"]


def test_the_workers_of_the_new_plan_are_there(tree):
    text = TREE.replace('process("slow", work, ready=True, count=2)', 'process("quick", work, ready=True)')
    (tree.cwd / "app.py").write_text(text)
    before = workers(tree, "tree")
    tree("upgrade", "tree")
    after = workers(tree, "tree")
    assert sorted(after) == ["feed", "front/inner", "program", "quick", "watcher"]
    wait_until(lambda: not any(Process(before[name]["pid"]).alive for name in ("slow-1", "slow-2")))


def test_an_adopted_worker_that_dies_is_back_and_nothing_outlives_the_end(nbmon):
    nbmon("start", "--name", "db", "--", "sleep", "60")
    before = nbmon.view("db")
    nbmon("upgrade", "db")
    after = nbmon.view("db")
    assert after["workers"][0]["pid"] == before["workers"][0]["pid"]
    os.kill(after["workers"][0]["pid"], signal.SIGKILL)
    wait_until(lambda: nbmon.view("db")["restarts"] == 1)
    wait_until(lambda: nbmon.view("db")["workers"][0]["state"] == "running")
    last = nbmon.view("db")["workers"][0]["pid"]
    nbmon("stop", "db")
    assert not Process(last).alive
    assert nbmon.left() == []


def test_nothing_outlives_an_upgraded_master_that_is_killed(nbmon):
    nbmon("start", "--name", "db", "--", "sh", "-c", "sleep 60 & wait")
    nbmon("upgrade", "db")
    view = nbmon.view("db")
    os.kill(view["pid"], signal.SIGKILL)
    wait_until(lambda: not Process(view["workers"][0]["pid"]).alive)
    assert nbmon.view("db")["state"] == "dead"


def test_its_pid_file_is_held_and_its_log_opened_anew_afterwards(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    nbmon("upgrade", "holiday")
    assert "already running" in nbmon("start", "./holiday", "--port", "0", code=1).stderr
    log = nbmon.state / "nbmon" / "holiday.log"
    log.rename(log.with_suffix(".old"))
    nbmon("reload", "holiday")
    assert "reloaded" in log.read_text()


def test_descriptors_do_not_pile_up(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0", "--workers", "2")
    pid = nbmon.view("holiday")["pid"]
    counts = []
    for _ in range(3):
        nbmon("upgrade", "holiday")
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/task")) == 1)
        wait_until(lambda: len(children(pid)) == 5)  # two workers, what stands beside them, and the keeper
        counts.append(len(os.listdir(f"/proc/{pid}/fd")))
    assert len(set(counts)) == 1


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def test_one_in_the_foreground_stays_there(nbmon, holiday):
    with nbmon.background("run", "./holiday", "--port", "0") as running:
        assert running.stdout.readline().startswith("http://127.0.0.1:")
        nbmon("upgrade", "holiday")
        assert running.poll() is None
        assert nbmon.view("holiday")["pid"] == running.pid
        running.send_signal(signal.SIGINT)
        assert running.wait(GROSS_HANG) == 0
    assert nbmon.left() == []


def test_what_has_no_supervisor_says_so(programs):
    programs("start", "programs:Ticker")
    for words in (["upgrade", "Ticker"], ["events", "Ticker"], ["scale", "Ticker/x", "2"]):
        stderr = programs(*words, code=1).stderr
        assert "Ticker runs without a supervisor; only what a supervisor runs has workers" in stderr
    assert "nobody is not running" in programs("upgrade", "nobody", code=1).stderr


TALKER = """
from nbmon import Supervisor, process

script = "trap 'echo again' USR1; echo first; while :; do sleep 0.1; done"
tree = Supervisor(process("talker", ["sh", "-c", script], prefix=True))
"""


def test_prefixes_in_the_common_log_survive(nbmon):
    (nbmon.cwd / "talk.py").write_text(TALKER)
    nbmon("start", "talk:tree")

    def said(line, times=1):
        return lambda: nbmon.tried("logs", "tree").stdout.splitlines().count(line) == times

    wait_until(said("talker | first"))
    nbmon("upgrade", "tree")
    pid = workers(nbmon, "tree")["talker"]["pid"]
    os.kill(pid, signal.SIGUSR1)
    wait_until(said("talker | again"))
    os.kill(pid, signal.SIGKILL)
    wait_until(said("talker | first", 2))
    assert "is replaced" not in nbmon("logs", "tree").stdout
    nbmon("stop", "tree")
    assert nbmon.left() == []


HOSTED = """
import os

import nbmon
from nbmon import Supervisor, coroutine, thread


def once():
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once")
    nbmon.wait_stopping()


async def once_and_for_all():
    with open("ran", "a") as file:
        file.write("x")


tree = Supervisor(
    thread("watcher", once), coroutine("setup", once_and_for_all, restart="transient"), healthy=0
)
"""


def test_threads_and_coroutines_keep_their_histories_and_what_has_ended_stays_so(nbmon):
    (nbmon.cwd / "hosted.py").write_text(HOSTED)
    nbmon("start", "hosted:tree")
    wait_until(lambda: workers(nbmon, "tree")["watcher"]["restarts"] == 1)
    wait_until(lambda: workers(nbmon, "tree")["watcher"]["state"] == "running")
    wait_until(lambda: workers(nbmon, "tree")["setup"]["state"] == "ended")
    nbmon("upgrade", "tree")
    after = workers(nbmon, "tree")
    assert (after["watcher"]["restarts"], after["watcher"]["state"]) == (1, "running")
    assert after["setup"]["state"] == "ended"
    assert (nbmon.cwd / "ran").read_text() == "x"


def test_what_was_counted_for_the_metrics_is_still_told(nbmon, holiday):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    url = nbmon("start", "./holiday", "--port", "0", "--metrics", address).stdout.strip()

    def counted():
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=GROSS_HANG) as answer:
            found = re.findall(r"^nbmon_requests_total\{.*\} (\d+)$", answer.read().decode(), re.M)
        return sum(map(int, found))

    for _ in range(7):
        urllib.request.urlopen(url, timeout=GROSS_HANG).read()
    wait_until(lambda: counted() == 7)
    for _ in range(2):
        nbmon("upgrade", "holiday")
        wait_until(lambda: counted() >= 7)
    urllib.request.urlopen(url, timeout=GROSS_HANG).read()
    wait_until(lambda: counted() == 8)
