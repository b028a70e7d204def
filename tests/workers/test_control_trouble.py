"""The control socket lived through: garbage, floods, who does not read, who is not heard."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from nbmon.workers.remote import connect
from support.proc import GROSS_HANG, Process
from workers.asking import CONTROLLED, ask, raw, states
from workers.trees import running


def test_garbage_and_a_flood_on_the_control_socket_harm_nobody(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        with raw(tree) as sock, sock.makefile("rb") as answers:
            for line in (
                b"hello",
                b"[]",
                b"{}",
                b'{"do": 3}',
                b'{"do": "dance"}',
                b"\xff\xfe",
                b"[" * 50_000,
            ):
                sock.sendall(line + b"\n")
                answer = json.loads(answers.readline())
                assert answer["ok"] is False
                assert answer["error"]
            sock.sendall(b'{"do": "scale", "worker": "web", "count": "many"}\n{"do": "status"}\n')
            assert "no number of workers" in json.loads(answers.readline())["error"]
            assert json.loads(answers.readline())["ok"] is True
        with raw(tree) as sock, pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                sock.sendall(b"x" * 65536)
        many = [raw(tree) for _ in range(200)]
        assert set(states(tree).values()) == {"running"}
        assert many[0].recv(1) == b""  # it has left for a later one
        for sock in many:
            sock.close()
        assert tree.stop() == 0


def test_one_who_asks_and_does_not_read_is_left(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        with raw(tree) as sock:
            sock.settimeout(1.0)
            try:
                for _ in range(30_000):
                    sock.sendall(b'{"do": "status"}\n')
            except OSError:
                pass
            assert set(states(tree).values()) == {"running"}
            sock.settimeout(GROSS_HANG)
            try:
                while sock.recv(1 << 20):
                    pass  # until the supervisor's end of it is closed
            except ConnectionResetError:
                pass
        memory = int(Process(tree.pid).status("VmRSS").split()[0]) // 1024
        assert memory < 150  # MiB
        assert tree.stop() == 0


def test_the_control_socket_is_its_owners_and_goes_with_the_tree(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        path = tree.folder / "control.sock"
        assert path.stat().st_mode & 0o777 == 0o600
        assert tree.stop() == 0
        assert not path.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user")
def test_another_user_is_not_heard(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        (tree.folder / "control.sock").chmod(0o666)
        with raw(tree) as sock:
            assert sock.fileno() >= 0  # root is heard; nobody is not:
        code = (
            "import os, socket, sys; s = socket.socket(socket.AF_UNIX); os.chdir(sys.argv[1]);"
            "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534);"
            "fd = os.open('.', os.O_PATH); s.connect('control.sock');"
            's.sendall(b\'{"do": "stop"}\\n\'); print(s.recv(99))'
        )
        for folder in (tree.folder, *tree.folder.parents):
            if os.access(folder, os.W_OK) and str(folder).startswith("/tmp/"):
                folder.chmod(folder.stat().st_mode | 0o005)
        command = [sys.executable, "-c", code, str(tree.folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=GROSS_HANG)
        assert "stop" not in done.stdout
        assert set(states(tree).values()) == {"running"}


def test_who_follows_hears_of_each_event(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        remote = connect(str(tree.folder / "control.sock"), "the tree")
        remote.ask("events")
        pid = tree.pid_of("web-1")
        os.kill(pid, signal.SIGKILL)
        heard = [remote.event(GROSS_HANG) for _ in range(3)]
        assert [event["event"] for event in heard] == ["died", "started", "ready"]
        assert {event["worker"] for event in heard} == {"web-1"}
        assert (heard[0]["pid"], heard[0]["why"]) == (pid, "was killed by SIGKILL")
        remote.close()
        assert tree.stop() == 0


def test_the_history_of_a_worker_is_kept(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        for life in (1, 2):
            os.kill(tree.pid_of("web-1", life), signal.SIGKILL)
        tree.pid_of("web-1", 3)
        deaths = ask(tree, "history", worker="web-1")["deaths"]["web-1"]
        assert [death["sentence"] for death in deaths] == ["was killed by SIGKILL"] * 2
        assert tree.stop() == 0
