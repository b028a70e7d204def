"""Several that want one name at the same moment: one gets it, the others are told."""

from __future__ import annotations

import os

from cli.test_top import TREES, rows
from nbmon.services.watching.looking import Looker
from support.proc import GROSS_HANG, Process, wait_until

AT_ONCE = 6


def test_of_several_supervisors_of_one_name_exactly_one_runs(nbmon):
    (nbmon.cwd / "trees.py").write_text(TREES)
    starts = [nbmon.background("start", "trees:tree", "--name", "demo") for _ in range(AT_ONCE)]
    told = [start.communicate(timeout=GROSS_HANG) for start in starts]
    codes = sorted(start.returncode for start in starts)
    assert codes == [0] + [1] * (AT_ONCE - 1), told
    assert all("Traceback" not in stderr for _, stderr in told)
    assert all("demo" in stderr for (_, stderr), start in zip(told, starts, strict=True) if start.returncode)
    master = nbmon.view("demo")["pid"]
    workers = {row["pid"] for row in rows(nbmon).values() if row["kind"] == "process"}
    assert {Process(pid).parent for pid in workers} == {master}
    others = [pid for pid in os.listdir("/proc") if pid.isdigit() and is_demo(nbmon, pid)]
    wait_until(lambda: all(descends(int(pid), master) for pid in others if os.path.exists(f"/proc/{pid}")))


def is_demo(nbmon, pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            ours = f"XDG_RUNTIME_DIR={nbmon.runtime}".encode() in file.read().split(b"\0")
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return ours and file.read().startswith(b"nbmon: demo")
    except OSError:
        return False


def descends(pid, master):
    try:
        while pid not in (1, master):
            pid = Process(pid).parent
    except OSError:
        return True  # it has ended
    return pid == master


def test_a_look_survives_that_the_connection_ends(nbmon, monkeypatch):
    (nbmon.cwd / "trees.py").write_text(TREES)
    nbmon("start", "trees:tree", "--name", "demo")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(nbmon.runtime))
    looker = Looker()
    try:
        assert looker.look()[0].tree["workers"]
        looker._services["demo"]._remote._sock.shutdown(2)
        assert [(seen.state, len(seen.tree["workers"])) for seen in looker.look()] == [("running", 4)]
    finally:
        looker.close()
