"""The control socket: its file, and those who mean no good."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from nbmon.workers import WorkerError
from support.proc import GROSS_HANG, Process, wait_until
from workers.asking import CONTROLLED, ask, raw, states
from workers.trees import running


def answers(tree):
    try:
        return ask(tree)["ok"]
    except WorkerError:
        return False


@pytest.mark.parametrize("how", ["unlink", "rename"])
def test_a_removed_control_socket_is_made_again_and_the_workers_do_not_notice(tmp_path, how):
    with running(tmp_path, CONTROLLED) as tree:
        path = tree.folder / "control.sock"
        before = path.stat().st_ino
        for _ in range(3):
            if how == "rename":
                path.rename(tree.folder / "elsewhere.sock")
            else:
                path.unlink()
            wait_until(lambda: answers(tree), what="it is asked again")
        assert path.stat().st_ino != before
        assert path.stat().st_mode & 0o777 == 0o600
        assert "is made again" in tree.text
        assert {row["restarts"] for row in ask(tree)["workers"]} == {0}
        assert tree.stop() == 0
        assert not path.exists()


def test_who_is_connected_stays_so_when_the_file_is_removed(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        with raw(tree) as sock, sock.makefile("rb") as lines:
            (tree.folder / "control.sock").unlink()
            sock.sendall(b'{"do": "status"}\n')
            assert json.loads(lines.readline())["ok"] is True
        assert tree.stop() == 0


def test_what_another_has_put_in_the_sockets_place_is_left_alone(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        path = tree.folder / "control.sock"
        (tree.folder / "mine").write_text("another's")
        (tree.folder / "mine").rename(path)
        tree.wait_for_log("is another's by now")
        os.kill(tree.pid_of("web-1"), signal.SIGKILL)
        tree.pid_of("web-1", 2)
        assert tree.stop() == 0
        assert path.read_text() == "another's"


def test_a_socket_that_cannot_be_made_again_costs_nobody_anything(tmp_path):
    body = CONTROLLED.replace('"control.sock"', '"sub/control.sock"')
    (tmp_path / "sub").mkdir()
    with running(tmp_path, body) as tree:
        (tmp_path / "sub").rename(tmp_path / "gone")
        (tmp_path / "gone" / "control.sock").unlink()
        tree.wait_for_log("was removed and cannot be made again")
        os.kill(tree.pid_of("web-1"), signal.SIGKILL)
        tree.pid_of("web-1", 2)
        assert tree.stop() == 0


def test_a_request_in_many_pieces_is_one_request(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        with raw(tree) as sock, sock.makefile("rb") as lines:
            for byte in b'{"do": "status"}\n{"do": "histo':
                sock.sendall(bytes([byte]))
            assert json.loads(lines.readline())["ok"] is True
            sock.sendall(b'ry", "worker": "web"}\n')
            assert set(json.loads(lines.readline())["deaths"]) == {"web-1", "web-2"}
        assert tree.stop() == 0


def test_half_a_line_of_one_who_leaves_is_no_request(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        for _ in range(50):
            with raw(tree) as sock:
                sock.sendall(b'{"do": "stop"}')
        assert set(states(tree).values()) == {"running"}
        assert tree.stop() == 0


def test_a_thousand_connections_harm_nobody(tmp_path):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with running(tmp_path, CONTROLLED) as tree:
        many = [raw(tree) for _ in range(1000)]
        for sock in many[-10:]:
            sock.sendall(b'{"do": "sta')
        assert set(states(tree).values()) == {"running"}
        descriptors = len(os.listdir(f"/proc/{tree.pid}/fd"))
        assert descriptors < 100
        for sock in many:
            sock.close()
        wait_until(lambda: len(os.listdir(f"/proc/{tree.pid}/fd")) <= descriptors - 10)
        assert set(states(tree).values()) == {"running"}
        assert tree.stop() == 0


def test_without_a_descriptor_left_the_supervisor_rests_and_then_hears(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        before = resource.prlimit(tree.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(tree.pid, resource.RLIMIT_NOFILE, (1, before[1]))
        with raw(tree) as sock, sock.makefile("rb") as lines:
            sock.sendall(b'{"do": "status"}\n')
            wait_until(lambda: all(Process(tree.pid).state == "S" for _ in range(500)), what="it rests")
            resource.prlimit(tree.pid, resource.RLIMIT_NOFILE, before)
            assert json.loads(lines.readline())["ok"] is True
        assert tree.stop() == 0


def test_over_the_remains_of_a_killed_one_the_next_begins_and_a_further_is_refused(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        tree.send(signal.SIGKILL)
        tree.process.wait()
        tree.wait_until_nothing_is_left()
    assert (tmp_path / "control.sock").exists()
    (tmp_path / "notes").unlink()
    with running(tmp_path, CONTROLLED) as tree:
        command = [sys.executable, "tree_program.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=GROSS_HANG)
        assert done.returncode == 1
        assert "another supervisor listens at control.sock" in done.stderr
        assert set(states(tree).values()) == {"running"}
        assert tree.stop() == 0
